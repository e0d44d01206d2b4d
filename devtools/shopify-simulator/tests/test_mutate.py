import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shopify_simulator.shop import mutate
from shopify_simulator.shop.chance import random_mutation
from shopify_simulator.shop.model import RESOURCES, Change, Record, Records, Shop, timestamp
from shopify_simulator.shop.money import shop_minor
from shopify_simulator.shop.sales import CURRENT_SUMS, purchases
from shopify_simulator.webhooks.payloads import BUILDERS, of_change

from .worlds import NOW, make_shop

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def shop() -> Shop:
    return make_shop()


def number_of(record: Record) -> int:
    return int(record["legacyResourceId"])


def buyer(shop: Shop) -> Record:
    return next(c for c in shop.customers.values() if c["lastOrder"] and c["defaultEmailAddress"])


def paid_order(shop: Shop) -> Record:
    return next(
        o for o in shop.orders.values()
        if o["displayFinancialStatus"] == "PAID" and o["customer"]
        and not (o["cancelledAt"] or o["test"] or o["edited"])
    )  # fmt: skip


def tagged_customer(shop: Shop) -> Record:
    return next(c for c in shop.customers.values() if c["tags"])


def test_every_act_names_the_topics_that_shopify_fires(shop: Shop) -> None:
    customer, order = number_of(buyer(shop)), number_of(paid_order(shop))
    product = next(iter(shop.products))
    variant = number_of(shop.products[product]["variants"][0])
    reachable = next(k for k, c in shop.customers.items() if c["defaultPhoneNumber"])
    lonely = next(k for k, c in shop.customers.items() if c["lastOrder"] is None)
    acts: list[tuple[Callable[[], Change], set[str]]] = [
        (lambda: mutate.create_customer(shop, LATER), {"customers/create"}),
        (lambda: mutate.update_customer(shop, customer, LATER, note="x"), {"customers/update"}),
        (lambda: mutate.update_customer(shop, customer, LATER, state="INVITED"), {"customers/update"}),
        (
            lambda: mutate.update_customer(shop, customer, LATER, state="DISABLED"),
            {"customers/update", "customers/disable"},
        ),
        (
            lambda: mutate.update_customer(shop, customer, LATER, state="ENABLED"),
            {"customers/update", "customers/enable"},
        ),
        (
            lambda: mutate.tag_customer(shop, customer, LATER, add=["fresh"]),
            {"customer.tags_added", "customers/update"},
        ),
        (
            lambda: mutate.tag_customer(shop, customer, LATER, remove=["fresh"]),
            {"customer.tags_removed", "customers/update"},
        ),
        (
            lambda: mutate.update_customer_consent(shop, customer, LATER, email_state="UNSUBSCRIBED"),
            {"customers_email_marketing_consent/update", "customers/update"},
        ),
        (
            lambda: mutate.update_customer_consent(shop, reachable, LATER, sms_state="UNSUBSCRIBED"),
            {"customers_marketing_consent/update", "customers/update"},
        ),
        (lambda: mutate.add_customer_address(shop, customer, LATER), {"customers/update"}),
        (lambda: mutate.create_order(shop, LATER, customer=customer), {"orders/create", "orders/updated"}),
        (lambda: mutate.update_order(shop, order, LATER, note="x"), {"orders/updated"}),
        (
            lambda: mutate.edit_order(shop, order, LATER, custom_items=["Ribbon"]),
            {"orders/edited", "orders/updated"},
        ),
        (lambda: mutate.refund_order(shop, order, LATER), {"refunds/create", "orders/updated"}),
        (lambda: mutate.cancel_order(shop, order, LATER), {"orders/cancelled", "orders/updated"}),
        (lambda: mutate.delete_order(shop, order, LATER), {"orders/delete"}),
        (lambda: mutate.create_product(shop, LATER), {"products/create"}),
        (lambda: mutate.update_product(shop, product, LATER, title="New"), {"products/update"}),
        (
            lambda: mutate.update_variant(shop, product, LATER, variant=variant, price="12.5"),
            {"products/update"},
        ),
        (
            lambda: mutate.set_inventory(shop, product, LATER, variant=variant, quantity=3),
            {"inventory_levels/update", "products/update"},
        ),
        (lambda: mutate.delete_product(shop, product, LATER), {"products/delete"}),
        (lambda: mutate.delete_customer(shop, lonely, LATER), {"customers/delete"}),
        (
            lambda: mutate.merge_customer(shop, customer, LATER, into=next(iter(shop.customers))),
            {"customers/merge", "customers/update"},
        ),
        (lambda: mutate.update_shop(shop, LATER, name="Acme Two"), {"shop/update"}),
    ]

    changes = [act() for act, _ in acts]

    assert [set(change.topics) for change in changes] == [topics for _, topics in acts]
    fired = {topic for change in changes for part in change.flattened() for topic in part.topics}
    assert fired == set(BUILDERS)


