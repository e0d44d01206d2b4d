"""Installing from Shopify: a pair that nobody has claimed, the claim that connects a store, and its end."""

import asyncio
from typing import Any

import httpx
import pytest

from ..builders import Fetcher, MakeShop, SimulatedShop

DUE = "UPDATE fetcher.installations SET webhooks_due_at = clock_timestamp()"
CLAIM_IS_OLD = "UPDATE fetcher.installations SET claim_expires_at = clock_timestamp() - interval '1 s'"
ALL_OVER = "UPDATE fetcher.installations SET claim_expires_at = clock_timestamp() - interval '2 min'"


async def install(fetcher: Fetcher, shop: SimulatedShop, **code: Any) -> dict[str, Any]:
    """Install the app on a shop as the gateway does, and return the answer."""
    async with fetcher.client() as client:
        wish = {"shop_domain": shop.domain, "code": await shop.code(**code)}
        answer = await client.post("/v1/installations", json=wish)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def claim(
    fetcher: Fetcher, shop: SimulatedShop, secret: str, *, store_id: int = 7, advertiser_id: int = 3
) -> httpx.Response:
    """Connect a store with a claim."""
    wish = {
        "store_id": store_id,
        "advertiser_id": advertiser_id,
        "user_id": 11,
        "shop_domain": shop.domain,
        "claim": secret,
    }
    async with fetcher.client() as client:
        return await client.post("/v1/connections", json=wish)


async def subscriptions(shop: SimulatedShop) -> list[dict[str, Any]]:
    return list((await shop.admin("", method="GET"))["subscriptions"])


