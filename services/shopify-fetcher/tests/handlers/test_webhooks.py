"""The webhook doctor, and the shop's own webhooks from Kafka."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopify_fetcher.store import installations
from sync_common.bus import Done, Message, Rejected
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import ShopRedacted
from sync_common.contracts.records import ShopWebhook
from sync_common.contracts.topics import LIFECYCLE_TOPIC, SHOP_TOPIC

from ..builders import Fetcher, MakeShop, SimulatedShop, until

DUE = "UPDATE fetcher.installations SET webhooks_due_at = clock_timestamp()"


def message(topic: str, shop: str, body: bytes = b"{}", triggered_at: datetime | None = None) -> Message:
    now = datetime.now(UTC)
    webhook = ShopWebhook(
        topic=topic,
        shop=shop,
        observed_at=triggered_at or now,
        body=body,
        event_id="1",
        source="webhook-ingest",
        occurred_at=now,
        digest="0" * 64,
        triggered_at=triggered_at,
    )
    return Message(SHOP_TOPIC, 0, 0, shop.encode(), body, webhook.envelope().to_headers(), 0)


async def subscriptions(shop: SimulatedShop) -> Any:
    return (await shop.admin("", method="GET"))["subscriptions"]


async def delete_some(fetcher: Fetcher, shop: SimulatedShop, installation_id: int, count: int) -> Any:
    session = await fetcher.session(installation_id)
    for subscription in (await subscriptions(shop))[:count]:
        await session.call("webhook_subscription_delete", {"id": subscription["id"]})


async def test_doctor_repairs_what_is_missing_and_tells_every_store(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop, store_id=7, advertiser_id=3)
    await fetcher.connect(shop, store_id=8, advertiser_id=4)
    before = {subscription["topic"] for subscription in await subscriptions(shop)}
    await delete_some(fetcher, shop, installation_id, 3)
    await fetcher.execute(DUE)

    visited = await fetcher.parts.doctor.visit_next()

    assert visited
    assert {subscription["topic"] for subscription in await subscriptions(shop)} == before
    assert (await fetcher.events()).count("sync.webhooks.repaired") == 2


async def test_gap_that_was_repaired_before_a_crash_is_told_at_the_next_visit(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subscriptions were there again, so the next visit found all well and the silence was never synced."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await delete_some(fetcher, shop, installation_id, 3)

    async def crash(*_: object, **__: object) -> None:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(installations, "note_webhooks", crash)
        with pytest.raises(ConnectionError):
            await fetcher.parts.doctor.visit(await fetcher.installation(installation_id))
    told_before = await fetcher.events()
    for _ in range(2):
        await fetcher.parts.doctor.visit(await fetcher.installation(installation_id))

    assert "sync.webhooks.repaired" not in told_before
    assert (await fetcher.events()).count("sync.webhooks.repaired") == 1


async def test_refused_topic_hides_no_repair_of_the_others(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """Nine of ten were made again, but the tenth was refused, and nobody heard of the gap."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await delete_some(fetcher, shop, installation_id, 3)
    refusal = {"userErrors": [{"field": ["topic"], "message": "not approved"}], "webhookSubscription": None}
    body = {"data": {"webhookSubscriptionCreate": refusal}}
    await shop.fault(operation="WebhookSubscriptionCreate", status=200, body=body)

    created = await fetcher.parts.doctor.visit(await fetcher.installation(installation_id))

    assert len(created) == 2
    assert (await fetcher.events()).count("sync.webhooks.repaired") == 1
    [row] = await fetcher.rows("SELECT webhooks_installed FROM fetcher.installations")
    assert row["webhooks_installed"] is False


