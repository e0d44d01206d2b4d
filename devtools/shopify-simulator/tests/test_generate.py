import gc
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import RESOURCES, Record, Shop, parse_timestamp, timestamp
from shopify_simulator.shop.money import shop_minor
from shopify_simulator.shop.sales import purchases
from shopify_simulator.shop.samples import AWKWARD_TEXTS

from .worlds import NOW, ago, make_shop

CPU_SECONDS_MAX = 6.0


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(customers=300, orders=1500, products=310)


def test_same_arguments_give_the_same_shop() -> None:
    first, second = make_shop(), make_shop()

    assert first == second


def test_a_shop_is_left_to_no_garbage_collection_and_its_index_is_ready() -> None:
    frozen = gc.get_freeze_count()

    shop = make_shop()

    assert gc.get_freeze_count() - frozen > sum(len(shop.records(resource)) for resource in RESOURCES)
    assert gc.isenabled()
    assert all("legacyResourceId" in shop.records(resource)._indexes for resource in RESOURCES)


def test_the_first_product_has_more_variants_than_a_webhook_carries() -> None:
    first = next(iter(make_shop(products=1).products.values()))

    assert len(first["variants"]) == 150


def test_another_seed_gives_other_records() -> None:
    first, second = make_shop(), make_shop(seed=8)

    assert list(first.customers.values()) != list(second.customers.values())


def test_two_shops_share_no_id() -> None:
    first, second = make_shop(), make_shop()
    other = generate("other.myshopify.com", seed=7, now=NOW, customers=40, orders=80, products=20)

    assert set(first.orders) == set(second.orders)
    assert not set(first.orders) & set(other.orders)


def test_asked_numbers_of_records_are_made(shop: Shop) -> None:
    assert [len(shop.records(resource)) for resource in RESOURCES] == [300, 1500, 310]


def test_empty_shop_can_be_made() -> None:
    empty = make_shop(customers=0, orders=0, products=0)

    assert not empty.customers


def test_a_tenth_of_orders_is_older_than_sixty_days(shop: Shop) -> None:
    old = [order for order in shop.orders.values() if order["createdAt"] < timestamp(ago(days=60))]

    assert len(old) == 150


def test_times_are_whole_seconds_of_utc_and_never_in_the_future(shop: Shop) -> None:
    times = [
        record[name]
        for r in RESOURCES
        for record in shop.records(r).values()
        for name in ("createdAt", "updatedAt")
    ]

    assert all(timestamp(parse_timestamp(text)) == text for text in times)
    assert max(times) <= timestamp(NOW)


def test_no_record_is_updated_before_it_was_created(shop: Shop) -> None:
    records = [record for resource in RESOURCES for record in shop.records(resource).values()]

    assert all(record["createdAt"] <= record["updatedAt"] for record in records)


def test_customers_add_up_with_their_orders(shop: Shop) -> None:
    by_customer: dict[str, list[Record]] = {customer["id"]: [] for customer in shop.customers.values()}
    for order in shop.orders.values():
        if order["customer"]:
            by_customer[order["customer"]["id"]].append(order)

    for customer in shop.customers.values():
        sums = purchases(by_customer[customer["id"]], shop.currency)
        assert {name: customer[name] for name in sums} == sums


