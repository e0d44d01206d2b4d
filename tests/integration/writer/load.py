"""A mixed load for one store: pages of a job and webhooks of all three resources, with poison among them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec

from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import Change, Shop
from shopify_simulator.truth import resolved
from shopify_simulator.webhooks import payloads
from sync_common.bus import Producer
from sync_common.bus.partitioner import partition_of
from sync_common.contracts.records import RawRecord, RecordType, fetched, part_ended, record_key
from sync_common.contracts.resources import Resource, Shape
from sync_common.contracts.topics import SYNC_ORCHESTRATOR, WEBHOOK_INGEST, live_topic, sync_topic

from .alone import ADVERTISER_ID, SHOP, STORE_ID

CUSTOMERS, ORDERS, PRODUCTS = Resource
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
JOB_ID = 1
POISON_EVERY = 100
PATTERN = (CUSTOMERS, ORDERS, ORDERS, PRODUCTS, CUSTOMERS, ORDERS, ORDERS, CUSTOMERS, ORDERS, PRODUCTS)
LIVE_EVERY = 5
UNFLUSHED_MAX = 5_000
TOPICS = {CUSTOMERS: "customers/create", ORDERS: "orders/create", PRODUCTS: "products/create"}
CONNECTIONS = ("lineItems", "discountApplications", "refunds", "variants", "media", "addressesV2")

Body = dict[str, Any]
Coordinates = tuple[str, int, int]

POISONS: tuple[Callable[[bytes], bytes], ...] = (
    lambda body: body[:-1],
    lambda _: b"null",
    lambda _: b"\xff\xfe",
    lambda body: body.replace(b'"id"', b'"identity"', 1),
    lambda body: b'{"id":[],' + body[1:].replace(b'"id"', b'"identity"', 1),
)


@dataclass
class Sent:
    """What was sent: the numbers of the good records by resource and lane, and each poison by its place."""

    good: dict[tuple[Resource, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    poison: dict[Coordinates, bytes] = field(default_factory=dict)
    poisoned: Counter[tuple[Resource, str]] = field(default_factory=Counter)

    def numbers(self, resource: Resource) -> set[int]:
        """Return all good records of a resource."""
        return self.good[resource, "sync"] | self.good[resource, "live"]


@dataclass(frozen=True)
class Item:
    """One message of the load."""

    resource: Resource
    lane: str
    number: int
    raw: RawRecord
    is_poison: bool

    @property
    def topic(self) -> str:
        return (live_topic if self.lane == "live" else sync_topic)(self.resource)


def items(total: int) -> Iterator[Item]:
    """Return the messages of the load: a fifth webhooks, a hundredth poison."""
    templates = _templates()
    for number in range(1, total + 1):
        resource = PATTERN[number % len(PATTERN)]
        lane = "live" if number // len(PATTERN) % LIVE_EVERY == 0 else "sync"
        some = templates[resource, lane]
        body = msgspec.json.encode(_renumbered(resource, lane, some[number % len(some)], number))
        is_poison = number % POISON_EVERY == POISON_EVERY // 2 + number // POISON_EVERY % len(PATTERN)
        if is_poison:
            body = POISONS[number // POISON_EVERY % len(POISONS)](body)
        raw = _webhook(resource, number, body) if lane == "live" else _page(resource, number, body)
        yield Item(resource, lane, number, raw, is_poison)


async def send(bootstrap: str, total: int) -> Sent:
    """Send a load and the end marks of its job; say what was sent where."""
    producer, sent = Producer(bootstrap, "load"), Sent()
    await producer.start()
    try:
        waiting = items(total)
        while some := list(islice(waiting, UNFLUSHED_MAX)):
            await _send_some(producer, some, sent)
        for resource in Resource:
            await _end(producer, resource)
    finally:
        await producer.stop()
    return sent


async def _send_some(producer: Producer, some: list[Item], sent: Sent) -> None:
    batch = producer.batch()
    poison: list[tuple[Item, int, asyncio.Future[int]]] = []
    for item in some:
        key, headers = record_key(SHOP, str(item.number)), item.raw.envelope().to_headers()
        offset = await batch.enqueue(item.topic, key, item.raw.body, headers)
        if item.is_poison:
            partition = partition_of(key, await producer.partitions(item.topic))
            poison.append((item, partition, offset))
        else:
            sent.good[item.resource, item.lane].add(item.number)
    await batch.flush()
    for item, partition, offset in poison:
        sent.poison[item.topic, partition, offset.result()] = item.raw.body
        sent.poisoned[item.resource, item.lane] += 1


async def _end(producer: Producer, resource: Resource) -> None:
    topic = sync_topic(resource)
    for partition in range(await producer.partitions(topic)):
        mark = part_ended(
            resource=resource,
            shop=SHOP,
            store_id=STORE_ID,
            advertiser_id=ADVERTISER_ID,
            job_id=JOB_ID,
            epoch=1,
            partition=partition,
            now=NOW,
            source=SYNC_ORCHESTRATOR,
        )
        await producer.send(topic, mark.record_id.encode(), b"", mark.envelope().to_headers(), partition)


def _templates() -> dict[tuple[Resource, str], list[Body]]:
    """Return some records of each resource as a page and as a webhook write them."""
    shop = generate(SHOP, seed=1, now=NOW - timedelta(hours=1), customers=100, orders=200, products=30)
    found: dict[tuple[Resource, str], list[Body]] = {}
    for resource, topic in TOPICS.items():
        name: Any = resource.value
        records = shop.records(name)
        found[resource, "live"] = [
            _with_id_first(_delivered(shop, name, topic, number, record))
            for number, record in records.items()
        ]
        found[resource, "sync"] = [_answered(resolved(shop, name, record)) for record in records.values()]
    return found


def _delivered(shop: Shop, name: Any, topic: str, number: int, record: Body) -> Body:
    return payloads.of_change(shop, Change(name, "create", number, [topic], None, record), topic, NOW)


def _answered(record: Body) -> Body:
    return _with_id_first(
        {
            key: {"nodes": value} if key in CONNECTIONS and isinstance(value, list) else value
            for key, value in record.items()
        }
    )


def _with_id_first(body: Body) -> Body:
    """Return a record whose own id comes first, so that poison can spoil that one."""
    return {"id": body["id"], **body}


def _renumbered(resource: Resource, lane: str, body: Body, number: int) -> Body:
    """Return a record under another number; an order of the customer two numbers before, each with an own address."""
    customer = number - 2 if resource is ORDERS else number
    email = f"c{customer}@example.com"
    if lane == "live":
        changed: Body = {"id": number}
        if resource is not PRODUCTS:
            changed |= {"email": email}
        if resource is ORDERS:
            changed |= {"customer": {"id": customer}}
    else:
        changed = {"id": f"gid://shopify/X/{number}", "legacyResourceId": str(number)}
        if resource is CUSTOMERS:
            changed |= {"defaultEmailAddress": {**(body["defaultEmailAddress"] or {}), "emailAddress": email}}
        if resource is ORDERS:
            reference = {"id": f"gid://shopify/Customer/{customer}", "legacyResourceId": str(customer)}
            changed |= {"email": email, "customer": reference}
    return body | changed


def _page(resource: Resource, number: int, body: bytes) -> RawRecord:
    return fetched(
        resource=resource,
        shop=SHOP,
        record_id=str(number),
        body=body,
        observed_at=NOW,
        now=NOW,
        source=SYNC_ORCHESTRATOR,
        api_version="2026-10",
        store_id=STORE_ID,
        advertiser_id=ADVERTISER_ID,
        job_id=JOB_ID,
        epoch=1,
    )


def _webhook(resource: Resource, number: int, body: bytes) -> RawRecord:
    return RawRecord(
        type=RecordType.DELIVERED,
        resource=resource,
        shop=SHOP,
        record_id=str(number),
        observed_at=NOW,
        body=body,
        shape=Shape.REST,
        event_id=str(number),
        source=WEBHOOK_INGEST,
        occurred_at=NOW,
        digest=sha256(body).hexdigest(),
        webhook_topic=TOPICS[resource],
        webhook_id=str(number),
        triggered_at=NOW,
    )