async def test_doctor_that_finds_all_well_says_nothing_and_comes_back_in_an_hour(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.execute(DUE)

    first, second = await fetcher.parts.doctor.visit_next(), await fetcher.parts.doctor.visit_next()

    assert (first, second) == (True, False)
    assert "sync.webhooks.repaired" not in await fetcher.events()
    [row] = await fetcher.rows(
        "SELECT webhooks_due_at - clock_timestamp() BETWEEN interval '59 min' AND interval '60 min' AS in_an_hour"
        " FROM fetcher.installations"
    )
    assert row["in_an_hour"]


async def test_doctor_ends_a_disconnect_that_a_crash_cut_short(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.execute("UPDATE fetcher.connections SET status = 'disconnected'")
    await fetcher.execute(DUE)

    await fetcher.parts.doctor.visit_next()

    assert await subscriptions(shop) == []
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []


async def test_doctor_outlives_a_shop_that_does_not_answer(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.fault(path="graphql.json", status=500, times=50)
    await fetcher.execute(DUE)

    visited = await fetcher.parts.doctor.visit_next()

    assert visited
    [row] = await fetcher.rows("SELECT webhooks_installed FROM fetcher.installations")
    assert row["webhooks_installed"] is False


async def test_uninstall_ends_every_store_once(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop, store_id=7, advertiser_id=3)
    await fetcher.connect(shop, store_id=8, advertiser_id=4)
    await shop.admin("/uninstall")
    told = message("app/uninstalled", shop.domain, triggered_at=datetime.now(UTC) + timedelta(seconds=1))

    outcomes = await fetcher.parts.events.handle([told, told])

    assert outcomes == [Done(), Done()]
    assert (await fetcher.events()).count("sync.store.disconnected") == 2
    rows = await fetcher.rows("SELECT status, disconnect_reason FROM fetcher.connections")
    assert {(row["status"], row["disconnect_reason"]) for row in rows} == {
        ("disconnected", "app_uninstalled")
    }
    assert await fetcher.rows("SELECT * FROM fetcher.credentials") == []


async def test_late_uninstall_changes_nothing_while_the_token_works(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)

    outcomes = await fetcher.parts.events.handle(
        [
            message("app/uninstalled", shop.domain, triggered_at=datetime.now(UTC) + timedelta(seconds=1)),
            message("app/uninstalled", shop.domain, triggered_at=datetime.now(UTC) - timedelta(days=1)),
            message("app/uninstalled", shop.domain),
        ]
    )

    assert outcomes == [Done(), Done(), Done()]
    assert await fetcher.events() == ["sync.store.connected"]


async def test_uninstall_with_an_unclear_probe_is_left_to_the_doctor(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """The message waited until the shop answered, and with it the webhooks of every shop in its partition."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("/uninstall")
    await shop.fault(path="graphql.json", status=500, times=4)

    outcomes = await fetcher.parts.events.handle([message("app/uninstalled", shop.domain)])
    told_by_handler = await fetcher.events()
    await fetcher.parts.doctor.visit_next()

    assert outcomes == [Done()]
    assert told_by_handler == ["sync.store.connected"]
    assert await fetcher.events() == ["sync.store.connected", "sync.store.disconnected"]
    [row] = await fetcher.rows("SELECT disconnect_reason FROM fetcher.connections")
    assert row["disconnect_reason"] == "app_uninstalled"


async def test_uninstall_that_the_doctor_cannot_confirm_changes_nothing(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.fault(path="graphql.json", status=500, times=4)

    await fetcher.parts.events.handle([message("app/uninstalled", shop.domain)])
    await fetcher.parts.doctor.visit_next()

    assert await fetcher.events() == ["sync.store.connected"]
    [row] = await fetcher.rows("SELECT uninstall_told_at FROM fetcher.installations")
    assert row["uninstall_told_at"] is None


async def test_shop_that_is_not_found_for_hours_is_disconnected_and_not_before(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """Its syncs failed again and again, and nobody was told that it was gone."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("", {"status": "closed"}, method="PATCH")
    await fetcher.execute(DUE)

    await fetcher.parts.doctor.visit_next()
    told_at_once = await fetcher.events()
    await fetcher.execute("UPDATE fetcher.installations SET gone_since = gone_since - interval '3 hours'")
    await fetcher.execute(DUE)
    await fetcher.parts.doctor.visit_next()

    assert told_at_once == ["sync.store.connected"]
    assert await fetcher.events() == ["sync.store.connected", "sync.store.disconnected"]
    [row] = await fetcher.rows("SELECT disconnect_reason FROM fetcher.connections")
    assert row["disconnect_reason"] == "api_error"


async def test_shop_that_is_found_again_is_not_gone(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.fault(path="graphql.json", status=404)
    await fetcher.execute(DUE)
    await fetcher.parts.doctor.visit_next()
    await fetcher.execute(DUE)

    await fetcher.parts.doctor.visit_next()

    [row] = await fetcher.rows("SELECT gone_since FROM fetcher.installations")
    assert row["gone_since"] is None


async def test_doctor_visits_others_while_a_shop_hangs(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """One doctor visited the shops in turn, each up to a minute."""
    hanging, well = await make_shop(), await make_shop()
    await fetcher.connect(hanging)
    await fetcher.connect(well, store_id=8)
    await hanging.fault(path="graphql.json", effect="delay", delay_seconds=30)
    asked = len(await well.operations())
    await fetcher.execute(DUE)
    stop = asyncio.Event()
    doctor = asyncio.create_task(fetcher.parts.doctor.run(stop))

    async def was_visited() -> bool:
        return len(await well.operations()) > asked

    await until(was_visited)

    doctor.cancel()
    await asyncio.gather(doctor, return_exceptions=True)


async def test_idle_installation_keeps_its_refresh_token_alive(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """A refresh token dies after 90 days without use: the hourly visit renews it."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.execute("UPDATE fetcher.credentials SET expires_at = clock_timestamp()")
    await fetcher.execute(DUE)

    await fetcher.parts.doctor.visit_next()

    [row] = await fetcher.rows(
        "SELECT refresh_expires_at > clock_timestamp() + interval '89 days' AS renewed,"
        " previous_refresh_token IS NOT NULL AS rotated FROM fetcher.credentials"
    )
    assert (row["renewed"], row["rotated"]) == (True, True)


@pytest.mark.parametrize("topic", ["app/scopes_update", "shop/update"])
async def test_changed_facts_and_scopes_are_read_by_the_doctor(
    fetcher: Fetcher, make_shop: MakeShop, topic: str
) -> None:
    """They were read by the handler, which held up every other shop's webhooks while this one did not answer."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("/scopes", {"scopes": ["read_customers", "read_orders", "read_products"]})
    asked = len(await shop.operations())

    await fetcher.parts.events.handle([message(topic, shop.domain)])
    asked_by_handler = len(await shop.operations()) - asked
    visited = await fetcher.parts.doctor.visit_next()

    assert (asked_by_handler, visited) == (0, True)
    [row] = await fetcher.rows("SELECT access_scopes FROM fetcher.installations")
    assert row == {"access_scopes": ["read_customers", "read_orders", "read_products"]}


async def test_webhook_of_an_ended_installation_calls_no_doctor(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop)
    await fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3)

    await fetcher.parts.events.handle([message("shop/update", shop.domain)])

    assert await fetcher.parts.doctor.visit_next() is False


async def test_uninstall_of_a_throttled_shop_is_not_dropped(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """A probe that was not even made counted as a token that works, and the uninstall was dropped."""
    shop = await make_shop()
    await fetcher.connect(shop)
    await shop.admin("/uninstall")
    await fetcher.execute(
        "UPDATE fetcher.api_budgets SET blocked_until = clock_timestamp() + interval '1 minute'"
    )

    await fetcher.parts.events.handle([message("app/uninstalled", shop.domain)])
    await fetcher.execute("UPDATE fetcher.api_budgets SET blocked_until = NULL")
    await fetcher.parts.doctor.visit_next()

    assert await fetcher.events() == ["sync.store.connected", "sync.store.disconnected"]


async def test_finished_bulk_operation_is_noted_for_whoever_polls_it(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    [operation] = await fetcher.rows("SELECT gid FROM fetcher.bulk_operations")
    body = json.dumps({"admin_graphql_api_id": operation["gid"]}).encode()

    outcomes = await fetcher.parts.events.handle(
        [
            message("bulk_operations/finish", shop.domain, body),
            message("bulk_operations/finish", shop.domain, b"[]"),
        ]
    )

    assert outcomes[0] == Done()
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].by_outsider
    [row] = await fetcher.rows("SELECT finish_seen_at IS NOT NULL AS seen FROM fetcher.bulk_operations")
    assert row["seen"]


async def test_webhook_of_an_unknown_shop_is_done(fetcher: Fetcher) -> None:
    outcomes = await fetcher.parts.events.handle([message("shop/update", "unknown.myshopify.com")])

    assert outcomes == [Done()]


async def test_topic_that_nobody_knows_is_rejected(fetcher: Fetcher) -> None:
    outcomes = await fetcher.parts.events.handle([message("fulfillments/create", "unknown.myshopify.com")])

    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].by_outsider


def redaction(shop: str) -> Message:
    now = datetime.now(UTC)
    event = ShopRedacted(store_id=7, advertiser_id=3, shop_domain=shop, generation=2, redacted_at=now)
    headers = event_envelope(event, source="record-writer", now=now).to_headers()
    return Message(LIFECYCLE_TOPIC, 0, 0, event.key().encode(), event_body(event), headers, 0)


async def test_redacted_shop_is_forgotten_unless_it_is_connected_again(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """Its owner's name and address stayed in our books after the erasure that Shopify had demanded."""
    left, returned = await make_shop(), await make_shop()
    for number, shop in enumerate((left, returned), start=7):
        await fetcher.connect(shop, store_id=number)
    await fetcher.parts.disconnector.disconnect(store_id=7, advertiser_id=3)

    outcomes = await fetcher.parts.events.handle([redaction(left.domain), redaction(returned.domain)])

    assert outcomes == [Done(), Done()]
    rows = await fetcher.rows("SELECT shop_domain, shop_name, shop_owner, email FROM fetcher.installations")
    people = {row.pop("shop_domain"): list(row.values()) for row in rows}
    assert people[left.domain] == [None, None, None]
    assert None not in people[returned.domain]


async def test_fact_that_cannot_be_read_is_set_aside(fetcher: Fetcher) -> None:
    told = Message(LIFECYCLE_TOPIC, 0, 0, b"store/7", b"{}", (), 0)

    outcomes = await fetcher.parts.events.handle([told])

    assert isinstance(outcomes[0], Rejected)
