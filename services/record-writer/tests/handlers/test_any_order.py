"""Once the requested refetches are answered, the rows do not depend on order, duplication or batching."""

from itertools import permutations

import pytest

from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
ANSWERED_AT = 100.0
"""Refetches are read long after the history ended, so they show its last state."""


async def settle(world, resource, number, truth):
    """Answer refetches of one record as Shopify would, until none is left; fail when that never ends."""
    answered = 0
    for round_number in range(5):
        asked = [
            found for found in await world.refetches() if found[0] == resource and str(number) in found[2]
        ]
        if len(asked) == answered:
            return
        answered = len(asked)
        observed = ANSWERED_AT + round_number
        if truth is None:
            await world.write(world.gone(resource, number, observed))
        else:
            await world.write(world.read(resource, truth, observed, job_id=None))
    pytest.fail("a refetch asks for another one without end")


def batchings(events):
    """Return ways to cut a history into batches: one by one and the first again, in two, and in one."""
    return [[[event] for event in (*events, events[0])], [events[:2], events[2:]], [events]]


async def every_order(world, resource, history, truth_of, table, columns):
    """Deliver a history in every order and batching; return the distinct final states of the row."""
    states, number = set(), 1000
    for order in permutations(range(len(history(0)))):
        for shape in range(len(batchings([0]))):
            number += 1
            events = history(number)
            for batch in batchings([events[position] for position in order])[shape]:
                if batch:
                    await world.write(*batch)
            await settle(world, resource, number, truth_of(number))
            row = await world.row(table, number)
            live = row and row["deleted_at"] is None
            states.add(repr([row[column] for column in columns]) if live else None)
    return states


async def test_updates_and_ties_of_an_order_end_alike(world):
    def history(n):
        return [
            world.webhook("orders/create", world.rest_order(n, updated=1, note="a"), 1.1),
            world.webhook("orders/updated", world.rest_order(n, updated=1, note="b"), 1.6),
            world.read(ORDERS, world.graphql_order(n, updated=1, note="b"), 2),
            world.webhook("orders/updated", world.rest_order(n, updated=3, note="c"), 3.2),
        ]

    states = await every_order(
        world,
        ORDERS,
        history,
        lambda n: world.graphql_order(n, updated=3, note="c"),
        "orders",
        ["note", "tags"],
    )

    assert states == {repr(["c", ["a", "b"]])}


async def test_tie_in_the_last_second_is_settled_by_the_refetch(world):
    def history(n):
        return [
            world.webhook("products/create", world.rest_product(n, updated=1, title="a"), 1.1),
            world.webhook("products/update", world.rest_product(n, updated=2, title="b"), 2.1),
            world.webhook("products/update", world.rest_product(n, updated=2, title="c"), 2.1),
        ]

    states = await every_order(
        world,
        PRODUCTS,
        history,
        lambda n: world.graphql_product(n, updated=2, title="c"),
        "products",
        ["title"],
    )

    assert states == {repr(["c"])}


async def test_deleted_product_is_gone_in_every_order(world):
    def history(n):
        return [
            world.webhook("products/create", world.rest_product(n, updated=1), 1),
            world.webhook("products/update", world.rest_product(n, updated=2, title="late"), 2),
            world.read(PRODUCTS, world.graphql_product(n, updated=2, title="late"), 3),
            world.webhook("products/delete", {"id": n}, 4),
        ]

    states = await every_order(world, PRODUCTS, history, lambda n: None, "products", ["title"])

    assert states == {None}


async def test_hints_about_a_customer_end_in_the_truth(world):
    def history(n):
        consent = {"state": "unsubscribed", "opt_in_level": None, "consent_updated_at": world.stamp(4)}
        return [
            world.read(CUSTOMERS, world.graphql_customer(n, updated=1), 1.5),
            world.webhook("customers/update", world.rest_customer(n, updated=2, first_name="Grace"), 2.2),
            world.webhook(
                "customer.tags_added", {"customerId": f"gid://shopify/Customer/{n}", "tags": ["x"]}, 3
            ),
            world.webhook(
                "customers_email_marketing_consent/update",
                {
                    "customer_id": n,
                    "email_address": f"ada{n}@example.com",
                    "email_marketing_consent": consent,
                },
                4,
            ),
        ]

    def truth(n):
        email = world.graphql_customer(n)["defaultEmailAddress"]
        email |= {"marketingState": "UNSUBSCRIBED", "marketingUpdatedAt": world.stamp(4)}
        return world.graphql_customer(n, updated=2, firstName="Grace", tags=["x"], defaultEmailAddress=email)

    columns = ["first_name", "tags", "accepts_marketing", "email_marketing_state"]
    states = await every_order(world, CUSTOMERS, history, truth, "contacts", columns)

    assert states == {repr(["Grace", ["x"], False, "unsubscribed"])}
    assert await world.rows("SELECT FROM records.contacts WHERE content_hash IS NULL") == []


async def test_redacted_customer_never_comes_back_in_any_order(world):
    number = 2000
    for order in permutations(range(4)):
        number += 1
        n = number
        redact = {"customer": {"id": n, "email": f"ada{n}@example.com"}, "orders_to_redact": []}
        steps = [
            lambda n=n: world.write(world.read(CUSTOMERS, world.graphql_customer(n), 1)),
            lambda n=n: world.write(world.webhook("customers/update", world.rest_customer(n, updated=2), 2)),
            lambda n=n: world.write(
                world.webhook("orders/create", world.rest_order(n, customer=n, phone="1"), 2)
            ),
            lambda redact=redact: world.comply("customers/redact", redact, 3),
        ]

        for position in order:
            await steps[position]()
        await world.write(world.webhook("orders/updated", world.rest_order(n, 9, customer=n, note="Ada"), 9))

        assert await world.row("contacts", n) == {}
        row = await world.row("orders", n)
        personal = ("customer_external_id", "email", "phone", "note", "shipping_address", "contact_id")
        assert [row[column] for column in personal] == [None] * 6
        assert str(row["total_price"]) == "20.0000"
