"""A record says the same whether a webhook or a read brings it: equal canonical columns, equal fingerprint."""

import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from record_writer.domain import customers, orders
from record_writer.domain.changes import Change, Kind
from record_writer.domain.interpret import interpret
from record_writer.domain.rows import CANONICAL, ROWS, carried
from shopify_simulator.shop.chance import random_mutation
from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import Change as ShopChange
from shopify_simulator.truth import resolved
from shopify_simulator.webhooks import payloads
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource, Shape

from ..builders import graphql_order, graphql_product, rest_order, rest_product

CUSTOMERS, ORDERS, PRODUCTS = Resource
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
UPDATED = {CUSTOMERS: "customers/update", ORDERS: "orders/updated", PRODUCTS: "products/update"}
CONNECTIONS = ("lineItems", "discountApplications", "refunds", "variants", "media", "addressesV2")

CUSTOMER_WEBHOOKS_LACK = {
    "accepts_marketing",
    "accepts_marketing_updated_at",
    "marketing_opt_in_level",
    "email_marketing_state",
    "tags",
    "currency",
    "total_spent",
    "orders_count",
    "last_order_at",
}
"""What the other shape alone can carry, of customers always; else by what the record holds: see `lacking`."""


def lacking(resource: Resource, record: dict[str, Any]) -> set[str]:
    """Return the canonical columns that the webhook of a record cannot carry."""
    return {CUSTOMERS: customer_lacks, ORDERS: order_lacks, PRODUCTS: product_lacks}[resource](record)


def customer_lacks(record: dict[str, Any]) -> set[str]:
    """A webhook leaves out the default address where there is none, and empty looks like hidden where all is empty."""
    names = ("firstName", "lastName", "defaultEmailAddress", "defaultPhoneNumber", "addressesV2")
    if not any(record[name] for name in names):
        return CUSTOMER_WEBHOOKS_LACK | set(customers.PROTECTED)
    return CUSTOMER_WEBHOOKS_LACK | (set() if record["defaultAddress"] else {"default_address"})


def order_lacks(record: dict[str, Any]) -> set[str]:
    """A webhook's null means "nothing yet" or "nothing needed": lines tell which, unless all are gift cards.

    What is partial by that and names nobody looks like hidden.
    """
    is_null = record["displayFulfillmentStatus"] not in ("FULFILLED", "PARTIALLY_FULFILLED", "RESTOCKED")
    if not is_null or not all(one["isGiftCard"] for one in record["lineItems"]):
        return set()
    names = ("email", "phone", "shippingAddress", "billingAddress")
    return {"fulfillment_status"} | (set() if any(record[name] for name in names) else set(orders.PROTECTED))


def product_lacks(record: dict[str, Any]) -> set[str]:
    """A webhook carries a hundred variants in full."""
    return {"variants"} if len(record["variants"]) > 100 else set()


def raw(resource: Resource, body: Any, topic: str | None) -> RawRecord:
    return RawRecord(
        type=RecordType.DELIVERED if topic else RecordType.FETCHED,
        resource=resource,
        shop="acme.myshopify.com",
        record_id="1",
        observed_at=NOW,
        body=msgspec.json.encode(body),
        shape=Shape.REST if topic else Shape.GRAPHQL,
        event_id="1",
        source="test",
        occurred_at=NOW,
        webhook_topic=topic,
    )


def read(resource: Resource, record: dict[str, Any]) -> Change:
    return interpret(raw(resource, record, None))


def delivered(resource: Resource, body: dict[str, Any]) -> Change:
    return interpret(raw(resource, body, UPDATED[resource]))


def content(resource: Resource, change: Change) -> dict[str, Any]:
    """Return the canonical columns that a change carries, as the fingerprint sees them."""
    said = carried(change.row)
    names = set(CANONICAL[ROWS[resource]]) & said.keys()
    return {name: msgspec.json.decode(msgspec.json.encode(said[name])) for name in names}


