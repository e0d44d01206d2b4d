"""Shopify's webhook signature: base64 of HMAC-SHA256 over the raw body ("Verify webhook deliveries")."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

_SIGNATURE_BYTES: Final = sha256().digest_size


def is_signed(body: bytes, signature: bytes, secrets: Sequence[bytes]) -> bool:
    """Tell whether `signature` was made over `body` with one of `secrets`, in time that depends on neither."""
    claimed = _decode(signature)
    if claimed is None:
        return False
    matches = False
    for secret in secrets:  # all of them, whichever matches
        matches |= hmac.compare_digest(hmac.digest(secret, body, "sha256"), claimed)
    return matches


def _decode(signature: bytes) -> bytes | None:
    try:
        claimed = base64.b64decode(signature, validate=True)
    except binascii.Error:
        return None
    # base64 ignores the last character's spare bits, so several texts decode alike: only the canonical one counts.
    if len(claimed) != _SIGNATURE_BYTES or base64.b64encode(claimed) != signature:
        return None
    return claimed
