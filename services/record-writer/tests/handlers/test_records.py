"""The writer as the bus sees it: batches in, outcomes out, rows and owed events in one transaction."""

import pytest

from record_writer.metrics import REGISTRY
from sync_common.bus import Done, Rejected
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource


async def test_customer_read_by_a_job_becomes_a_contact(world):
    body = world.graphql_customer(1, updated=0)

    outcomes = await world.write(world.read(CUSTOMERS, body, 10))

    row = await world.row("contacts", 1)
    assert outcomes == [Done()]
    assert (row["email"], row["display_name"], row["marketable"]) == (
        "ada1@example.com",
        "Ada Lovelace",
        True,
    )
    assert (str(row["total_spent"]), row["orders_count"], row["tags"]) == ("12.5000", 2, ["b2b", "vip"])
    assert row["default_address"]["country_code"] == "GB"
    books = await world.books()
    assert [(book["created"], book["distinct_ids"]) for book in books] == [(1, 1)]


async def test_what_shopify_added_since_is_reported_and_fails_nothing(world):
    value = {"field": "orders.financial_status", "value": "HALF_PAID"}
    topic = {"topic": "orders/updated"}
    before = [
        seen("record_writer_unknown_values_total", value),
        seen("record_writer_unknown_webhook_keys_total", topic),
    ]
    body = world.rest_order(100, financial_status="half_paid", brand_new=[1])

    outcomes = await world.write(world.webhook("orders/updated", body, 10))

    row = await world.row("orders", 100)
    after = [
        seen("record_writer_unknown_values_total", value),
        seen("record_writer_unknown_webhook_keys_total", topic),
    ]
    assert outcomes == [Done()]
    assert (row["financial_status"], row["financial_status_raw"]) == (None, "half_paid")
    assert row["metadata"]["brand_new"] == [1]
    assert after == [count + 1 for count in before], "once, though two stores have the order"


def seen(metric: str, labels: dict[str, str]) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def test_older_webhook_leaves_row_unchanged(world):
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=20, note="new"), 20))
    before = await world.row("orders", 100)

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="old"), 30))

    assert await world.row("orders", 100) == before
    assert await world.refetches() == []


async def test_same_second_tie_asks_for_a_refetch(world):
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="one"), 10.2))

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="two"), 10.1))

    assert (await world.row("orders", 100))["note"] == "one"
    assert await world.refetches() == [("orders", "tie", ("100",))]


async def test_equal_record_is_unchanged_and_writes_nothing(world):
    await world.write(world.read(ORDERS, world.graphql_order(100), 10))
    before = await world.row("orders", 100)

    await world.write(world.read(ORDERS, world.graphql_order(100), 20, job_id=6))

    assert await world.row("orders", 100) == before
    books = await world.books(job_id=6)
    assert [(book["created"], book["unchanged"]) for book in books] == [(0, 1)]


async def test_redelivery_changes_neither_rows_nor_ledger(world):
    batch = [world.read(CUSTOMERS, world.graphql_customer(n), 10) for n in (1, 2, 2)]
    await world.write(*batch)
    before = await world.rows("SELECT * FROM records.contacts ORDER BY id")

    await world.write(*batch)

    assert await world.rows("SELECT * FROM records.contacts ORDER BY id") == before
    (book,) = await world.books()
    assert (book["created"], book["unchanged"], book["distinct_ids"]) == (2, 0, 2)


async def test_delete_then_older_upsert_stays_deleted(world):
    await world.write(world.webhook("orders/create", world.rest_order(100, updated=5), 5))
    await world.write(world.webhook("orders/delete", {"id": 100}, 20))

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10), 10))

    assert (await world.row("orders", 100))["deleted_at"] == world.at(20)


async def test_late_deletion_leaves_a_newer_row_alone(world):
    await world.write(world.read(PRODUCTS, world.graphql_product(7, updated=20), 21))
    before = await world.row("products", 7)

    await world.write(world.webhook("products/delete", {"id": 7}, 10))

    assert await world.row("products", 7) == before


async def test_upsert_after_its_deletion_never_appears(world):
    await world.write(world.webhook("products/delete", {"id": 7}, 20))

    await world.write(world.webhook("products/create", world.rest_product(7, updated=10), 10))

    assert await world.row("products", 7) == {}


