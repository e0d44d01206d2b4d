"""Erasure that stays final, and exports on request."""

import asyncio

import pytest

from record_writer.compliance import ComplianceHandler
from record_writer.metrics import REGISTRY
from sync_common.bus import Done, Rejected
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
PERSON = {"customer": {"id": 1, "email": "Ada1@example.com", "phone": "1"}, "orders_to_redact": [100]}
DISCONNECT = """
UPDATE fetcher.installations_v1 SET status = 'disconnected', disconnected_at = '2026-06-01 12:00:20Z', generation = 2
WHERE store_id = %(store_id)s
"""


async def fill(world):
    await world.write(*(world.read(CUSTOMERS, world.graphql_customer(n), 1) for n in (1, 2)))
    await world.write(*(world.read(ORDERS, world.graphql_order(99 + n, customer=n), 1) for n in (1, 2)))
    await world.write(world.read(PRODUCTS, world.graphql_product(7), 1))


async def test_redacted_customer_is_deleted_and_the_orders_are_anonymous(world):
    await fill(world)

    outcome = await world.comply("customers/redact", PERSON, 10)

    assert outcome == Done()
    assert await world.row("contacts", 1) == {}
    assert (await world.row("orders", 100))["email"] is None
    assert (await world.row("contacts", 2))["email"] == "ada2@example.com"
    assert (await world.row("orders", 101))["email"] == "ada2@example.com"
    receipts = await world.rows(
        "SELECT store_id, outcome, effects FROM records.compliance_receipts ORDER BY store_id"
    )
    assert receipts[0] == {"store_id": 1, "outcome": "done", "effects": {"orders": 1, "contacts": 1}}


async def test_key_that_no_request_had_before_is_counted_and_the_request_is_done(world):
    topic = {"topic": "customers/redact"}
    before = REGISTRY.get_sample_value("record_writer_unknown_webhook_keys_total", topic) or 0.0

    outcome = await world.comply("customers/redact", {**PERSON, "returns_to_redact": [1]}, 10)

    assert outcome == Done()
    assert REGISTRY.get_sample_value("record_writer_unknown_webhook_keys_total", topic) == before + 1


async def test_late_records_of_the_erased_are_skipped_and_counted(world):
    await world.comply("customers/redact", PERSON, 10)

    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=99), 99))

    assert await world.row("contacts", 1) == {}
    (book,) = await world.books()
    assert (book["skipped"], book["distinct_ids"]) == (1, 1)


async def test_redaction_waits_for_the_batch_in_hand_that_it_could_not_see(world):
    """A batch that looked for redactions before this one, and commits after it, would bring the person back."""
    async with world.database.transaction() as batch:
        message = world.message(world.read(CUSTOMERS, world.graphql_customer(1), 1))
        await world.handlers[CUSTOMERS]([message], tx=batch)
        redaction = asyncio.create_task(world.comply("customers/redact", PERSON, 10))
        await done_or_waiting(world, redaction)
    await redaction

    assert await world.row("contacts", 1) == {}


async def test_batch_waits_for_the_redaction_in_hand_that_it_could_not_see(world):
    async with world.database.transaction() as request:
        handler = ComplianceHandler(world.hasher, world.clock)
        await handler(world.request("customers/redact", PERSON, 10), tx=request)
        batch = asyncio.create_task(world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1)))
        await done_or_waiting(world, batch)
    await batch

    assert await world.row("contacts", 1) == {}


async def done_or_waiting(world, task):
    """Return once a task is done, or waits for the lock of a shop."""
    waiting = """
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
    """
    async with asyncio.timeout(30):
        while not task.done() and not await world.rows(waiting):  # noqa: ASYNC110 - a lock has no event
            await asyncio.sleep(0.01)


async def test_order_found_by_its_customer_stays_anonymous_when_it_comes_again_without_one(world):
    """Only listed orders were remembered: one found by its customer got its person back with the next webhook."""
    await fill(world)
    await world.comply("customers/redact", {**PERSON, "orders_to_redact": []}, 10)

    person = {"email": "ada1@example.com", "phone": "1", "shipping_address": {"city": "London"}}
    late = world.rest_order(100, updated=20, customer=None, **person)
    await world.write(world.webhook("orders/updated", late, 20))

    row = await world.row("orders", 100)
    assert ([row[column] for column in person], row["updated_at_source"]) == ([None] * 3, world.at(20))


