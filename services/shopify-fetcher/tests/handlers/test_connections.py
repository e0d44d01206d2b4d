"""Connecting and disconnecting, against the simulator."""

import asyncio

from ..builders import WEBHOOK_URI, Fetcher, MakeShop, SimulatedShop, until


async def was_called(shop: SimulatedShop, operation: str) -> bool:
    return operation in await shop.operations()


async def test_connecting_stores_a_sealed_pair_and_tells_once(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    code = await shop.code()

    async with fetcher.client() as client:
        answer = await client.post(
            "/v1/connections",
            json={"store_id": 7, "advertiser_id": 3, "user_id": 11, "shop_domain": shop.domain, "code": code},
        )

    assert answer.status_code == 200, answer.text
    assert answer.json()["shop_domain"] == shop.domain
    assert set(answer.json()["access_scopes"]) >= {"read_customers", "read_orders", "read_products"}
    assert await fetcher.events() == ["sync.store.connected"]
    view = await fetcher.rows("SELECT * FROM fetcher.installations_v1")
    assert [(row["store_id"], row["status"], row["webhooks_installed"]) for row in view] == [
        (7, "connected", True)
    ]
    subscriptions = (await shop.admin("", method="GET"))["subscriptions"]
    assert {subscription["uri"] for subscription in subscriptions} == {WEBHOOK_URI}
    assert "ORDERS_UPDATED" in {subscription["topic"] for subscription in subscriptions}
    issued = (await shop.http.get("/_admin/secrets")).json()["issued"]
    [stored] = await fetcher.rows("SELECT access_token, refresh_token FROM fetcher.credentials")
    assert not any(secret.encode() in bytes(stored["access_token"]) for secret in issued)


async def test_refused_code_is_told_and_stores_nothing(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()

    async with fetcher.client() as client:
        answer = await client.post(
            "/v1/connections",
            json={"store_id": 7, "advertiser_id": 3, "shop_domain": shop.domain, "code": "never-issued"},
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "code_refused")
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []
    assert await fetcher.events() == []


async def test_missing_scopes_are_named_and_the_token_is_forgotten(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    code = await shop.code(("read_customers",))

    async with fetcher.client() as client:
        answer = await client.post(
            "/v1/connections",
            json={"store_id": 7, "advertiser_id": 3, "shop_domain": shop.domain, "code": code},
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "scopes_missing")
    assert "read_orders" in answer.json()["message"]
    assert answer.json()["missing"] == ["read_inventory", "read_orders", "read_products"]
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []


async def test_wrong_service_token_is_refused(fetcher: Fetcher) -> None:
    async with fetcher.client(token="wrong") as client:
        answer = await client.post("/v1/installations/1/counts", json={"resource": "orders"})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_last_disconnect_deletes_subscriptions_and_forgets_the_token(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop, store_id=7, advertiser_id=3)
    await fetcher.connect(shop, store_id=8, advertiser_id=4)

    async with fetcher.client() as client:
        await client.post("/v1/connections/7/disconnect", json={"advertiser_id": 3})
        after_first = (await shop.admin("", method="GET"))["subscriptions"]
        await client.post("/v1/connections/8/disconnect", json={"advertiser_id": 4})
        again = await client.post("/v1/connections/8/disconnect", json={"advertiser_id": 4})

    assert after_first
    assert again.status_code == 204
    assert (await shop.admin("", method="GET"))["subscriptions"] == []
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []
    assert (await fetcher.events()).count("sync.store.disconnected") == 2


async def test_goodbye_forgets_a_pair_that_it_had_to_refresh(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("/expire-tokens")

    await fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3)

    assert (await shop.admin("", method="GET"))["subscriptions"] == []
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []


async def test_goodbye_leaves_the_pair_of_a_connect_under_way(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    """The goodbye of the last store destroyed the pair that somebody had just acquired for another."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    code = await shop.code()
    shopify, tokens = replica.parts.access.shopify, replica.parts.access.tokens
    await shop.fault(operation="WebhookSubscriptionDelete", effect="delay", delay_seconds=0.3, times=50)

    goodbye = asyncio.create_task(fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3))
    await until(lambda: was_called(shop, "WebhookSubscriptionDelete"))
    acquired = await tokens.acquire(installation_id, lambda: shopify.exchange_code(shop.domain, code))
    await goodbye

    [stored] = await fetcher.rows("SELECT token_version FROM fetcher.credentials")
    assert stored["token_version"] == acquired.version


async def test_foreign_advertiser_cannot_disconnect(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop, store_id=7, advertiser_id=3)

    async with fetcher.client() as client:
        answer = await client.post("/v1/connections/7/disconnect", json={"advertiser_id": 99})

    assert answer.status_code == 204
    assert [row["status"] for row in await fetcher.rows("SELECT status FROM fetcher.connections")] == [
        "connected"
    ]


async def test_reconnecting_raises_the_generation(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3)

    await fetcher.connect(shop)

    [row] = await fetcher.rows("SELECT status, generation, disconnect_reason FROM fetcher.connections")
    assert row == {"status": "connected", "generation": 3, "disconnect_reason": None}


async def test_shop_that_does_not_answer_is_told_as_such(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    code = await shop.code()
    await shop.fault(path="access_token", status=503, times=9)

    async with fetcher.client() as client:
        answer = await client.post(
            "/v1/connections",
            json={"store_id": 7, "advertiser_id": 3, "shop_domain": shop.domain, "code": code},
        )

    assert (answer.status_code, answer.json()["code"]) == (424, "shop_unreachable")
