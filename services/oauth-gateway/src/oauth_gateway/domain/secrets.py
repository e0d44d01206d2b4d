"""What is derived from a secret: the id kept of it, and the form token that belongs to it."""

import hmac
from hashlib import sha256
from typing import Final

TOKEN_BYTES: Final = 32


def secret_hash(secret: str) -> bytes:
    """Return what the database keeps of a random secret: reading the table opens nothing."""
    return sha256(secret.encode()).digest()


def form_token(secret: str) -> str:
    """Return the CSRF token of a session (or of a visitor who has none yet)."""
    return hmac.new(secret.encode(), b"form", sha256).hexdigest()


def is_form_token(token: str, secret: str) -> bool:
    """Compare a submitted token with the session's, in constant time."""
    return hmac.compare_digest(token.encode(), form_token(secret).encode())