async def test_order_that_names_an_erased_customer_only_later_loses_what_was_stored_of_the_person(world):
    """Columns that are null for the erased were taken for hidden ones, and the stored values stayed."""
    await world.comply("customers/redact", {**PERSON, "orders_to_redact": []}, 10)
    person = {"email": "other@example.com", "phone": "1", "browser_ip": "10.0.0.1"}
    await world.write(
        world.webhook("orders/create", world.rest_order(100, updated=5, customer=None, **person), 5)
    )

    named = world.rest_order(100, updated=20, customer=1, **person)
    await world.write(world.webhook("orders/updated", named, 20))

    row = await world.row("orders", 100)
    assert (row["email"], row["phone"], row["metadata"]) == (None, None, {"redacted": True})


async def test_order_that_comes_after_its_customer_was_erased_stays_anonymous_when_it_comes_again_without_one(
    world,
):
    """The same events as above in another order, which must not matter."""
    await world.comply("customers/redact", {**PERSON, "orders_to_redact": []}, 10)
    await world.write(world.webhook("orders/create", world.rest_order(100, updated=5, customer=1), 5))

    late = world.rest_order(100, updated=20, customer=None, email="ada1@example.com", phone="1")
    await world.write(world.webhook("orders/updated", late, 20))

    row = await world.row("orders", 100)
    assert ((row["email"], row["phone"]), row["updated_at_source"]) == ((None, None), world.at(20))


async def test_person_may_return_as_a_new_customer_with_the_same_email(world):
    await world.comply("customers/redact", PERSON, 10)
    email = {"emailAddress": "ada1@example.com", "marketingState": "SUBSCRIBED"}

    await world.write(
        world.read(CUSTOMERS, world.graphql_customer(8, updated=5, defaultEmailAddress=email), 99)
    )
    await world.write(
        world.read(CUSTOMERS, world.graphql_customer(9, updated=50, defaultEmailAddress=email), 99)
    )

    old = await world.row("contacts", 8)
    assert (old["email"], old["first_name"], old["addresses"], old["marketable"]) == (None, None, [], False)
    assert (await world.row("contacts", 9))["email"] == "ada1@example.com"


async def test_stored_redactions_name_nobody(world):
    await world.comply("customers/redact", PERSON, 10)

    rows = await world.rows("SELECT kind, encode(key, 'escape') AS key FROM records.redactions ORDER BY kind")
    assert [row["kind"] for row in rows] == ["customer", "email", "order"]
    assert not any("ada" in row["key"] for row in rows)


async def test_request_whose_body_names_another_shop_is_refused(world):
    await fill(world)

    outcome = await world.comply("customers/redact", {**PERSON, "shop_domain": "other.myshopify.com"}, 10)

    assert isinstance(outcome, Rejected)
    assert await world.row("contacts", 1)


async def test_request_replayed_under_another_shop_is_refused_and_held_against_nobody(world):
    body = {"shop_domain": "acme.myshopify.com", **PERSON}
    await world.comply("customers/redact", body, 10)

    outcome = await world.comply("customers/redact", body, 10, shop="other.myshopify.com")

    assert isinstance(outcome, Rejected)
    assert (outcome.error, outcome.by_outsider) == ("ReplayedElsewhere", True)


async def test_shop_redact_erases_a_store_that_is_gone_and_says_so(world):
    await fill(world)
    await world.execute(DISCONNECT, store_id=1)

    await world.comply("shop/redact", {}, 3600)
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=5), 5))

    for table in ("contacts", "orders", "products"):
        assert await world.rows(f"SELECT FROM records.{table}") == []
    events = await world.rows("SELECT body::json ->> 'generation' AS generation FROM records.outbox")
    assert events == [{"generation": "2"}]


async def test_shop_redact_takes_the_exports_of_the_store_along(world):
    await fill(world)
    for shop in ("acme.myshopify.com", "other.myshopify.com"):
        await world.comply("customers/data_request", {**PERSON, "data_request": {"id": 9}}, 5, shop=shop)
    await world.execute(DISCONNECT, store_id=1)

    await world.comply("shop/redact", {}, 3600)
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass

    assert await world.rows("SELECT store_id FROM records.exports ORDER BY store_id") == [
        {"store_id": 2},
        {"store_id": 3},
    ]
    assert await world.rows("SELECT FROM records.export_chunks WHERE content::text LIKE '%%ada1%%'") == []