@example(seed=4981, currency="USD", zone="America/New_York", acts=0)  # gift cards for nobody that is named
@given(
    seed=st.integers(0, 10_000),
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    zone=st.sampled_from(["America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    acts=st.integers(0, 60),
)
@settings(max_examples=12, deadline=None)
def test_webhook_and_read_of_every_record_of_a_shop_say_the_same(seed, currency, zone, acts):
    shop = generate(
        "acme.myshopify.com",
        seed=seed,
        now=NOW,
        customers=15,
        orders=30,
        products=8,
        currency=currency,
        zone=zone,
    )
    rng = random.Random(seed)
    for minute in range(acts):
        random_mutation(shop, rng, NOW + timedelta(minutes=minute))

    for resource, topic in UPDATED.items():
        name: Any = resource.value
        for number, record in shop.records(name).items():
            change = ShopChange(name, "update", number, [topic], record, record)
            by_webhook = delivered(resource, payloads.of_change(shop, change, topic, NOW))
            answer = {
                key: {"nodes": value} if key in CONNECTIONS and isinstance(value, list) else value
                for key, value in resolved(shop, name, record).items()
            }
            by_read = read(resource, answer)

            assert (by_webhook.external_id, by_webhook.updated_at) == (
                by_read.external_id,
                by_read.updated_at,
            )
            whole, partial = content(resource, by_read), content(resource, by_webhook)
            assert whole.keys() == set(CANONICAL[ROWS[resource]])
            assert whole.keys() - partial.keys() == lacking(resource, record)
            assert {column: whole[column] for column in partial} == partial
            assert by_read.kind is Kind.FULL
            assert by_webhook.content_hash == (None if lacking(resource, record) else by_read.content_hash)


texts = st.one_of(st.none(), st.just(""), st.text(max_size=12))
tag_lists = st.lists(st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=6), max_size=5)
amounts = st.decimals(0, 10**12, places=2)
moments = st.integers(0, 32 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
offsets = st.integers(-11, 13).map(lambda hours: timezone(timedelta(hours=hours)))


def bag(amount: Decimal) -> dict[str, Any]:
    """Return money as GraphQL writes it: without the zeros at the end, but one."""
    money = {"amount": f"{amount.normalize():f}", "currencyCode": "USD"}
    return {"shopMoney": money, "presentmentMoney": money}


def in_utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@given(texts, texts, tag_lists, amounts, moments, offsets, st.randoms())
@settings(max_examples=150, deadline=None)
def test_texts_tags_amounts_and_times_of_an_order_are_the_same_however_they_are_written(
    note, name, tags, amount, moment, offset, chance
):
    shuffled = chance.sample(tags, len(tags)) + tags[:1]
    by_read = graphql_order(
        note=note, name=name, tags=tags, totalPriceSet=bag(amount), processedAt=in_utc(moment)
    )
    by_webhook = rest_order(
        note=note or None,
        name=name or "",
        tags=" ,".join(shuffled),
        total_price=f"{amount:.2f}",
        total_price_set={"presentment_money": {"amount": f"{amount:.2f}"}},
        processed_at=moment.astimezone(offset).isoformat(),
    )

    one, other = read(ORDERS, by_read), delivered(ORDERS, by_webhook)

    assert content(ORDERS, one) == content(ORDERS, other)
    assert one.content_hash == other.content_hash is not None


@given(texts, texts, tag_lists, amounts, st.one_of(st.none(), moments), offsets)
@settings(max_examples=150, deadline=None)
def test_texts_tags_amounts_and_times_of_a_product_are_the_same_however_they_are_written(
    description, sku, tags, amount, moment, offset
):
    by_read = graphql_product(
        descriptionHtml=description, tags=tags, publishedAt=in_utc(moment) if moment else None
    )
    by_read["variants"]["nodes"][0] |= {"sku": sku, "price": f"{amount.normalize():f}"}
    by_webhook = rest_product(
        body_html=description or None,
        tags=", ".join(reversed(tags)),
        published_at=moment.astimezone(offset).isoformat() if moment else None,
    )
    by_webhook["variants"][0] |= {"sku": sku or None, "price": f"{amount:.2f}"}

    one, other = read(PRODUCTS, by_read), delivered(PRODUCTS, by_webhook)

    assert content(PRODUCTS, one) == content(PRODUCTS, other)
    assert one.content_hash == other.content_hash is not None
