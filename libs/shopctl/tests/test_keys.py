"""`shopctl keys rotate` against an answering fetcher."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from shopctl.keys import Keys
from shopctl.main import Tools, app, open_desk


def rotate(answer: Callable[[int], httpx.Response]) -> tuple[Result, list[int]]:
    """Run the command against a fetcher that answers so; return what it was asked."""
    asked: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["after"])
        return answer(asked[-1])

    @asynccontextmanager
    async def open_keys() -> AsyncIterator[Keys]:
        transport = httpx.MockTransport(handle)
        async with httpx.AsyncClient(transport=transport, base_url="http://fetcher") as client:
            yield Keys(client)

    return CliRunner().invoke(keys_app(), ["rotate"], obj=Tools(open_desk, open_keys)), asked


def keys_app() -> Any:
    return next(group.typer_instance for group in app.registered_groups if group.name == "keys")


def step(after: int, **keys: int) -> httpx.Response:
    body = {"key_id": "k2", "rewrapped": 0 if after else 2, "unreadable": 0, "next": None if after else 9}
    return httpx.Response(200, json={**body, "keys": keys})


def test_rotation_goes_on_to_its_end_and_says_what_seals_now() -> None:
    result, asked = rotate(lambda after: step(after, k2=2))

    assert (result.exit_code, asked) == (0, [0, 9])
    assert "2  sealed by k2 (now in use)" in result.output
    assert "2 sealed anew" in result.output


def test_keys_that_others_still_use_are_told() -> None:
    result, _ = rotate(lambda after: step(after, k2=2, k1=1))

    assert result.exit_code == 1
    assert "still seals by another key" in result.output


def test_installations_without_their_key_are_told() -> None:
    answer = {"key_id": "k2", "rewrapped": 0, "unreadable": 3, "next": None, "keys": {"k0": 3}}

    result, _ = rotate(lambda _: httpx.Response(200, json=answer))

    assert result.exit_code == 1
    assert "3 installations need a master key" in result.output


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not know this service token"), (503, "answered 503")]
)
def test_refusal_is_one_line(status: int, words: str) -> None:
    result, _ = rotate(lambda _: httpx.Response(status))

    assert result.exit_code == 1
    assert words in result.output


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPCTL_FETCHER_URL", raising=False)

    result = CliRunner().invoke(app, ["keys", "rotate"])

    assert result.exit_code == 1
    assert "SHOPCTL_FETCHER_URL" in result.output
