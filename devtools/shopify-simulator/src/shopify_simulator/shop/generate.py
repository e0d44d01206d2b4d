"""Make up a whole shop from a seed: the same arguments always give the same records."""

import gc
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from shopify_simulator.shop.catalogue import make_product
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import PLANS, RESOURCES, Record, Shop, gid, timestamp
from shopify_simulator.shop.people import CUSTOMER_AGE, make_customer, slug
from shopify_simulator.shop.sales import (
    CANCEL_REASONS,
    Currencies,
    OrderPlan,
    cancelled,
    edited,
    make_line,
    make_order,
    pick_article,
    purchases,
    refunded,
)
from shopify_simulator.shop.samples import COUNTRIES

SHOP_AGE = timedelta(days=1_000)
RECENT_ORDERS = timedelta(days=59)
OLD_ORDERS_FROM = timedelta(days=61)
OLD_ORDERS_SHARE = 0.1
GUEST_SHARE = 0.12
BIG_ORDER_LINES = 300
BIG_ORDER_EVERY = 5_000
BIG_PRODUCT_EVERY = 300
BIG_PRODUCT_VARIANTS = 150
LINE_COUNTS = (1, 1, 2, 2, 2, 3, 3, 4, 5, 7)
VARIANT_COUNTS = (1, 1, 1, 2, 3, 3, 5, 8)
ID_BASE = 5_000_000_000_000
ID_RANGE_SIZE = 100_000_000


def generate(
    domain: str,
    *,
    seed: int,
    now: datetime,
    customers: int = 100,
    orders: int = 200,
    products: int = 50,
    currency: str = "USD",
    zone: str = "America/New_York",
    plan: str = "basic",
    name: str | None = None,
) -> Shop:
    """Make up a shop. Orders older than 60 days are about a tenth, at least one if there are ten."""
    now = now.replace(microsecond=0)
    number = zlib.crc32(domain.encode()) % 1_000_000
    shop = Shop(
        domain=domain,
        id=60_000_000_000 + number,
        facts=_facts(domain, 60_000_000_000 + number, now, currency, zone, plan, name),
        plan=PLANS[plan],
        last_id=ID_BASE + number * ID_RANGE_SIZE,
    )
    dice = Dice(random.Random(f"{domain}/{seed}"))
    with _paused_collector():
        _add_products(shop, dice, products, now)
        _add_customers(shop, dice, customers, now)
        _add_orders(shop, dice, orders, now)
        _add_purchases(shop)
        for resource in RESOURCES:
            shop.records(resource).sorted_by("legacyResourceId")
    return shop


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Records hold no cycles: scanning them would double the time now, and stall the server for seconds later."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _facts(
    domain: str, number: int, now: datetime, currency: str, zone: str, plan: str, name: str | None
) -> Record:
    title = name or domain.partition(".")[0].replace("-", " ").title()
    return {
        "id": gid("Shop", number),
        "name": title,
        "myshopifyDomain": domain,
        "primaryDomain": {"id": gid("Domain", number), "host": domain, "url": f"https://{domain}"},
        "url": f"https://{domain}",
        "email": f"owner@{slug(title) or 'shop'}.example.com",
        "contactEmail": f"hello@{slug(title) or 'shop'}.example.com",
        "shopOwnerName": "Robin Owner",
        "shopAddress": _address(number, currency),
        "currencyCode": currency,
        "enabledPresentmentCurrencies": sorted({currency, "EUR", "USD", "JPY"}),
        "ianaTimezone": zone,
        "plan": PLANS[plan].facts(),
        "taxesIncluded": zone.startswith("Europe/"),
        "createdAt": timestamp(now - SHOP_AGE),
        "updatedAt": timestamp(now - timedelta(days=1)),
    }


def _address(number: int, currency: str) -> Record:
    """A ShopAddress in a country of the currency, else in the first of all."""
    country = next((one for one in COUNTRIES if one.currency == currency), COUNTRIES[0])
    city = country.cities[0]
    return {
        "id": gid("ShopAddress", number),
        "address1": f"1 {country.streets[0]}",
        "address2": None,
        "city": city.name,
        "province": city.province,
        "provinceCode": city.province_code,
        "country": country.name,
        "countryCodeV2": country.code,
        "zip": f"{city.zip_prefix}01",
        "phone": f"{country.dial_code}5550100",
    }


def _add_products(shop: Shop, dice: Dice, count: int, now: datetime) -> None:
    for index in range(count):
        created = dice.between(now - SHOP_AGE, now - timedelta(days=1))
        is_big = index % BIG_PRODUCT_EVERY == 0
        variant_count = BIG_PRODUCT_VARIANTS if is_big else dice.pick(VARIANT_COUNTS)
        product = make_product(shop, dice, variant_count, created, dice.between(created, now))
        shop.products[int(product["legacyResourceId"])] = product


def _add_customers(shop: Shop, dice: Dice, count: int, now: datetime) -> None:
    for index in range(count):
        created = dice.between(now - CUSTOMER_AGE, now)
        customer = make_customer(shop, dice, index, created, dice.between(created, now))
        shop.customers[int(customer["legacyResourceId"])] = customer


def _order_times(dice: Dice, count: int, now: datetime) -> list[datetime]:
    old = round(count * OLD_ORDERS_SHARE)
    older = [dice.between(now - CUSTOMER_AGE, now - OLD_ORDERS_FROM) for _ in range(old)]
    recent = [dice.between(now - RECENT_ORDERS, now) for _ in range(count - old)]
    return sorted(older + recent)


def _add_orders(shop: Shop, dice: Dice, count: int, now: datetime) -> None:
    customers = list(shop.customers.values())
    for index, created in enumerate(_order_times(dice, count, now)):
        has_customer = bool(customers) and not dice.chance(GUEST_SHARE)
        is_big = index % BIG_ORDER_EVERY == min(count, BIG_ORDER_EVERY) // 2
        plan = OrderPlan(
            number=shop.next_order_number(),
            created=created,
            updated=dice.between(created, min(now, created + timedelta(days=20))),
            customer=dice.pick(customers) if has_customer else None,
            line_count=BIG_ORDER_LINES if is_big else dice.pick(LINE_COUNTS),
        )
        order = _with_history(shop, dice, make_order(shop, dice, plan))
        shop.orders[int(order["legacyResourceId"])] = order


def _with_history(shop: Shop, dice: Dice, order: Record) -> Record:
    """The order after what may have happened to it until its updatedAt."""
    draw, at = dice.random(), order["updatedAt"]
    first = order["lineItems"][0]
    if draw < 0.03:
        everything = {line["id"]: line["quantity"] for line in order["lineItems"]}
        return refunded(shop, order, everything, "Returned", at)[0]
    if draw < 0.07:
        return refunded(shop, order, {first["id"]: 1}, None, at)[0]
    if draw < 0.10:
        return cancelled(order, dice.pick(CANCEL_REASONS), at)
    if draw < 0.13:
        currencies = Currencies(order["currencyCode"], order["presentmentCurrencyCode"])
        line = make_line(shop, pick_article(shop, dice), 1, 0, currencies)
        return edited(order, {first["id"]: 1}, [line])
    return order


def _add_purchases(shop: Shop) -> None:
    for key, customer in shop.customers.items():
        orders = shop.orders.of_customer(key)
        if orders:
            shop.customers[key] = {**customer, **purchases(orders, shop.currency)}
