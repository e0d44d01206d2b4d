"""Tokens: one refresh whoever asks, no pair ever lost, and only a dead refresh token disconnects."""

import asyncio
import itertools
import sys
from datetime import timedelta
from typing import Any

import pytest

from shopify_fetcher.access import tokens
from shopify_fetcher.errors import FetcherError, NotConnected, TokenRefused, TokenUnreadable, Transient
from shopify_fetcher.store import credentials, installations

from ..builders import CLIENT_ID, CLIENT_SECRET, Fetcher, MakeShop, SimulatedShop

EXPIRE = "UPDATE fetcher.credentials SET expires_at = clock_timestamp()"


async def call_ten_times(*fetchers: Fetcher, installation_id: int) -> Any:
    sessions = [await fetchers[number % len(fetchers)].session(installation_id) for number in range(10)]
    return await asyncio.gather(
        *(session.call("shop_details") for session in sessions), return_exceptions=True
    )


async def test_ten_callers_with_an_expired_token_make_one_refresh(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens")
    await fetcher.execute(EXPIRE)

    answers = await call_ten_times(fetcher, replica, installation_id=installation_id)

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert await shop.token_calls() == 2  # the code, then one refresh
    [stored] = await fetcher.rows(
        "SELECT token_lease_owner, previous_refresh_token FROM fetcher.credentials"
        " JOIN fetcher.installations ON id = installation_id"
    )
    assert stored["token_lease_owner"] is None
    assert stored["previous_refresh_token"] is not None


async def test_ten_callers_that_meet_a_401_make_one_refresh(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens")

    answers = await call_ten_times(fetcher, replica, installation_id=installation_id)

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert await shop.token_calls() == 2


class Crash(Exception):
    """A process died."""


async def test_rotation_raced_by_ten_workers_and_crashes_loses_no_pair_and_reuses_none(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crashes lie between Shopify's answer and our commit: the new pair is lost, and its lease stays behind."""
    monkeypatch.setattr(tokens, "TOKEN_LEASE", timedelta(seconds=1))
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    rotations, crashes = itertools.count(), 0
    rotate, release = credentials.rotate, installations.release_token_lease

    async def rotate_or_crash(*arguments: Any, **named: Any) -> Any:
        nonlocal crashes
        if next(rotations) % 3 < 2:  # twice in a row, then once not
            crashes += 1
            raise Crash
        return await rotate(*arguments, **named)

    async def release_unless_crashed(*arguments: Any, **named: Any) -> None:
        if not isinstance(sys.exception(), Crash):
            await release(*arguments, **named)

    monkeypatch.setattr(credentials, "rotate", rotate_or_crash)
    monkeypatch.setattr(installations, "release_token_lease", release_unless_crashed)
    for _ in range(3):
        await shop.admin("/expire-tokens")
        await fetcher.execute(EXPIRE)
        answers = await call_ten_times(fetcher, replica, installation_id=installation_id)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(failure, Crash) for failure in failures), failures
        assert len(failures) < len(answers)

    told = (await shop.admin("", method="GET"))["tokens"]
    assert crashes == 6
    assert told["refreshes"] == 3 + crashes
    assert (told["refused_refreshes"], told["reused_after_use"]) == (0, 0)
    assert await fetcher.events() == ["sync.store.connected"]


async def test_connect_waits_while_another_process_talks_to_the_token_endpoint(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """Two pairs could be stored in another order than Shopify had made them, and the living one be lost."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.execute(
        "UPDATE fetcher.installations SET token_lease_owner = gen_random_uuid(),"
        " token_lease_until = clock_timestamp() + interval '1 hour'"
    )
    connecting = asyncio.create_task(fetcher.connect(shop, store_id=8))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.shield(connecting)
    asked_meanwhile = await shop.token_calls()
    await fetcher.execute("UPDATE fetcher.installations SET token_lease_until = NULL")
    await connecting

    assert (asked_meanwhile, await shop.token_calls()) == (1, 2)


async def connect_with_a_token_that_never_expires(fetcher: Fetcher, shop: SimulatedShop) -> int:
    """Connect as a custom app does: Shopify gives it such a token whatever it asks for."""
    wish = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "code": await shop.code()}
    answer = await shop.http.post(f"/shops/{shop.domain}/admin/oauth/access_token", json=wish)
    assert set(answer.json()) == {"access_token", "scope"}
    await shop.fault(path="access_token", status=200, body=answer.json())
    return await fetcher.connect(shop)


async def test_token_that_never_expires_is_used_as_it_is(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await connect_with_a_token_that_never_expires(fetcher, shop)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert lines[-1]["type"] == "done"
    [stored] = await fetcher.rows("SELECT expires_at, refresh_token FROM fetcher.credentials")
    assert stored == {"expires_at": None, "refresh_token": None}


async def test_token_that_may_not_be_without_end_any_more_asks_for_a_new_connection(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """It was reported as a missing permission, which no merchant could have granted."""
    shop = await make_shop()
    installation_id = await connect_with_a_token_that_never_expires(fetcher, shop)
    text = "[API] Non-expiring access tokens are no longer accepted for the Admin API. Use expiring tokens."
    await shop.fault(path="graphql.json", status=403, body={"errors": text}, times=9)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert lines[-1]["code"] == "token_refused"
    [row] = await fetcher.rows("SELECT status, disconnect_reason FROM fetcher.connections")
    assert row == {"status": "disconnected", "disconnect_reason": "token_expired"}


async def test_lost_answer_of_the_token_endpoint_costs_one_more_try(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens")
    await shop.fault(path="access_token", effect="drop")

    answer = await (await fetcher.session(installation_id)).call("shop_details")

    assert answer.data["shop"]["myshopifyDomain"] == shop.domain
    assert await shop.token_calls() == 3


async def test_newest_refresh_token_that_was_never_good_falls_back_to_the_previous_one(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(EXPIRE)
    await (await fetcher.session(installation_id)).call("shop_details")
    refused = {"path": "access_token", "effect": "status", "status": 401}
    await shop.fault(**refused, body={"error": "invalid_request"})
    await fetcher.execute(EXPIRE)

    await (await fetcher.session(installation_id)).call("shop_details")

    assert await shop.token_calls() == 4


async def test_dead_refresh_token_disconnects_once_however_many_notice(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens", {"refresh_tokens": True})

    answers = await call_ten_times(fetcher, replica, installation_id=installation_id)

    assert all(isinstance(answer, (TokenRefused, NotConnected)) for answer in answers)
    assert await fetcher.events() == ["sync.store.connected", "sync.store.disconnected"]
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []
    [row] = await fetcher.rows("SELECT status, disconnect_reason FROM fetcher.connections")
    assert row == {"status": "disconnected", "disconnect_reason": "token_expired"}


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 503},
        {"effect": "drop"},
        {"effect": "status", "status": 400, "body": {"error": "invalid_client"}},
        {"effect": "status", "status": 401, "body": {"error": "something_new"}},
    ],
    ids=["503", "cut", "our secret is wrong", "unknown refusal"],
)
async def test_failing_token_endpoint_never_disconnects(
    fetcher: Fetcher, make_shop: MakeShop, fault: dict[str, Any]
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens")
    await shop.fault(path="access_token", times=50, **fault)

    with pytest.raises(FetcherError):
        await (await fetcher.session(installation_id)).call("shop_details")

    assert await fetcher.events() == ["sync.store.connected"]
    assert len(await fetcher.rows("SELECT * FROM fetcher.credentials")) == 1


async def test_refusal_of_a_token_just_renewed_never_disconnects(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """A spell of 401s at Shopify ended every store of a shop whose refresh token was alive all along."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="ShopDetails", status=401, times=50)

    with pytest.raises(Transient):
        await (await fetcher.session(installation_id)).call("shop_details")

    assert await fetcher.events() == ["sync.store.connected"]
    assert len(await fetcher.rows("SELECT * FROM fetcher.credentials")) == 1


@pytest.mark.parametrize("life_left", ["2 minutes", "0 seconds"])
async def test_token_endpoint_that_asks_to_wait_is_waited_for(
    fetcher: Fetcher, make_shop: MakeShop, life_left: str
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(
        "UPDATE fetcher.credentials SET expires_at = clock_timestamp() + CAST(:left AS interval)",
        left=life_left,
    )
    await shop.fault(path="access_token", status=429, headers={"retry-after": "0.2"})

    answer = await (await fetcher.session(installation_id)).call("shop_details")

    assert answer.data["shop"]["myshopifyDomain"] == shop.domain


async def test_token_endpoint_that_drips_is_given_up_before_the_lease_ends(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(EXPIRE)
    monkeypatch.setattr(tokens, "TOKEN_CALL_SECONDS", 0.05)
    await shop.fault(path="access_token", effect="delay", delay_seconds=5, times=9)

    with pytest.raises(Transient, match="in time"):
        await (await fetcher.session(installation_id)).call("shop_details")


async def test_refresh_ahead_of_the_end_that_fails_uses_what_still_works(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(
        "UPDATE fetcher.credentials SET expires_at = clock_timestamp() + interval '2 minutes'"
    )
    await shop.fault(path="access_token", status=503)

    answer = await (await fetcher.session(installation_id)).call("shop_details")

    assert answer.data["shop"]["myshopifyDomain"] == shop.domain


async def test_refusal_of_an_old_token_does_not_end_a_newer_connection(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    [old] = await fetcher.rows("SELECT token_version FROM fetcher.credentials")
    await fetcher.connect(shop)

    installation = await fetcher.installation(installation_id)
    await fetcher.parts.disconnector.on_refused(installation, old["token_version"])

    assert "sync.store.disconnected" not in await fetcher.events()
    assert len(await fetcher.rows("SELECT * FROM fetcher.credentials")) == 1


async def test_holder_that_died_is_waited_for_until_its_lease_ends(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.admin("/expire-tokens")
    await fetcher.execute(
        "UPDATE fetcher.installations SET token_lease_owner = gen_random_uuid(),"
        " token_lease_until = clock_timestamp() + interval '0.3 seconds'"
    )

    answer = await (await fetcher.session(installation_id)).call("shop_details")

    assert answer.data["shop"]["myshopifyDomain"] == shop.domain


async def test_sealed_token_of_another_row_does_not_open(fetcher: Fetcher, make_shop: MakeShop) -> None:
    first, second = await make_shop(), await make_shop()
    first_id = await fetcher.connect(first, store_id=1)
    second_id = await fetcher.connect(second, store_id=2)

    await fetcher.execute(
        "UPDATE fetcher.credentials b SET access_token = a.access_token, data_key = a.data_key"
        " FROM fetcher.credentials a WHERE a.installation_id = :first AND b.installation_id = :second",
        first=first_id,
        second=second_id,
    )

    with pytest.raises(TokenUnreadable, match="does not open"):
        await (await fetcher.session(second_id)).call("shop_details")


async def test_connecting_anew_during_calls_and_refreshes_ends_no_connection(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop, store_id=1, advertiser_id=1)
    await shop.admin("/expire-tokens")
    await shop.fault(path="access_token", effect="delay", delay_seconds=0.3)

    sessions = [await fetcher.session(installation_id) for _ in range(4)]
    calling = asyncio.gather(*(session.call("shop_details") for session in sessions))
    await replica.connect(shop, store_id=2, advertiser_id=2)
    answers = await calling

    assert all(answer.data["shop"]["myshopifyDomain"] == shop.domain for answer in answers)
    assert await fetcher.events() == ["sync.store.connected", "sync.store.connected"]


async def test_two_connects_at_once_leave_a_working_token(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop, store_id=9, advertiser_id=9)

    outcomes = await asyncio.gather(
        fetcher.connect(shop, store_id=1, advertiser_id=1),
        replica.connect(shop, store_id=2, advertiser_id=2),
        return_exceptions=True,
    )

    # A new pair ends the shop's other codes: the later connect may be refused, but the token that is kept works.
    assert any(isinstance(outcome, int) for outcome in outcomes)
    answer = await (await fetcher.session(installation_id)).call("shop_details")
    assert answer.data["shop"]["myshopifyDomain"] == shop.domain
    assert "sync.store.disconnected" not in await fetcher.events()
