"""The client goes where it was sent, reads no more than it was told to, and stays out of private networks if asked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from sync_common.http import AnswerTooLarge, Client, HTTPError, make_client, read_limited

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@respx.mock
async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    respx.get("https://acme.myshopify.com/admin").respond(302, headers={"location": "https://evil.example/"})

    async with make_client() as client:
        answer = await client.get("https://acme.myshopify.com/admin")

    assert answer.status_code == 302
    assert len(respx.calls) == 1


@respx.mock
async def test_bearer_token_is_sent_and_shown_nowhere() -> None:
    route = respx.get("http://fetcher/v1").respond(200)

    async with make_client(base_url="http://fetcher", token="s3cret-token") as client:
        await client.get("/v1")

    assert route.calls.last.request.headers["authorization"] == "Bearer s3cret-token"
    assert "s3cret-token" not in repr(client) + repr(route.calls.last.request)


@respx.mock
async def test_answer_beyond_the_limit_is_cut_off() -> None:
    respx.get("http://fetcher/big").respond(200, content=b"x" * 1001)

    async with make_client(base_url="http://fetcher") as client, client.stream("GET", "/big") as answer:
        with pytest.raises(AnswerTooLarge, match="1000 bytes"):
            await read_limited(answer, 1000)


@respx.mock
async def test_answer_within_the_limit_is_read_whole() -> None:
    respx.get("http://fetcher/small").respond(200, content=b"x" * 1000)

    async with make_client(base_url="http://fetcher") as client, client.stream("GET", "/small") as answer:
        body = await read_limited(answer, 1000)

    assert body == b"x" * 1000
    assert isinstance(answer, httpx.Response)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Return the port of a server on this machine that answers anything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def status(client: Client, url: str) -> int:
    async with client:
        return (await client.get(url)).status_code


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name resolve to these addresses."""

    async def getaddrinfo(_loop: object, _host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def test_ordinary_client_reaches_this_machine(port: int) -> None:
    assert await status(make_client(), f"http://127.0.0.1:{port}/") == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_guarded_client_does_not_reach_this_machine(port: int, host: str) -> None:
    with pytest.raises(HTTPError, match="not public"):
        await status(make_client(public_only=True), f"http://{host}:{port}/")


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.1.2.3",),
        ("192.168.0.1",),
        ("169.254.169.254",),
        ("100.64.0.1",),
        ("0.0.0.0",),  # noqa: S104 - an address to refuse
        ("::1",),
        ("fd00::1",),
        ("::ffff:127.0.0.1",),
        ("93.184.216.34", "10.0.0.1"),
    ],
    ids=str,
)
async def test_name_that_leads_to_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, port: int, addresses: tuple[str, ...]
) -> None:
    resolve_to(monkeypatch, *addresses)

    with pytest.raises(HTTPError, match="not public"):
        await status(make_client(public_only=True), f"http://files.example:{port}/")


async def test_public_address_is_connected_to_as_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is resolved once: it may lead elsewhere when it is resolved again."""
    client, connected = make_client(public_only=True), []
    network = client._transport._pool._network_backend._network  # type: ignore[attr-defined]

    async def connect_tcp(host: str, *_: object) -> None:
        connected.append(host)
        raise ConnectionError

    monkeypatch.setattr(network, "connect_tcp", connect_tcp)
    resolve_to(monkeypatch, "93.184.216.34")

    with pytest.raises(ConnectionError):
        await status(client, "https://files.example/")

    assert connected == ["93.184.216.34"]