@pytest.mark.parametrize("preference", ["erase", "anonymise"])
async def test_erasure_in_many_steps_misses_nothing(world, monkeypatch, preference):
    """Was: each step looked for what was left, and so read all that earlier ones had done."""
    monkeypatch.setattr("record_writer.upkeep.ERASED_MAX", 1)
    await world.write(*(world.read(CUSTOMERS, world.graphql_customer(n), 1) for n in (1, 2, 10)))
    await world.write(*(world.read(ORDERS, world.graphql_order(98 + n, customer=n), 1) for n in (1, 2, 10)))
    await world.execute(DISCONNECT, store_id=1)
    await world.execute(
        "UPDATE gateway.stores_v1 SET redact_preference = %(preference)s", preference=preference
    )

    await world.comply("shop/redact", {}, 3600)
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass

    left = "SELECT FROM records.orders WHERE email IS NOT NULL OR customer_external_id IS NOT NULL"
    assert await world.rows(f"{left} UNION ALL SELECT FROM records.contacts") == []
    (erasure,) = await world.rows("SELECT effects, reached FROM records.shop_erasures")
    assert (erasure["effects"]["contacts"], erasure["effects"]["orders"]) == (3, 3)
    assert set(erasure["reached"].values()) == {None}


async def test_shop_redact_keeps_anonymous_orders_where_the_advertiser_wants_them(world):
    await fill(world)
    await world.execute(DISCONNECT, store_id=1)
    await world.execute("UPDATE gateway.stores_v1 SET redact_preference = 'anonymise'")

    await world.comply("shop/redact", {}, 3600)
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass

    assert await world.rows("SELECT FROM records.contacts") == []
    orders = await world.rows("SELECT email, customer_external_id, total_price::text FROM records.orders")
    assert [tuple(row.values()) for row in orders] == [(None, None, "20.0000")] * 2
    assert await world.row("products", 7)


async def test_request_about_a_shop_that_nobody_connected_leaves_one_receipt_of_no_advertiser(world):
    """Was: its receipt had no advertiser, so the advertiser could not be part of the keys."""
    nobodys = "nobodys.myshopify.com"

    await world.comply("customers/redact", {**PERSON, "shop_domain": nobodys}, 10, shop=nobodys)

    receipts = await world.rows("SELECT advertiser_id, store_id, outcome FROM records.compliance_receipts")
    assert receipts == [{"advertiser_id": 0, "store_id": None, "outcome": "ignored"}]


async def test_shop_redact_leaves_a_store_that_is_connected_again(world):
    await fill(world)

    await world.comply("shop/redact", {}, 3600)

    assert not await world.upkeep().erase()
    assert await world.row("contacts", 1)
    receipts = await world.rows("SELECT DISTINCT outcome FROM records.compliance_receipts")
    assert receipts == [{"outcome": "ignored"}]


async def test_records_observed_after_a_reconnect_survive_an_erasure_under_way(world):
    await fill(world)
    await world.execute(DISCONNECT, store_id=1)
    await world.comply("shop/redact", {}, 3600)

    await world.write(world.read(PRODUCTS, world.graphql_product(8, updated=4000), 4001))
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass

    rows = await world.rows("SELECT external_id FROM records.products")
    assert rows == [{"external_id": "8"}]


async def test_data_request_yields_a_complete_export_once_and_leaves_a_trace(world):
    await fill(world)
    request = {
        "customer": {"id": 1, "email": "ada1@example.com"},
        "orders_requested": [101],
        "data_request": {"id": 9},
    }

    for _ in range(2):
        await world.comply("customers/data_request", request, 10)

    chunks = await world.rows("SELECT content FROM records.export_chunks WHERE advertiser_id = 10")
    held = [(one["kind"], one["record"]["external_id"]) for row in chunks for one in row["content"]]
    assert held == [("contact", "1"), ("order", "100"), ("order", "101")]
    log = await world.rows("SELECT action FROM records.access_log WHERE advertiser_id = 10")
    assert log == [{"action": "export"}]


async def test_redaction_takes_the_exports_of_the_person_along(world):
    await fill(world)
    await world.comply("customers/data_request", {**PERSON, "data_request": {"id": 9}}, 5)

    await world.comply("customers/redact", PERSON, 10)

    assert await world.rows("SELECT FROM records.exports") == []
    assert await world.rows("SELECT FROM records.export_chunks") == []


async def erase_all(world):
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass


async def test_person_without_a_customer_number_is_erased_by_email(world):
    await fill(world)
    guest = world.graphql_order(300, customer=None, email="ADA1@example.com")
    await world.write(world.read(ORDERS, guest, 1))

    await world.comply("customers/redact", {"customer": {"email": "aDA1@example.com"}}, 10)

    assert await world.row("contacts", 1) == {}
    assert [(await world.row("orders", n))["email"] for n in (100, 300)] == [None, None]
    assert (await world.row("contacts", 2))["email"] == "ada2@example.com"