async def test_webhook_reaches_the_stores_of_both_advertisers(world):
    await world.write(world.webhook("products/create", world.rest_product(7), 1))

    rows = await world.rows(
        "SELECT advertiser_id, source_id, external_id FROM records.products ORDER BY source_id"
    )
    assert [tuple(row.values()) for row in rows] == [(10, 1, "7"), (20, 2, "7")]


async def test_unknown_shop_is_rejected_and_the_rest_is_written(world):
    stranger = world.webhook("products/create", world.rest_product(9), 1, shop="nobody.myshopify.com")

    outcomes = await world.write(stranger, world.webhook("products/create", world.rest_product(7), 1))

    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].by_outsider
    assert outcomes[1] == Done()
    assert await world.row("products", 7)


async def test_customer_webhook_keeps_what_it_does_not_carry_and_asks_for_the_rest(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=0), 1))

    await world.write(
        world.webhook("customers/update", world.rest_customer(1, updated=10, first_name="Grace"), 10)
    )

    row = await world.row("contacts", 1)
    assert (row["first_name"], row["tags"], row["accepts_marketing"]) == ("Grace", ["b2b", "vip"], True)
    assert row["content_hash"] is None
    assert await world.refetches() == [("customers", "partial", ("1",))]


@pytest.mark.parametrize("job_id", [5, None], ids=["sync", "read by id"])
async def test_record_read_without_what_we_may_not_see_keeps_it_and_asks_for_nothing(world, job_id):
    """Such a record was asked for again, came back the same, and was asked for again for ever."""
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=0), 1, job_id=job_id))
    partial = world.graphql_customer(1, updated=10, firstName="Grace")
    del partial["amountSpent"]

    await world.write(world.read(CUSTOMERS, partial, 20, job_id=job_id))

    row = await world.row("contacts", 1)
    assert row["first_name"] == "Grace"
    assert row["total_spent"] is not None
    assert await world.refetches() == []


async def test_older_partial_record_leaves_row_unchanged(world):
    newer = world.graphql_customer(1, updated=20, firstName="Grace")
    await world.write(world.read(CUSTOMERS, newer, 20, job_id=None))
    before = await world.row("contacts", 1)

    await world.write(world.webhook("customers/update", world.rest_customer(1, updated=10), 10))

    assert await world.row("contacts", 1) == before
    assert await world.refetches() == []


async def test_order_finds_its_contact_whichever_comes_first(world):
    await world.write(world.read(ORDERS, world.graphql_order(100, customer=1), 1))
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))

    await world.write(world.read(ORDERS, world.graphql_order(101, customer=1), 1))

    contact = await world.row("contacts", 1)
    for number in (100, 101):
        row = await world.row("orders", number)
        assert (row["contact_id"], row["link_rank"]) == (contact["id"], 3)


async def test_equal_content_with_a_later_time_moves_the_version_so_that_the_older_stays_out(world):
    await world.write(world.webhook("products/create", world.rest_product(7, updated=1), 1))
    await world.write(world.webhook("products/update", world.rest_product(7, updated=5), 5))

    await world.write(world.webhook("products/update", world.rest_product(7, updated=3, title="between"), 9))

    row = await world.row("products", 7)
    assert (row["title"], row["updated_at_source"]) == ("Shirt", world.at(5))


async def test_read_by_id_settles_a_tie_and_asks_for_nothing(world):
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="one"), 10.2))

    await world.write(world.read(ORDERS, world.graphql_order(100, updated=10, note="two"), 15, job_id=None))

    assert (await world.row("orders", 100))["note"] == "two"
    assert await world.refetches() == []


async def test_read_by_id_within_the_second_that_it_speaks_of_settles_nothing(world):
    """What it saw may have been taken back within that second, and nothing newer would ever say so."""
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="one"), 10.2))

    await world.write(world.read(ORDERS, world.graphql_order(100, updated=10, note="two"), 10.4, job_id=None))

    assert await world.refetches() == [(ORDERS, "tie", ("100",))]