async def test_installing_keeps_the_pair_and_tells_nobody(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()

    answer = await install(fetcher, shop)

    assert answer["shop_domain"] == shop.domain
    assert answer["shop_name"]
    [row] = await fetcher.rows(
        """SELECT i.id, i.claim_hash, c.installation_id AS holds_token,
                  i.claim_expires_at - clock_timestamp() BETWEEN interval '59 min' AND interval '60 min' AS an_hour
           FROM fetcher.installations i JOIN fetcher.credentials c ON c.installation_id = i.id"""
    )
    assert row["id"] == row["holds_token"] == answer["installation_id"]
    assert row["an_hour"]
    assert answer["claim"].encode() not in bytes(row["claim_hash"])
    assert await fetcher.rows("SELECT * FROM fetcher.connections") == []
    assert await fetcher.events() == []
    assert await subscriptions(shop) == []


async def test_claim_connects_a_store_and_is_used_up(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installed = await install(fetcher, shop)

    first = await claim(fetcher, shop, installed["claim"])
    second = await claim(fetcher, shop, installed["claim"], store_id=8, advertiser_id=4)

    assert first.status_code == 200, first.text
    assert first.json()["installation_id"] == installed["installation_id"]
    assert (second.status_code, second.json()["code"]) == (422, "claim_refused")
    assert await fetcher.events() == ["sync.store.connected"]
    view = await fetcher.rows("SELECT store_id, status, webhooks_installed FROM fetcher.installations_v1")
    assert view == [{"store_id": 7, "status": "connected", "webhooks_installed": True}]
    assert await subscriptions(shop)
    assert await shop.token_calls() == 1


async def test_claim_that_two_browsers_use_at_once_connects_one_store(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]

    answers = await asyncio.gather(
        claim(fetcher, shop, secret), claim(replica, shop, secret, store_id=8, advertiser_id=4)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert len(await fetcher.rows("SELECT * FROM fetcher.connections")) == 1


async def test_claims_of_another_shop_and_of_nobody_are_refused(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop, other = await make_shop(), await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    await install(fetcher, other)

    foreign = await claim(fetcher, other, secret)
    made_up = await claim(fetcher, shop, "0" * 64)
    never_installed = await claim(fetcher, await make_shop(), secret)

    assert [answer.json()["code"] for answer in (foreign, made_up, never_installed)] == ["claim_refused"] * 3
    assert await fetcher.events() == []


async def test_newer_install_replaces_the_claim(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    older = await install(fetcher, shop)
    newer = await install(fetcher, shop)

    refused = await claim(fetcher, shop, older["claim"])
    connected = await claim(fetcher, shop, newer["claim"])

    assert older["installation_id"] == newer["installation_id"]
    assert (refused.status_code, connected.status_code) == (422, 200)


async def test_claim_is_refused_after_an_hour(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    await fetcher.execute(CLAIM_IS_OLD)

    answer = await claim(fetcher, shop, secret)

    assert (answer.status_code, answer.json()["code"]) == (422, "claim_refused")


async def test_claim_outlives_a_shop_that_does_not_answer(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    await shop.fault(path="graphql.json", status=503, times=4)

    failed = await claim(fetcher, shop, secret)
    again = await claim(fetcher, shop, secret)

    assert (failed.status_code, failed.json()["code"]) == (424, "shop_unreachable")
    assert again.status_code == 200, again.text


async def test_install_on_a_connected_shop_replaces_the_pair_of_its_stores(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    [before] = await fetcher.rows("SELECT token_version FROM fetcher.credentials")

    installed = await install(fetcher, shop)

    [after] = await fetcher.rows("SELECT token_version FROM fetcher.credentials")
    assert installed["installation_id"] == installation_id
    assert after["token_version"] > before["token_version"]
    assert await fetcher.events() == ["sync.store.connected"]
    assert (await fetcher.stream(installation_id, "products", mode="paged"))[-1]["type"] == "done"


async def test_install_after_an_uninstall_that_nobody_heard_of_brings_the_webhooks_back(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("/uninstall")
    await install(fetcher, shop)
    before = await subscriptions(shop)

    visited = await fetcher.parts.doctor.visit_next()

    assert visited
    assert before == []
    assert await subscriptions(shop)
    assert await fetcher.events() == ["sync.store.connected", "sync.webhooks.repaired"]


async def test_install_without_the_scopes_is_refused_and_forgotten(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    wish = {"shop_domain": shop.domain, "code": await shop.code(("read_customers",))}

    async with fetcher.client() as client:
        answer = await client.post("/v1/installations", json=wish)

    assert (answer.status_code, answer.json()["code"]) == (422, "scopes_missing")
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []
    assert (await claim(fetcher, shop, secret)).json()["code"] == "claim_refused"


async def test_unclaimed_install_is_ended_by_the_doctor(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await install(fetcher, shop)
    [row] = await fetcher.rows(
        "SELECT webhooks_due_at <= clock_timestamp() + interval '1 h' AS soon FROM fetcher.installations"
    )
    await fetcher.execute(ALL_OVER)
    await fetcher.execute(DUE)

    visited = await fetcher.parts.doctor.visit_next()

    assert row["soon"]
    assert visited
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []
    [row] = await fetcher.rows("SELECT claim_hash, webhooks_due_at::text AS due FROM fetcher.installations")
    assert row == {"claim_hash": None, "due": "infinity"}
    assert await fetcher.events() == []


async def test_doctor_that_comes_early_waits_for_the_claim(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """An earlier install that nobody claimed calls the doctor while a later one still waits for its owner."""
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    await fetcher.execute(DUE)

    visited = await fetcher.parts.doctor.visit_next()
    [row] = await fetcher.rows(
        "SELECT webhooks_due_at > claim_expires_at AS later, webhooks_due_at < claim_expires_at + interval '5 min'"
        " AS soon FROM fetcher.installations"
    )
    answer = await claim(fetcher, shop, secret)

    assert visited
    assert row == {"later": True, "soon": True}
    assert answer.status_code == 200, answer.text


async def test_connect_that_began_in_time_is_not_ended_by_the_doctor(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await install(fetcher, shop)
    await fetcher.execute(CLAIM_IS_OLD)
    await fetcher.execute(DUE)

    await fetcher.parts.doctor.visit_next()

    assert len(await fetcher.rows("SELECT * FROM fetcher.credentials")) == 1


async def test_disconnect_leaves_an_install_to_be_claimed(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop, store_id=7, advertiser_id=3)
    secret = (await install(fetcher, shop))["claim"]

    await fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3)
    answer = await claim(fetcher, shop, secret, store_id=8, advertiser_id=4)

    assert answer.status_code == 200, answer.text


async def test_uninstall_forgets_the_claim(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    secret = (await install(fetcher, shop))["claim"]
    await shop.admin("/uninstall")

    dead = await claim(fetcher, shop, secret)
    again = await claim(fetcher, shop, secret)

    assert (dead.status_code, dead.json()["code"]) == (409, "token_refused")
    assert (again.status_code, again.json()["code"]) == (422, "claim_refused")
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []


@pytest.mark.parametrize("proof", [{}, {"code": "c", "claim": "k"}])
async def test_connect_asks_for_exactly_one_proof(fetcher: Fetcher, proof: dict[str, str]) -> None:
    wish = {"store_id": 7, "advertiser_id": 3, "shop_domain": "acme.myshopify.com", **proof}

    async with fetcher.client() as client:
        answer = await client.post("/v1/connections", json=wish)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_other_services_cannot_read_a_claim(fetcher: Fetcher) -> None:
    columns = await fetcher.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'installations_v1'"
    )

    assert not [column for column in columns if "claim" in column["column_name"]]
