"""The client goes where it was sent, and reads no more than it was told to."""

import httpx
import pytest
import respx

from sync_common.http import AnswerTooLarge, make_client, read_limited


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
