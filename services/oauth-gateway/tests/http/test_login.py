"""Logging in and out: guesses, sessions, and where a log-in leads."""

import asyncio
import contextlib
import html
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.throttle import WINDOW
from oauth_gateway.errors import TooManyAttempts, WrongCredentials
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import accounts
from sync_common.runtime import ManualClock

from ..conftest import PASSWORD
from ..seed import Seed
from .client import SHOPIFY, log_in, post


async def test_wrong_password_and_unknown_email_read_alike(browser: httpx.AsyncClient, acme: int) -> None:
    wrong = await log_in(browser, password="wrong")
    unknown = await log_in(browser, email="nobody@example.com")

    assert wrong.status_code == unknown.status_code == 422
    problem = "That email and password don&#39;t match."
    assert problem in wrong.text
    assert problem in unknown.text
    assert "session" not in browser.cookies


async def test_log_in_pauses_after_five_wrong_passwords(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock
) -> None:
    for _ in range(5):
        await log_in(browser, password="wrong")

    blocked = await log_in(browser)
    clock.advance(15 * 60 + 1)
    later = await log_in(browser)

    assert blocked.status_code == 429
    assert later.status_code == 303


async def test_parallel_guesses_are_counted_before_they_are_checked(
    gateway: Gateway, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guesses were counted after the hash: of forty sent at once, 32 were checked."""
    checked: list[str] = []
    monkeypatch.setattr(login, "_verify", lambda _hash, password: checked.append(password))

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(guess(gateway, f"guess {number}"))

    assert len(checked) == 5


async def guess(gateway: Gateway, password: str) -> None:
    with contextlib.suppress(WrongCredentials, TooManyAttempts):
        await login.log_in(gateway, email="dana@example.com", password=password, address="192.0.2.1")


async def test_password_that_is_changed_while_it_is_checked_opens_nothing(
    gateway: Gateway, acme: int, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever knew the old one could outlast a reset, and a new hash of the old one could undo it."""

    async def change_meanwhile(_hash: str, _password: str) -> bool:
        seed.execute("UPDATE gateway.users SET password_hash = '$argon2id$v=19$m=8,t=9,p=1$c2FsdA$aGFzaA'")
        return True

    monkeypatch.setattr(login, "_is_right", change_meanwhile)

    with pytest.raises(WrongCredentials):
        await login.log_in(gateway, email="dana@example.com", password=PASSWORD, address="192.0.2.1")

    assert seed.scalar("SELECT count(*) FROM gateway.sessions") == 0
    assert "t=9" in seed.scalar("SELECT password_hash FROM gateway.users")


async def test_log_in_is_forgotten_as_a_guess(
    gateway: Gateway, acme: int, seed: Seed, clock: ManualClock
) -> None:
    for _ in range(40):
        await login.log_in(gateway, email="dana@example.com", password=PASSWORD, address="192.0.2.1")

    assert seed.scalar("SELECT coalesce(sum(failures), 0) FROM gateway.login_failures") == 0


async def test_guesses_are_counted_while_others_are_taken_back(
    gateway: Gateway, acme: int, seed: Seed, clock: ManualClock
) -> None:
    keys, now = [bytes([number]) * 32 for number in range(3)], clock.now()

    async def log_in_often(number: int) -> None:
        for _ in range(100):
            async with gateway.database.transaction() as tx:
                await accounts.count_guess(tx, keys, now=now, window_ends=now + number * WINDOW)
            async with gateway.database.transaction() as tx:
                await accounts.forget_guess(tx, keys, cleared=keys[0], now=now)

    await asyncio.gather(*(log_in_often(number) for number in range(6)))

    assert seed.scalar("SELECT sum(failures) FROM gateway.login_failures") == 0


async def test_window_of_guesses_begins_with_the_first_that_stays(
    gateway: Gateway, acme: int, clock: ManualClock
) -> None:
    await login.log_in(gateway, email="dana@example.com", password=PASSWORD, address="192.0.2.1")
    clock.advance(14 * 60)
    for number in range(5):
        await guess(gateway, f"guess {number}")
    clock.advance(2 * 60)

    with pytest.raises(TooManyAttempts):
        await login.log_in(gateway, email="dana@example.com", password=PASSWORD, address="192.0.2.1")


async def test_refused_guesses_do_not_lock_the_owner_out(gateway: Gateway, acme: int) -> None:
    for number in range(70):
        await guess(gateway, f"guess {number}")

    assert await login.log_in(gateway, email="dana@example.com", password=PASSWORD, address="192.0.2.2")


async def test_log_in_makes_a_new_session_each_time(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)
    first = browser.cookies["session"]
    browser.cookies.clear()

    await log_in(browser)

    assert browser.cookies["session"] != first


async def test_session_id_is_kept_hashed(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    await log_in(browser)

    kept = seed.scalar("SELECT encode(token_hash, 'hex') FROM gateway.sessions")

    assert kept != browser.cookies["session"]


async def test_session_ends_after_a_week(browser: httpx.AsyncClient, acme: int, clock: ManualClock) -> None:
    await log_in(browser)

    clock.advance(timedelta(days=7).total_seconds() + 1)
    answer = await browser.get(SHOPIFY)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={SHOPIFY}"


async def test_log_out_ends_the_session_on_the_server(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)
    session = browser.cookies["session"]

    await post(browser, SHOPIFY, "/logout")
    browser.cookies.set("session", session)
    answer = await browser.get(SHOPIFY)

    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "page", ["", "/connect?shop=acme.myshopify.com", "/disconnect?store=7", "/stores/7/name", "/syncs/7"]
)
async def test_log_in_returns_to_the_page_that_was_asked_for(
    browser: httpx.AsyncClient, acme: int, page: str
) -> None:
    sent = await browser.get(f"{SHOPIFY}{page}")
    form = (await browser.get(sent.headers["location"])).text
    asked = html.unescape(form.split('name="next" value="')[1].split('"')[0])

    answer = await post(browser, "/login", "/login", email="dana@example.com", password=PASSWORD, next=asked)

    assert answer.headers["location"] == f"{SHOPIFY}{page}"


async def test_log_in_drops_a_query_it_does_not_know(browser: httpx.AsyncClient, acme: int) -> None:
    asked = f"{SHOPIFY}/connect?shop=//evil.example"

    answer = await post(browser, "/login", "/login", email="dana@example.com", password=PASSWORD, next=asked)

    assert answer.headers["location"] == f"{SHOPIFY}/connect"


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/logout", "/static/x"]
)
async def test_log_in_never_leads_elsewhere(browser: httpx.AsyncClient, acme: int, target: str) -> None:
    answer = await post(browser, "/login", "/login", email="dana@example.com", password=PASSWORD, next=target)

    assert answer.headers["location"] == "/"
