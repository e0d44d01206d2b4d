"""The one place that makes HTTP clients, so that a change of library is a change of this module."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import httpcore
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
    public_only: bool = False,
) -> Client:
    """Make a client that follows no redirects and reads no proxy settings from the environment.

    With `public_only` it connects to no address of a private network, whatever a host's name resolves to: for calls
    to hosts that somebody else has named.
    """
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=20, keepalive_expiry=_IDLE_SECONDS_MAX
    )
    transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    if public_only:
        _guard(transport)
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
        transport=transport,
        follow_redirects=False,
        trust_env=False,
    )


class _PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked: a name that is resolved twice could change in between."""

    def __init__(self, network: httpcore.AsyncNetworkBackend) -> None:
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _addresses(host, port, timeout)
        if not addresses or not all(ip_address(address).is_global for address in addresses):
            raise httpcore.ConnectError("the host's address is not public")
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("a socket of this machine is not public")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def _addresses(host: str, port: int, seconds: float | None) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise httpcore.ConnectTimeout("the host's name was not resolved in time") from None
    except OSError:
        raise httpcore.ConnectError("the host's name cannot be resolved") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _guard(transport: httpx.AsyncHTTPTransport) -> None:
    """Put the guard under a transport's connections; httpx has no public way to, a test sees that this one works."""
    pool = transport._pool
    pool._network_backend = _PublicOnly(pool._network_backend)


async def read_limited(response: Response, max_bytes: int) -> bytes:
    """Read a streamed answer's body; raise AnswerTooLarge past `max_bytes`."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLarge(f"an answer passed {max_bytes} bytes")
    return bytes(body)
