"""Deliveries as bytes, well formed but for what a test changes."""

import base64
import hmac
from hashlib import sha256

from ..process import SECRET

BODY = b'{"id": 1}'
SIGNATURE = base64.b64encode(hmac.new(SECRET.encode(), BODY, sha256).digest())


def post(
    body: bytes = BODY,
    *,
    topic: bytes = b"orders/updated",
    signature: bytes = SIGNATURE,
    length: int | None = None,
    more: bytes = b"",
) -> bytes:
    """Return a signed delivery; `more` are header lines besides."""
    return (
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: ingest\r\nX-Shopify-Topic: " + topic + b"\r\n"
        b"X-Shopify-Shop-Domain: acme.myshopify.com\r\nX-Shopify-Hmac-Sha256: "
        + signature
        + b"\r\n"
        + more
        + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length)
    ) + body