CUSTOMER_KINDS: dict[str, Callable[[Record], bool]] = {
    "without e-mail": lambda c: c["defaultEmailAddress"] is None,
    "without phone": lambda c: c["defaultPhoneNumber"] is None,
    "without both": lambda c: c["defaultEmailAddress"] is None and c["defaultPhoneNumber"] is None,
    "without address": lambda c: not c["addressesV2"],
    "with awkward note": lambda c: c["note"] in AWKWARD_TEXTS,
    "with long note": lambda c: len(c["note"] or "") > 4000,
    "subscribed": lambda c: (c["defaultEmailAddress"] or {}).get("marketingState") == "SUBSCRIBED",
    "invalid e-mail": lambda c: (c["defaultEmailAddress"] or {}).get("marketingState") == "INVALID",
    "without orders": lambda c: c["lastOrder"] is None,
}
ORDER_KINDS: dict[str, Callable[[Record], bool]] = {
    "guest": lambda o: o["customer"] is None,
    "partially refunded": lambda o: o["displayFinancialStatus"] == "PARTIALLY_REFUNDED",
    "refunded": lambda o: o["displayFinancialStatus"] == "REFUNDED",
    "cancelled": lambda o: o["cancelledAt"] is not None,
    "edited": lambda o: o["edited"] and o["currentTotalPriceSet"] != o["totalPriceSet"],
    "archived": lambda o: o["closedAt"] is not None,
    "test": lambda o: o["test"],
    "with discount code": lambda o: bool(o["discountCodes"]),
    "big": lambda o: len(o["lineItems"]) == 300,
    "imported": lambda o: o["processedAt"] < o["createdAt"],
    "with custom item": lambda o: any(line["product"] is None for line in o["lineItems"]),
    "in two currencies": lambda o: o["currencyCode"] != o["presentmentCurrencyCode"],
}


def _has_status(status: str, product: Record) -> bool:
    return bool(product["status"] == status)


PRODUCT_KINDS: dict[str, Callable[[Record], bool]] = {
    **{status: partial(_has_status, status) for status in ("ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED")},
    "with many variants": lambda p: len(p["variants"]) == 150,
    "without media": lambda p: not p["media"],
    "with video": lambda p: any("/Video/" in media["id"] for media in p["media"]),
}


@pytest.mark.parametrize(
    ("resource", "is_wanted"),
    [
        pytest.param(resource, is_wanted, id=f"{resource} {kind}")
        for resource, kinds in (
            ("customers", CUSTOMER_KINDS),
            ("orders", ORDER_KINDS),
            ("products", PRODUCT_KINDS),
        )
        for kind, is_wanted in kinds.items()
    ],
)
def test_every_kind_of_record_occurs(shop: Shop, resource: Any, is_wanted: Callable[[Record], bool]) -> None:
    assert any(is_wanted(record) for record in shop.records(resource).values())


def test_order_sums_fit_together(shop: Shop) -> None:
    for order in shop.orders.values():
        tax = 0 if order["taxesIncluded"] else shop_minor(order["totalTaxSet"])
        shipping = shop_minor(order["totalPriceSet"]) - shop_minor(order["subtotalPriceSet"]) - tax
        goods = sum(
            shop_minor(line["originalUnitPriceSet"]) * line["quantity"] for line in order["lineItems"]
        )
        assert shipping >= 0
        if not order["edited"]:
            assert shop_minor(order["subtotalPriceSet"]) == goods - shop_minor(order["totalDiscountsSet"])


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("VND", 0), ("USD", 2), ("KWD", 3)])
def test_amounts_have_no_more_decimals_than_the_currency(currency: str, digits: int) -> None:
    shop = make_shop(currency=currency, zone="Asia/Tokyo")

    amounts = [order["totalPriceSet"]["shopMoney"]["amount"] for order in shop.orders.values()]

    assert max(len(text.partition(".")[2].rstrip("0")) for text in amounts) == digits


def test_no_text_holds_a_character_that_postgresql_refuses(shop: Shop) -> None:
    texts = repr(shop.customers) + repr(shop.orders) + repr(shop.products)

    assert "\\x00" not in texts
    assert texts.encode("utf-8")


def test_large_shop_is_made_quickly() -> None:
    started = time.process_time()

    make_shop(customers=2_500, orders=5_000, products=250)

    assert time.process_time() - started < CPU_SECONDS_MAX


def test_orders_are_never_created_in_the_gap_around_sixty_days(shop: Shop) -> None:
    edge = timedelta(days=60)
    ages = [NOW - parse_timestamp(order["createdAt"]) for order in shop.orders.values()]

    assert not [age for age in ages if abs(age - edge) < timedelta(hours=12)]