def test_the_shops_settings_change_and_are_told(shop: Shop) -> None:
    before = shop.facts

    change = mutate.update_shop(
        shop,
        LATER,
        name="Two",
        email="two@example.com",
        plan="plus",
        currency="EUR",
        timezone="Europe/Berlin",
    )

    body = of_change(shop, change, "shop/update", LATER)
    assert change.before is before
    assert (body["name"], body["email"], body["plan_name"]) == ("Two", "two@example.com", "shopify_plus")
    assert (body["currency"], body["iana_timezone"]) == ("EUR", "Europe/Berlin")
    assert datetime.fromisoformat(body["updated_at"]) == LATER
    assert shop.facts["plan"]["publicDisplayName"] == "Plus"


@pytest.mark.parametrize("settings", [{"plan": "gold"}, {"timezone": "Mars/Olympus"}])
def test_settings_that_shopify_does_not_have_are_refused(shop: Shop, settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is "):
        mutate.update_shop(shop, LATER, **settings)

    assert shop.facts == make_shop().facts


def test_change_leaves_the_record_before_it_untouched(shop: Shop) -> None:
    before = tagged_customer(shop)
    copy = dict(before)

    change = mutate.tag_customer(shop, number_of(before), LATER, remove=before["tags"])

    assert change.before is before
    assert before == copy
    assert change.after == {**copy, "tags": [], "updatedAt": timestamp(LATER)}


def test_tags_that_are_there_already_are_not_added(shop: Shop) -> None:
    customer = tagged_customer(shop)

    change = mutate.tag_customer(shop, number_of(customer), LATER, add=customer["tags"])

    assert change.details == {"tagsAdded": [], "tagsRemoved": []}
    assert change.topics == ["customers/update"]


def test_order_moves_its_customers_sums(shop: Shop) -> None:
    customer = buyer(shop)

    change = mutate.create_order(shop, LATER, customer=number_of(customer), rng=random.Random(3))

    assert change.after is not None
    after = shop.customers[number_of(customer)]
    follower = next(other for other in change.others if other.kind == "customer.purchase")
    assert int(after["numberOfOrders"]) == int(customer["numberOfOrders"]) + 1
    assert after["lastOrder"]["id"] == change.after["id"]
    assert follower.topics == ["customers/purchasing_summary", "customers/update"]
    assert after["updatedAt"] == timestamp(LATER)


def test_sold_units_leave_the_stock(shop: Shop) -> None:
    change = mutate.create_order(shop, LATER, line_count=1, rng=random.Random(5))
    assert change.after is not None
    line = change.after["lineItems"][0]

    sale = next(other for other in change.others if other.kind == "inventory.set")

    assert sale.before is not None
    assert sale.after is not None
    assert sale.before["totalInventory"] - sale.after["totalInventory"] == line["quantity"]


def test_full_refund_takes_everything_back(shop: Shop) -> None:
    order = paid_order(shop)

    change = mutate.refund_order(shop, number_of(order), LATER)

    assert change.after is not None
    assert change.after["displayFinancialStatus"] == "REFUNDED"
    assert all(line["currentQuantity"] == 0 for line in change.after["lineItems"])
    assert change.after["totalPriceSet"] == order["totalPriceSet"]
    assert [shop_minor(change.after[name]) for name in CURRENT_SUMS] == [0, 0, 0, 0]
    assert change.after["totalRefundedSet"] == order["totalPriceSet"]
    assert change.details["refund"] == change.after["refunds"][-1]
    with pytest.raises(ValueError, match="nothing is left"):
        mutate.refund_order(shop, number_of(order), LATER)


def test_partial_refund_takes_a_part_back(shop: Shop) -> None:
    order = next(
        o for o in shop.orders.values() if len(o["lineItems"]) > 2 and not o["refunds"] and not o["edited"]
    )
    line = order["lineItems"][0]

    change = mutate.refund_order(shop, number_of(order), LATER, quantities={line["id"]: 1})

    assert change.after is not None
    lost = shop_minor(order["currentTotalPriceSet"]) - shop_minor(change.after["currentTotalPriceSet"])
    assert change.after["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    refund = change.details["refund"]
    assert lost == shop_minor(refund["totalRefundedSet"]) > 0
    assert lost == sum(
        shop_minor(one["subtotalSet"]) + shop_minor(one["totalTaxSet"]) for one in refund["refundLineItems"]
    )
    assert shop_minor(order["currentTotalTaxSet"]) > shop_minor(change.after["currentTotalTaxSet"]) > 0
    assert change.after["lineItems"][0]["currentQuantity"] == line["currentQuantity"] - 1


def test_edit_keeps_the_original_sums(shop: Shop) -> None:
    order = paid_order(shop)

    change = mutate.edit_order(shop, number_of(order), LATER, custom_items=["Ribbon"])

    assert change.after is not None
    assert change.after["edited"] is True
    assert change.after["totalPriceSet"] == order["totalPriceSet"]
    assert shop_minor(change.after["currentTotalPriceSet"]) > shop_minor(order["currentTotalPriceSet"])
    assert shop_minor(change.after["currentTotalTaxSet"]) > shop_minor(order["currentTotalTaxSet"])
    assert [entry["delta"] for entry in change.details["orderEdit"]["additions"]] == [1]


def test_discounts_shrink_with_the_goods(shop: Shop) -> None:
    order = next(
        o for o in shop.orders.values()
        if len(o["lineItems"]) > 1 and shop_minor(o["totalDiscountsSet"]) > 100
        and not o["refunds"] and not o["edited"]
    )  # fmt: skip
    first = order["lineItems"][0]

    change = mutate.edit_order(
        shop, number_of(order), LATER, removals={first["id"]: first["currentQuantity"]}
    )

    assert change.after is not None
    before = shop_minor(order["currentTotalDiscountsSet"])
    assert 0 < shop_minor(change.after["currentTotalDiscountsSet"]) < before
    assert change.after["totalDiscountsSet"] == order["totalDiscountsSet"]


def test_orders_are_found_by_customer_through_every_change(shop: Shop) -> None:
    rng = random.Random(4)
    shop.orders.of_customer(0)

    for step in range(200):
        random_mutation(shop, rng, NOW + timedelta(seconds=step))

    for customer in shop.customers:
        wanted = [
            key for key, o in shop.orders.items() if o["customer"] and number_of(o["customer"]) == customer
        ]
        assert [number_of(order) for order in shop.orders.of_customer(customer)] == sorted(wanted)


def test_an_order_takes_the_next_number_even_after_a_deletion(shop: Shop) -> None:
    last = max(shop.orders.values(), key=lambda order: order["number"])
    mutate.delete_order(shop, number_of(last), LATER)

    placed = mutate.create_order(shop, LATER).after

    assert placed is not None
    assert placed["number"] == last["number"] + 1


def test_no_act_reads_the_whole_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a scan")

    customer, order = number_of(buyer(shop)), number_of(paid_order(shop))
    for scan in ("values", "items", "__iter__"):
        monkeypatch.setattr(Records, scan, refuse)

    changes = [
        mutate.create_order(shop, LATER, customer=customer),
        mutate.refund_order(shop, order, LATER),
        mutate.delete_order(shop, order, LATER),
    ]

    assert [change.kind for change in changes] == ["order.create", "order.refund", "order.delete"]


@pytest.mark.parametrize("count", [1, 10, 11, 100, 101, 120, 150, 151, 260, 2_048])
def test_a_product_has_as_many_variants_as_asked(shop: Shop, count: int) -> None:
    product = mutate.create_product(shop, LATER, variant_count=count).after

    assert product is not None
    chosen = [[one["value"] for one in variant["selectedOptions"]] for variant in product["variants"]]
    assert len({tuple(values) for values in chosen}) == product["variantsCount"]["count"] == count
    for position, option in enumerate(product["options"]):
        assert {values[position] for values in chosen} == set(option["values"])


@pytest.mark.parametrize("count", [0, 2_049])
def test_a_number_of_variants_that_shopify_refuses_is_refused(shop: Shop, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 2048 variants"):
        mutate.create_product(shop, LATER, variant_count=count)


def test_customer_with_orders_cannot_be_deleted(shop: Shop) -> None:
    with pytest.raises(ValueError, match="has orders"):
        mutate.delete_customer(shop, number_of(buyer(shop)), LATER)


def test_merge_hands_the_orders_over(shop: Shop) -> None:
    lost = buyer(shop)
    kept = next(c for c in shop.customers.values() if c["id"] != lost["id"])

    change = mutate.merge_customer(shop, number_of(lost), LATER, into=number_of(kept))

    assert number_of(lost) not in shop.customers
    assert not [o for o in shop.orders.values() if o["customer"] and o["customer"]["id"] == lost["id"]]
    assert change.details == {"keptId": kept["id"], "deletedId": lost["id"]}
    assert "orders/updated" in {topic for other in change.others for topic in other.topics}


@pytest.mark.parametrize(
    "act", [mutate.update_customer, mutate.cancel_order, mutate.delete_product, mutate.delete_customer]
)
def test_unknown_record_is_a_key_error(shop: Shop, act: Callable[..., Change]) -> None:
    with pytest.raises(KeyError):
        act(shop, 1, LATER)


def test_time_of_a_record_never_goes_back(shop: Shop) -> None:
    key = next(iter(shop.customers))
    mutate.update_customer(shop, key, LATER, note="later")

    change = mutate.update_customer(shop, key, NOW, note="earlier clock")

    assert change.after is not None
    assert change.after["updatedAt"] == timestamp(LATER)


def test_random_acts_are_the_same_for_the_same_seed() -> None:
    histories = [[random_mutation(shop, rng, LATER) for _ in range(60)] for shop, rng in seeded_pairs()]

    assert histories[0] == histories[1]


def seeded_pairs() -> list[tuple[Shop, random.Random]]:
    return [(make_shop(), random.Random(9)) for _ in range(2)]


def test_random_acts_leave_a_consistent_shop(shop: Shop) -> None:
    rng = random.Random(1)
    changes = [
        change
        for step in range(300)
        for change in random_mutation(shop, rng, NOW + timedelta(seconds=step)).flattened()
    ]

    for customer in shop.customers.values():
        orders = [o for o in shop.orders.values() if o["customer"] and o["customer"]["id"] == customer["id"]]
        sums = purchases(orders, shop.currency)
        assert {name: customer[name] for name in sums} == sums
    deleted = {(stone.resource, stone.id) for stone in shop.tombstones}
    assert not {(r, key) for r in RESOURCES for key in shop.records(r)} & deleted
    assert len({change.kind for change in changes}) > 12


def test_random_acts_work_on_an_empty_shop() -> None:
    empty = make_shop(customers=0, orders=0, products=0)
    rng = random.Random(2)

    changes = [random_mutation(empty, rng, LATER) for _ in range(50)]

    assert len(changes) == 50
    assert empty.orders
