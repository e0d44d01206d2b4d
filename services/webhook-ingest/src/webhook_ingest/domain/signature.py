"""Shopify's webhook signature: base64 of HMAC-SHA256 over the raw body ("Verify webhook deliveries")."""

import hmac
from binascii import b2a_base64
from collections.abc import Sequence


def is_signed(body: bytes, signature: bytes, secrets: Sequence[bytes]) -> bool:
    """Tell whether `signature` was made over `body` with one of `secrets`, in time that depends on neither.

    The texts are compared, not what they decode to: base64 ignores spare bits, so several texts decode alike.
    """
    matches = False
    for secret in secrets:  # all of them, whichever matches
        matches |= hmac.compare_digest(
            b2a_base64(hmac.digest(secret, body, "sha256"), newline=False), signature
        )
    return matches
