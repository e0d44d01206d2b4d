"""What the published entities say of a store, whichever service knows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack.testing import StackDatabase


@pytest.fixture
def admin(two_tenants: StackDatabase):
    """Return a superuser's connection, whose changes are taken back."""
    with psycopg.connect(two_tenants.url(), row_factory=dict_row) as connection:
        yield connection
        connection.rollback()


def store(admin, store_id: int = 1) -> dict[str, Any]:
    return admin.execute("SELECT * FROM public.shopify_stores WHERE id = %s", [store_id]).fetchone()


def test_disconnected_store_has_no_webhooks_although_another_advertiser_keeps_them(admin) -> None:
    """Was: the installation's flag was shown, which the other store of the same shop holds up."""
    admin.execute("UPDATE fetcher.connections SET installation_id = 1")
    both = [store(admin, n)["webhooks_installed"] for n in (1, 2)]

    admin.execute("UPDATE fetcher.connections SET status = 'disconnected' WHERE store_id = 1")

    assert both == [True, True]
    assert [store(admin, n)["webhooks_installed"] for n in (1, 2)] == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sync.store_state SET updated_at = %s, status = 'error'",
        "UPDATE fetcher.connections SET disconnected_at = %s, status = 'disconnected'",
        "UPDATE gateway.shopify_stores SET updated_at = %s, name = 'New'",
    ],
)
def test_store_is_as_new_as_its_latest_change_anywhere(admin, change: str) -> None:
    """Was: a status that the orchestrator changed left updated_at as it was."""
    later = datetime.now(UTC) + timedelta(hours=1)

    admin.execute(change, [later])

    assert store(admin)["updated_at"] == later


DELIVER = """INSERT INTO records.deliveries
    (advertiser_id, store_id, topic, webhook_id, digest, triggered_at, received_at, applied_at, outcome)
    SELECT 1, 1, 'orders/create', %(kind)s || n, 'd', CASE WHEN %(triggered)s THEN at - interval '2 seconds' END, at,
           at + n * interval '0.01 seconds' * %(factor)s, 'updated'
    FROM generate_series(1, %(number)s) AS n,
         LATERAL (SELECT %(since)s + n * interval '1 minute') AS minute (at)"""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def deliver(admin, kind: str, *, since: datetime, number: int, triggered: bool, factor: int = 1) -> None:
    values = {"kind": kind, "since": since, "number": number, "triggered": triggered, "factor": factor}
    admin.execute(DELIVER, values)


def test_freshness_is_told_by_the_last_hundred_deliveries(admin) -> None:
    admin.execute("DELETE FROM records.deliveries")
    deliver(admin, "old", since=NOON - timedelta(days=1), number=50, triggered=False, factor=10_000)
    deliver(admin, "new", since=NOON, number=100, triggered=False)

    (fresh,) = admin.execute("SELECT * FROM records.freshness_v1").fetchall()

    assert fresh == {
        "store_id": 1,
        "advertiser_id": 1,
        "p50_seconds": pytest.approx(0.505),
        "p95_seconds": pytest.approx(0.9505),
        "deliveries": 100,
        "last_received_at": NOON + timedelta(minutes=100),
    }


def test_freshness_counts_from_when_shopify_fired_where_it_says_so(admin) -> None:
    admin.execute("DELETE FROM records.deliveries")
    deliver(admin, "slow", since=NOON, number=100, triggered=True)

    (fresh,) = admin.execute("SELECT * FROM records.freshness_v1").fetchall()

    assert fresh["p50_seconds"] == pytest.approx(2.505)


def test_delivery_that_was_applied_before_shopify_fired_it_took_no_time(admin) -> None:
    """Two clocks: Shopify's may be ahead."""
    admin.execute("UPDATE records.deliveries SET triggered_at = applied_at + interval '1 second'")

    assert {row["p50_seconds"] for row in admin.execute("SELECT * FROM records.freshness_v1")} == {0.0}


def test_every_store_shows_its_own_last_deliveries(admin) -> None:
    admin.execute("UPDATE records.deliveries SET store_id = 9 WHERE advertiser_id = 1")
    deliver(admin, "new", since=NOON, number=120, triggered=False)

    rows = admin.execute("SELECT store_id FROM records.deliveries_v1").fetchall()

    assert sorted(row["store_id"] for row in rows) == [1] * 100 + [2, 9]