async def test_body_that_is_stored_already_does_not_hide_another_one_beside_it(world):
    """One batch holds both: the known one used to answer for every body of its record."""
    order = world.rest_order(100, updated=10, note="one")
    await world.write(world.webhook("orders/create", order, 10.1))

    await world.write(
        world.webhook("orders/updated", order, 10.3),
        world.webhook("orders/updated", world.rest_order(100, updated=20, note="two"), 20),
    )

    assert (await world.row("orders", 100))["note"] == "two"


async def test_gone_deletes_and_a_newer_update_revives(world):
    await world.write(world.read(PRODUCTS, world.graphql_product(7, updated=1), 1))
    await world.write(world.gone(PRODUCTS, 7, 10))
    gone = await world.row("products", 7)

    await world.write(world.read(PRODUCTS, world.graphql_product(7, updated=20), 21))

    assert (gone["deleted_at"], gone["status"], gone["in_stock"]) == (world.at(10), "archived", False)
    row = await world.row("products", 7)
    assert (row["deleted_at"], row["status"], row["in_stock"]) == (None, "active", True)


async def test_hidden_fields_do_not_erase_what_is_stored(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    hidden = dict.fromkeys(
        ("firstName", "lastName", "defaultEmailAddress", "defaultPhoneNumber", "defaultAddress")
    )

    body = world.graphql_customer(1, updated=5, **hidden, addressesV2={"nodes": []}, tags=["seen"])
    await world.write(world.read(CUSTOMERS, body, 6))

    row = await world.row("contacts", 1)
    assert (row["email"], row["first_name"], row["tags"]) == ("ada1@example.com", "Ada", ["seen"])
    assert row["marketable"] is False


@pytest.mark.parametrize("refunds", [[], [{"id": 1, "transactions": []}]], ids=["full", "partial"])
async def test_hidden_fields_of_an_order_do_not_erase_what_is_stored(world, refunds):
    """Webhooks that do not say all there is to an order emptied its e-mail and addresses."""
    await world.write(world.read(ORDERS, world.graphql_order(100), 1))
    hidden = dict.fromkeys(("email", "phone", "shipping_address", "billing_address"))

    body = world.rest_order(100, updated=5, note="seen", refunds=refunds, **hidden)
    await world.write(world.webhook("orders/updated", body, 6))

    row = await world.row("orders", 100)
    assert (row["email"], row["note"]) == ("ada1@example.com", "seen")


async def test_consent_moves_forward_by_its_own_time_and_for_its_own_address(world):
    def consent(seconds, state, email="ada1@example.com"):
        said = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": world.stamp(seconds)}
        body = {"customer_id": 1, "email_address": email, "email_marketing_consent": said}
        return world.webhook("customers_email_marketing_consent/update", body, seconds)

    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    await world.write(consent(20, "unsubscribed"))
    await world.write(consent(30, "subscribed", email="somebody-else@example.com"))
    stale_page = world.graphql_customer(1, updated=25)
    await world.write(world.read(CUSTOMERS, stale_page, 15))

    row = await world.row("contacts", 1)
    assert (row["accepts_marketing"], row["accepts_marketing_updated_at"]) == (False, world.at(20))


async def test_webhook_from_before_a_disconnect_is_applied_and_a_later_one_is_not(world):
    await world.execute("""
        UPDATE fetcher.installations_v1 SET status = 'disconnected', disconnected_at = '2026-06-01 12:00:10Z'
        WHERE store_id = 1
    """)

    await world.write(world.webhook("products/create", world.rest_product(7), 5))
    outcomes = await world.write(world.webhook("products/create", world.rest_product(8), 15))

    assert outcomes == [Done()]
    assert await world.row("products", 7)
    assert await world.row("products", 8) == {}
    assert await world.row("products", 8, store_id=2)
    seen = await world.rows("SELECT outcome FROM records.deliveries WHERE store_id = 1 ORDER BY received_at")
    assert [row["outcome"] for row in seen] == ["created", "ignored"]


async def test_signed_body_replayed_under_another_shop_is_quarantined(world):
    body = world.rest_product(7)
    await world.write(world.webhook("products/create", body, 1))

    (outcome,) = await world.write(world.webhook("products/create", body, 2, shop="other.myshopify.com"))

    assert isinstance(outcome, Rejected)
    assert (outcome.field, outcome.by_outsider) == ("digest", True)
    assert await world.row("products", 7, store_id=3) == {}


async def test_delivery_is_noted_once_per_store(world):
    webhook = world.webhook("products/create", world.rest_product(7), 1)

    await world.write(webhook)
    await world.write(webhook)

    rows = await world.rows("SELECT store_id, outcome FROM records.deliveries ORDER BY store_id")
    assert [tuple(row.values()) for row in rows] == [(1, "created"), (2, "created")]


async def test_one_bad_record_never_sinks_its_batch(world):
    good = [world.webhook("orders/create", world.rest_order(n), 1) for n in (1, 2)]
    bad = world.webhook("orders/create", world.rest_order(3, total_price=None), 1)

    outcomes = await world.write(good[0], bad, good[1])

    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done]
    assert not outcomes[1].by_outsider
    assert await world.row("orders", 2)