async def test_order_that_only_its_link_tells_to_be_the_persons_is_anonymised(world):
    """An order of a guest kept the e-mail that the customer had when it was linked."""
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    await world.write(
        world.read(ORDERS, world.graphql_order(300, customer=None, email="ada1@example.com"), 1)
    )
    renamed = {"emailAddress": "new@example.com", "marketingState": "SUBSCRIBED"}
    await world.write(
        world.read(CUSTOMERS, world.graphql_customer(1, updated=2, defaultEmailAddress=renamed), 2)
    )
    assert (await world.row("orders", 300))["contact_id"]

    await world.comply("customers/redact", {"customer": {"id": 1, "email": "new@example.com"}}, 10)

    assert (await world.row("orders", 300))["email"] is None


@pytest.mark.parametrize("customer", [{"id": 1}, {"email": "ada1@example.com"}])
async def test_full_sync_after_a_redaction_brings_nothing_personal_back(world, customer):
    await fill(world)
    await world.comply("customers/redact", {"customer": customer, "orders_to_redact": [100]}, 10)

    await world.write(*(world.read(CUSTOMERS, world.graphql_customer(n), 99, job_id=6) for n in (1, 2)))
    await world.write(
        *(world.read(ORDERS, world.graphql_order(99 + n, customer=n), 99, job_id=6) for n in (1, 2))
    )

    texts = await world.rows("""
        SELECT row_to_json(contacts)::text AS row FROM records.contacts WHERE source_id = 1
        UNION ALL SELECT row_to_json(orders)::text FROM records.orders WHERE source_id = 1
    """)
    assert len(texts) >= 3
    assert [row for row in texts if "ada1" in row["row"].lower()] == []
    assert (await world.row("contacts", 2))["email"] == "ada2@example.com"


@pytest.mark.parametrize("asked_by", [{"id": 1}, {"email": "ada1@example.com"}])
@pytest.mark.parametrize("redacted", [{"id": 1}, {"email": "ADA1@example.com"}])
async def test_redaction_takes_every_export_along_that_holds_the_person(world, asked_by, redacted):
    """Exports were found by the first name of their request alone: one asked for by e-mail outlived the customer."""
    await fill(world)
    await world.comply("customers/data_request", {"customer": asked_by, "data_request": {"id": 9}}, 5)
    await world.comply("customers/data_request", {"customer": {"id": 2}, "data_request": {"id": 10}}, 5)

    await world.comply("customers/redact", {"customer": redacted}, 10)

    left = await world.rows("SELECT request_id FROM records.exports WHERE store_id = 1")
    assert left == [{"request_id": "10"}]


async def test_no_tombstone_keeps_the_number_of_an_erased_customer(world):
    await fill(world)
    await world.write(world.webhook("customers/delete", {"id": 1}, 5))
    assert await world.rows("SELECT FROM records.tombstones")

    await world.comply("customers/redact", PERSON, 10)
    await world.write(world.webhook("customers/delete", {"id": 1}, 20))

    assert await world.rows("SELECT FROM records.tombstones WHERE store_id = 1") == []


async def test_erased_shop_leaves_no_tombstones(world):
    await fill(world)
    await world.write(world.webhook("products/delete", {"id": 7}, 5))
    await world.execute(DISCONNECT, store_id=1)

    await world.comply("shop/redact", {}, 3600)
    await erase_all(world)

    assert await world.rows("SELECT FROM records.tombstones WHERE store_id = 1") == []


async def test_shop_redact_that_was_ignored_once_stays_ignored(world):
    """Repeated after a later disconnect it erased what was read since the shop was installed again."""
    await fill(world)
    request = world.request("shop/redact", {}, 3600)
    await world.hand_over(request)
    await world.execute(DISCONNECT, store_id=1)

    await world.hand_over(request)
    await erase_all(world)

    assert await world.row("contacts", 1)


@pytest.mark.parametrize(("connected_at", "left"), [("2026-05-01Z", 0), ("2026-06-01Z", 2)])
async def test_restored_database_that_calls_a_store_connected_is_believed_only_where_it_can_know(
    world, connected_at, left
):
    """The uninstall may have come after the backup; a request speaks of one 48 hours before it."""
    await fill(world)
    await world.execute(
        f"UPDATE fetcher.installations_v1 SET connected_at = '{connected_at}' WHERE store_id = 1"
    )

    await world.hand_over(world.request("shop/redact", {}, 3600), after_restore=True)
    await erase_all(world)

    assert len(await world.rows("SELECT FROM records.contacts WHERE source_id = 1")) == left


async def test_data_request_about_a_shop_that_nobody_connected_leaves_a_receipt(world):
    nobodys = "nobodys.myshopify.com"

    await world.comply("customers/data_request", {**PERSON, "shop_domain": nobodys}, 10, shop=nobodys)

    assert await world.rows("SELECT outcome FROM records.compliance_receipts") == [{"outcome": "ignored"}]
