"""The one place that makes HTTP clients, so that a change of library is a change of this module."""

from typing import Final

import httpx

Client = httpx.AsyncClient
Response = httpx.Response
HTTPError = httpx.HTTPError


# Servers such as uvicorn close idle connections after 5 s: whoever gives them up sooner never sends into a closing one.
_IDLE_SECONDS_MAX: Final = 2.0


class AnswerTooLarge(Exception):
    """Raised when an answer's body passes the limit; the limit is in bytes."""


def make_client(
    *,
    base_url: str = "",
    token: str | None = None,
    connect_seconds: float = 5,
    read_seconds: float = 30,
    connections: int = 100,
) -> Client:
    """Make a client that follows no redirects and reads no proxy settings from the environment."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=20, keepalive_expiry=_IDLE_SECONDS_MAX
        ),
        follow_redirects=False,
        trust_env=False,
    )


async def read_limited(response: Response, max_bytes: int) -> bytes:
    """Read a streamed answer's body; raise AnswerTooLarge past `max_bytes`."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLarge(f"an answer passed {max_bytes} bytes")
    return bytes(body)
