"""The two signatures that Shopify makes with an app's client secret."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def query_signature(secret: str, parameters: Mapping[str, str]) -> str:
    """Sign a redirect to the app: hex over all other parameters, sorted ("authorization code grant")."""
    message = "&".join(
        f"{name}={value}" for name, value in sorted(parameters.items()) if name not in ("hmac", "signature")
    )
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def body_signature(secret: str, body: bytes) -> str:
    """Sign a webhook: base64 over the raw body ("verify deliveries")."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