def test_export_that_is_deleted_stays_listed_without_what_it_held(admin) -> None:
    admin.execute("DELETE FROM records.exports WHERE advertiser_id = 1")

    rows = admin.execute("SELECT * FROM records.exports_v1 ORDER BY export_id").fetchall()

    assert [(row["export_id"], row["request_id"], row["records"]) for row in rows] == [
        (1, None, None),
        (2, "r", 1),
    ]
    assert [row["expires_at"] is None for row in rows] == [True, False]


def test_receipt_of_a_shop_tells_what_its_erasure_has_done(admin) -> None:
    admin.execute("UPDATE records.compliance_receipts SET topic = 'shop/redact'")
    admin.execute(
        """INSERT INTO records.shop_erasures (advertiser_id, store_id, generation, shop_domain, keep_anonymous,
               requested_at, webhook_id, effects) VALUES (1, 1, 1, 's', true, now(), 'w', '{"contacts": 3}')"""
    )

    rows = admin.execute("SELECT * FROM records.compliance_receipts_v1 ORDER BY advertiser_id").fetchall()

    assert [(row["effects"], row["keep_anonymous"]) for row in rows] == [({"contacts": 3}, True), ({}, None)]
    assert [row["done_at"] is None for row in rows] == [True, False]


ORDER = """
INSERT INTO records.orders (advertiser_id, source_type, source_id, external_id, contact_id, currency, total_price,
                            refunded_total, ordered_at, deleted_at)
SELECT 1, 'ShopifyStore', 1, %s, id, %s, 10, %s, %s, %s FROM records.contacts WHERE advertiser_id = 1
"""


def days(number: int) -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=number)


def contact(admin) -> dict[str, Any]:
    return admin.execute("SELECT * FROM public.contacts WHERE advertiser_id = 1").fetchone()


def derived(admin) -> tuple[Any, ...]:
    found = contact(admin)
    return found["first_order_at"], found["last_mirrored_order_at"], found["total_refunded"]


def test_contacts_orders_are_told_from_those_that_are_linked_and_live(admin) -> None:
    admin.execute("UPDATE records.contacts SET currency = 'USD', total_spent = 99, orders_count = 9")
    before = contact(admin)
    for order in (
        ("deleted", "USD", 1, days(1), days(9)),
        ("first", "USD", None, days(2), None),
        ("last", "USD", 3, days(5), None),
        ("other currency", "EUR", 40, days(4), None),
    ):
        admin.execute(ORDER, order)

    assert (before["first_order_at"], before["last_mirrored_order_at"], before["total_refunded"]) == (
        None,
        None,
        0,
    )
    assert derived(admin) == (days(2), days(5), 3)
    admin.execute("UPDATE records.orders SET contact_id = NULL WHERE external_id = 'first'")
    assert derived(admin) == (days(4), days(5), 3)
    admin.execute("UPDATE records.orders SET deleted_at = now() WHERE external_id = 'last'")
    assert derived(admin) == (days(4), days(4), 0)


def test_shopifys_own_figures_of_a_contact_stay_as_shopify_gave_them(admin) -> None:
    admin.execute(
        "UPDATE records.contacts SET currency = 'USD', total_spent = 99, orders_count = 9, last_order_at = %s",
        [days(7)],
    )
    admin.execute(ORDER, ["1001", "USD", 3, days(5), None])

    found = contact(admin)

    assert (found["total_spent"], found["orders_count"], found["last_order_at"]) == (99, 9, days(7))


def test_contact_whose_currency_is_unknown_has_no_sum(admin) -> None:
    admin.execute(ORDER, ["1001", "USD", 3, days(5), None])

    assert contact(admin)["total_refunded"] is None


@pytest.mark.parametrize("entity", ["contacts", "orders", "products"])
def test_what_came_from_shopify_links_to_its_admin(admin, entity: str) -> None:
    kind = "customers" if entity == "contacts" else entity
    links = f"SELECT from_shopify, admin_url FROM public.{entity} WHERE advertiser_id = 2"
    assert admin.execute(links.encode()).fetchall() == [
        {"from_shopify": True, "admin_url": f"https://s2.myshopify.com/admin/{kind}/1"}
    ]

    admin.execute(f"UPDATE records.{entity} SET source_type = 'CsvImport'".encode())

    assert admin.execute(links.encode()).fetchall() == [{"from_shopify": False, "admin_url": None}]
