"""Records of a made-up shop as Kafka messages, in the form in which a sync publishes them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode, parse
from graphql.language import InlineFragmentNode, OperationDefinitionNode

from shopify_fetcher.clients.documents import document
from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import Shop
from shopify_simulator.truth import resolved
from shopify_simulator.webhooks.order_payload import order as order_payload
from sync_common.bus import Message
from sync_common.contracts.envelope import to_rfc3339
from sync_common.contracts.records import RawRecord, RecordType, fetched, record_key
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource, Shape
from sync_common.contracts.topics import SYNC_ORCHESTRATOR, WEBHOOK_INGEST, sync_topic

SHOP = "bench.myshopify.com"
STORE_ID, ADVERTISER_ID = 1, 10
LIMIT_STORE_ID, LIMIT_ADVERTISER_ID = 2, 11
"""Whose rows the limit is measured with: a store of its own in the same tables."""

STARTED = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARTITIONS = 6
SAMPLES = 1_000
CUSTOMERS_COPIED = 30_000
"""Orders are of as many customers."""

_KINDS = {Resource.CUSTOMERS: "Customer", Resource.ORDERS: "Order", Resource.PRODUCTS: "Product"}
_EDITED = {Resource.CUSTOMERS: "note", Resource.ORDERS: "note", Resource.PRODUCTS: "title"}

Body = dict[str, Any]


def samples(resource: Resource) -> list[Body]:
    """Return whole records as the page queries of the fetcher answer them."""
    shop = _shop()
    shape = _Shape(document(f"{resource}_page"))
    return [shape(resolved(shop, resource.value, record)) for record in shop.records(resource.value).values()]


@cache
def _shop() -> Shop:
    return generate(SHOP, seed=1, now=STARTED, customers=SAMPLES, orders=SAMPLES, products=SAMPLES)


def webhooks(*, first: int, count: int, at: datetime) -> list[RawRecord]:
    """Return orders/updated as the webhook ingest publishes them, received at that moment."""
    orders = list(_shop().orders.values())
    return [_webhook(order_payload(_shop(), orders[n % SAMPLES]), n, at) for n in range(first, first + count)]


def _webhook(payload: Body, number: int, at: datetime) -> RawRecord:
    body = msgspec.json.encode(payload | {"note": f"change {number}", "updated_at": to_rfc3339(at)})
    return RawRecord(
        type=RecordType.DELIVERED,
        resource=Resource.ORDERS,
        shop=SHOP,
        record_id=str(payload["id"]),
        observed_at=at,
        body=body,
        shape=Shape.REST,
        event_id=f"bench-{number}",
        source=WEBHOOK_INGEST,
        occurred_at=at,
        api_version=SHOPIFY_API_VERSION,
        digest=sha256(body).hexdigest(),
        webhook_topic="orders/updated",
        webhook_id=f"bench-{number}",
        triggered_at=at,
    )


def copies(resource: Resource, records: Sequence[Body], count: int, *, after: int = 0) -> list[Body]:
    """Return so many records that differ from the given ones, and from each other, in number and names."""
    return [_copy(resource, records[n % len(records)], after + n) for n in range(count)]


def _copy(resource: Resource, record: Body, number: int) -> Body:
    copied = record | _identity(resource, number)
    if resource is Resource.CUSTOMERS and record.get("defaultEmailAddress"):
        address = f"person{number}@example.com"
        copied["defaultEmailAddress"] = record["defaultEmailAddress"] | {"emailAddress": address}
    if resource is Resource.ORDERS and record.get("customer"):
        copied["customer"] = record["customer"] | _identity(Resource.CUSTOMERS, number % CUSTOMERS_COPIED)
    return copied


def _identity(resource: Resource, number: int) -> Body:
    external_id = str(7_000_000_000_000 + number)
    return {"id": f"gid://shopify/{_KINDS[resource]}/{external_id}", "legacyResourceId": external_id}


def edited(resource: Resource, records: Iterable[Body], *, minutes: int) -> list[Body]:
    """Return the records after each was edited so many minutes later."""
    later = (STARTED + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    note = f"edited {minutes} minutes later"
    return [{**record, _EDITED[resource]: note, "updatedAt": later} for record in records]


def messages(resource: Resource, records: Iterable[Body], *, job_id: int) -> list[Message]:
    """Return the messages that a job publishes; each job reads an hour after the one before."""
    return list(_messages(resource, records, job_id, STARTED + timedelta(hours=job_id)))


def _messages(resource: Resource, records: Iterable[Body], job_id: int, at: datetime) -> Iterator[Message]:
    for number, record in enumerate(records):
        raw = fetched(
            resource=resource,
            shop=SHOP,
            record_id=record["legacyResourceId"],
            body=msgspec.json.encode(record),
            observed_at=at,
            now=at,
            source=SYNC_ORCHESTRATOR,
            api_version="2026-10",
            store_id=STORE_ID,
            advertiser_id=ADVERTISER_ID,
            job_id=job_id,
            epoch=1,
        )
        key, headers = record_key(SHOP, raw.record_id), raw.envelope().to_headers()
        yield Message(sync_topic(resource), number % PARTITIONS, number, key, raw.body, headers, 0)


class _Shape:
    """Cuts a record to what a query selects, connections as {"nodes": […]}."""

    def __init__(self, query: str) -> None:
        definitions = parse(query).definitions
        self._fragments = {
            one.name.value: one.selection_set
            for one in definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        (operation,) = (one for one in definitions if isinstance(one, OperationDefinitionNode))
        self._root = self._inner(self._inner(operation.selection_set))

    def __call__(self, record: Body) -> Body:
        cut: Body = self._cut(record, self._root)
        return cut

    def _inner(self, selections: SelectionSetNode) -> SelectionSetNode:
        """Return what is selected of the one connection, or of its nodes."""
        fields = [one for one in selections.selections if isinstance(one, FieldNode)]
        chosen = next((one for one in fields if one.name.value == "nodes"), fields[0])
        assert chosen.selection_set is not None, "a page query selects records"
        return chosen.selection_set

    def _cut(self, value: Any, selections: SelectionSetNode | None) -> Any:
        if selections is None or value is None:
            return value
        fields = dict(self._fields(selections))
        if isinstance(value, list):
            if "nodes" in fields:
                return {"nodes": [self._cut(one, fields["nodes"]) for one in value]}
            return [self._cut(one, selections) for one in value]
        return {name: self._cut(value[name], inner) for name, inner in fields.items() if name in value}

    def _fields(self, selections: SelectionSetNode) -> Iterator[tuple[str, SelectionSetNode | None]]:
        for one in selections.selections:
            if isinstance(one, FragmentSpreadNode):
                yield from self._fields(self._fragments[one.name.value])
            elif isinstance(one, InlineFragmentNode):
                yield from self._fields(one.selection_set)
            elif isinstance(one, FieldNode):
                yield one.name.value, one.selection_set