async def test_hint_about_an_unknown_order_asks_for_it_and_makes_no_row(world):
    await world.write(world.webhook("refunds/create", {"id": 5, "order_id": 100}, 1))

    assert await world.row("orders", 100) == {}
    assert await world.refetches() == [("orders", "partial", ("100",))]


async def test_answered_hint_is_not_asked_again_when_it_is_delivered_twice(world):
    hint = world.webhook("refunds/create", {"id": 5, "order_id": 100}, 1)
    await world.write(hint)
    await world.write(world.read(ORDERS, world.graphql_order(100), 5, job_id=None))

    await world.write(hint)

    assert len(await world.refetches()) == 1


async def test_hint_of_the_same_instant_as_what_is_stored_is_still_asked_for(world):
    """Was: the stored record counted as observed since, and what the hint was about stayed unknown for ever."""
    await world.write(world.webhook("products/create", world.rest_product(7, updated=1), 1))
    cut = world.rest_product(7, updated=1, variants=[], variant_gids=[{}, {}])

    await world.write(world.webhook("products/update", cut, 1))

    assert await world.refetches() == [("products", "partial", ("7",))]


def merge(world, *, kept, gone):
    body = {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{gone}",
    }
    return world.webhook("customers/merge", body, 1)


async def test_merged_customers_are_both_read_again(world):
    await world.write(merge(world, kept=1, gone=2))

    assert await world.refetches() == [("customers", "partial", ("1", "2"))]


async def test_late_merge_still_asks_for_the_customer_that_is_gone(world):
    """A merge that came after a newer read of the kept customer once left the gone one in the mirror for ever."""
    both = (world.graphql_customer(number, updated=5) for number in (1, 2))
    await world.write(*(world.read(CUSTOMERS, body, 5, job_id=None) for body in both))

    await world.write(merge(world, kept=1, gone=2))

    assert await world.refetches() == [("customers", "partial", ("2",))]


async def test_merge_into_an_erased_customer_still_asks_for_the_one_that_is_gone(world):
    await world.comply("customers/redact", {"customer": {"id": 1}, "orders_to_redact": []}, 10)

    await world.write(merge(world, kept=1, gone=2))

    assert await world.refetches() == [("customers", "partial", ("2",))]


async def test_large_and_three_decimal_money_is_exact(world):
    bag = {"shopMoney": {"amount": "1234567890123.456", "currencyCode": "KWD"}}
    bag["presentmentMoney"] = bag["shopMoney"]

    await world.write(world.read(ORDERS, world.graphql_order(100, totalPriceSet=bag), 1))

    assert str((await world.row("orders", 100))["total_price"]) == "1234567890123.4560"


async def test_text_of_every_kind_survives_the_way_into_a_row(world):
    note = 'tab\there "quoted" \\ back\\nslash\r\n{curly},\\N 日本 \U0001f600'
    tags = ['a"b', "c\\d", "e{f}", "NULL"]

    await world.write(world.read(ORDERS, world.graphql_order(100, note=note, tags=tags), 1))

    row = await world.row("orders", 100)
    assert (row["note"], row["tags"]) == (note, sorted(tags))
