"""Poison of every kind, in both shapes: it is set aside by field and shape, or lands; its neighbours always land.

One batch holds them all, each between two good records, and goes through what the bus does around the handler.
"""

import json
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import pytest

from sync_common.bus import Done, Outcome, Rejected, in_transaction
from sync_common.bus.handling import Handling, Retry
from sync_common.contracts.records import RawRecord
from sync_common.contracts.resources import Resource, Shape
from sync_common.db import is_transient

from ..world import World

CUSTOMERS, ORDERS, PRODUCTS = Resource
TABLES = {CUSTOMERS: "contacts", ORDERS: "orders", PRODUCTS: "products"}
SECRET = "Ada Lovelace"  # stands for the value that no dead letter may quote
HUGE = 10**30
GOOD_FROM, POISON_FROM = 1_000, 5_000
NAMED_BY_CLASS = {"NumericValueOutOfRange"}
"""What only the database refuses: it would quote the value, so the class of its error is all that is told."""

NESTED = "[" * 100_000 + "]" * 100_000


class Poison(NamedTuple):
    """One way to spoil a record: `lands` says whether it becomes a row all the same."""

    name: str
    spoil: Callable[[bytes], bytes]
    lands: bool = False


def put(field: str, value: str) -> Callable[[bytes], bytes]:
    """Spoil one field of a record, at any depth, with JSON written as it is."""
    pattern = re.compile(rb'"%s":("(?:[^"\\]|\\.)*"|[^,{}\[\]]+|\{\}|\[\])' % field.encode())

    def spoil(body: bytes) -> bytes:
        spoiled, found = pattern.subn(
            lambda _: f'"{field}":{value}'.encode("utf-8", "surrogatepass"), body, count=1
        )
        assert found, f"no {field} to spoil"
        return spoiled

    return spoil


def drop(field: str) -> Callable[[bytes], bytes]:
    def spoil(body: bytes) -> bytes:
        return json.dumps({key: value for key, value in json.loads(body).items() if key != field}).encode()

    return spoil


def replace(field: str, value: Any) -> Callable[[bytes], bytes]:
    """Spoil a field of the record itself with any JSON."""
    return lambda body: json.dumps({**json.loads(body), field: value}).encode()


def raw(text: bytes) -> Callable[[bytes], bytes]:
    return lambda _: text


NOT_A_RECORD = [
    Poison("not JSON", raw(b"Ada Lovelace")),
    Poison("nothing", raw(b"")),
    Poison("cut short", lambda body: body[:-1]),
    Poison("null", raw(b"null")),
    Poison("a number", raw(b"1")),
    Poison("a text", raw(b'"Ada Lovelace"')),
    Poison("a list", raw(b"[]")),
    Poison("true", raw(b"true")),
    Poison("1e400", raw(b"1e400")),
    Poison("an empty object", raw(b"{}")),
    Poison("deep lists", raw(NESTED.encode())),
    Poison("deep objects", raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    Poison("twice", lambda body: body + body),
    Poison("a byte-order mark", lambda body: b"\xef\xbb\xbf" + body),
    Poison("UTF-16", lambda body: body.decode().encode("utf-16")),
    Poison("infinite", lambda body: body[:-1] + b',"more":Infinity}'),
]


def texts(field: str) -> list[Poison]:
    return [
        Poison(f"{field} is a number", put(field, "7")),
        Poison(f"{field} is an object", put(field, '{"a":"Ada Lovelace"}')),
        Poison(f"{field} holds U+0000", put(field, r'"a\u0000b"'), lands=True),
        Poison(f"{field} holds a raw U+0000", put(field, '"a\0b"')),
        Poison(f"{field} holds a lone surrogate", put(field, r'"a\ud800b"'), lands=True),
        Poison(f"{field} holds a raw surrogate", put(field, '"a\ud800b"'), lands=True),
        Poison(
            f"{field} is not UTF-8",
            lambda body: put(field, '"a?b"')(body).replace(b"a?b", b"a\xff\xfeb"),
            lands=True,
        ),
        Poison(f"{field} is a mebibyte", put(field, '"' + "é" * (1 << 19) + '"'), lands=True),
        Poison(f"{field} comes twice", put(field, f'"Ada Lovelace","{field}":"b"'), lands=True),
        Poison(f"{field} is deep", put(field, NESTED)),
    ]


def broken(field: str) -> Callable[[bytes], bytes]:
    return lambda body: put(field, '"a?b"')(body).replace(b"a?b", b"a\xff\xfeb")


def times(field: str) -> list[Poison]:
    return [
        Poison(f"{field} {problem}", put(field, value))
        for problem, value in {
            "is no day": '"2026-13-40T00:00:00Z"',
            "has no offset": '"2026-06-01T12:00:00"',
            "is of year 0": '"0000-01-01T00:00:00Z"',
            "is of year 99999": '"99999-01-01T00:00:00Z"',
            "is before all time": '"0001-01-01T00:00:00+14:00"',
            "is after all time": '"9999-12-31T23:59:59-14:00"',
            "is a name": '"Ada Lovelace"',
            "is a list": "[]",
        }.items()
    ]


def amounts(field: str) -> list[Poison]:
    return [
        Poison(f"{field} {problem}", put(field, value))
        for problem, value in {
            "has a comma": '"1,00"',
            "is 1e400": "1e400",
            "is the text 1e400": '"1e400"',
            "is beyond all numbers": '"1e999999999999"',
            "is not a number": '"NaN"',
            "is infinite": '"-Infinity"',
            "is a name": '"Ada Lovelace"',
            "has too many digits": '"99999999999999999999.00"',
            "is an object": '{"Ada":"Lovelace"}',
        }.items()
    ] + [Poison(f"{field} is next to nothing", put(field, '"1e-999999999999"'), lands=True)]


def counts(field: str) -> list[Poison]:
    return [
        Poison(f"{field} {problem}", put(field, value))
        for problem, value in {
            "is 1e400": "1e400",
            "is a fraction": "1.5",
            "is a name": '"Ada Lovelace"',
            "is a list": "[1]",
        }.items()
    ]


def ids(field: str) -> list[Poison]:
    return [
        Poison(f"{field} {problem}", replace(field, value))
        for problem, value in {
            "is negative": -1,
            "is a name": SECRET,
            "is a list": [1],
            "is an object": {"Ada": "Lovelace"},
            "is true": True,
            "is a fraction": 1.5,
            "is longer than any": 10**60,
        }.items()
    ]


def lists(field: str) -> list[Poison]:
    return [
        Poison(f"{field} {problem}", replace(field, value))
        for problem, value in {
            "is a name": SECRET,
            "is a number": 7,
            "holds a name": [SECRET],
            "holds null": [None],
        }.items()
    ]


def lines(count: int, nested: Callable[[list[Any]], Any], field: str) -> Callable[[bytes], bytes]:
    def spoil(body: bytes) -> bytes:
        found = json.loads(body)[field]
        (line,) = found["nodes"] if isinstance(found, dict) else found
        return replace(field, nested([line] * count))(body)

    return spoil


WEBHOOKS = {
    ORDERS: [
        *texts("note"),
        *times("updated_at"),
        *times("processed_at"),
        *amounts("total_price"),
        *counts("quantity"),
        *ids("id"),
        *lists("line_items"),
        *lists("refunds"),
        Poison("no id", drop("id")),
        Poison("id is null", replace("id", None)),
        Poison("id is an empty text", replace("id", "")),
        Poison("id is huge", replace("id", HUGE), lands=True),
        Poison("id is 0", replace("id", 0), lands=True),
        Poison("no price", replace("total_price", None)),
        Poison("no currency", replace("currency", None)),
        Poison("lines hold nothing", replace("line_items", [{}])),
        Poison("refunds hold nothing", replace("refunds", [{}]), lands=True),
        Poison("ten thousand lines", lines(10_000, list, "line_items"), lands=True),
        Poison("a deep value that is kept as it is", put("test", f'false,"discount_applications":{NESTED}')),
        Poison("a number that no database holds", put("test", 'false,"discount_applications":1e200000')),
        Poison("an e-mail that no index holds", replace("email", "ada@" + "x" * 3000)),
    ],
    CUSTOMERS: [
        *texts("first_name"),
        *times("updated_at"),
        *ids("id"),
        *lists("addresses"),
        Poison("no id", drop("id")),
        Poison("id is null", replace("id", None)),
        Poison("id is an empty text", replace("id", "")),
        Poison("id is huge", replace("id", HUGE), lands=True),
        Poison("id is 0", replace("id", 0), lands=True),
        Poison("verified_email is a name", replace("verified_email", SECRET)),
        Poison("default_address is a name", replace("default_address", SECRET)),
        Poison("a telephone number that no index holds", replace("phone", "1" * 3000)),
    ],
    PRODUCTS: [
        *texts("title"),
        *times("updated_at"),
        *times("published_at"),
        *amounts("price"),
        *counts("inventory_quantity"),
        *ids("id"),
        *lists("variants"),
        *lists("images"),
        Poison("no id", drop("id")),
        Poison("id is null", replace("id", None)),
        Poison("id is an empty text", replace("id", "")),
        Poison("id is huge", replace("id", HUGE), lands=True),
        Poison("no title", replace("title", None)),
        Poison("variants hold nothing", replace("variants", [{}])),
        Poison("images hold nothing", replace("images", [{}]), lands=True),
        Poison("tags are numbers", replace("tags", [1])),
        Poison("a tag that no index holds", replace("tags", "x" * 3000)),
        Poison("ten thousand variants", lines(10_000, list, "variants"), lands=True),
    ],
}


def in_nodes(value: list[Any]) -> Any:
    return {"nodes": value}


READS = {
    ORDERS: [
        *texts("note"),
        *times("updatedAt"),
        *times("processedAt"),
        *amounts("amount"),
        *counts("quantity"),
        *ids("legacyResourceId"),
        *lists("lineItems"),
        Poison("no number of any kind", lambda body: drop("legacyResourceId")(replace("id", "Ada")(body))),
        Poison("number is an empty text beside a gid", replace("legacyResourceId", ""), lands=True),
        Poison("lines hold nothing", replace("lineItems", {"nodes": [{}]})),
        Poison("a gid that is a number", replace("id", 7)),
        Poison("number is huge", replace("legacyResourceId", str(HUGE)), lands=True),
        Poison("no price", replace("totalPriceSet", None)),
        Poison("no currency", replace("currencyCode", None)),
        Poison("tags are a text", replace("tags", SECRET)),
        Poison("ten thousand lines", lines(10_000, in_nodes, "lineItems"), lands=True),
    ],
    CUSTOMERS: [
        *texts("firstName"),
        *times("updatedAt"),
        *times("marketingUpdatedAt"),
        *amounts("amount"),
        *ids("legacyResourceId"),
        Poison("defaultEmailAddress is a name", replace("defaultEmailAddress", SECRET)),
        Poison("addressesV2 is a list", replace("addressesV2", [SECRET])),
        Poison("numberOfOrders is an object", replace("numberOfOrders", {})),
        Poison("numberOfOrders is a name", replace("numberOfOrders", SECRET), lands=True),
        Poison("numberOfOrders is huge", replace("numberOfOrders", str(HUGE))),
        Poison("an e-mail that no index holds", put("emailAddress", '"' + "x" * 3000 + '"')),
    ],
    PRODUCTS: [
        *texts("title"),
        *times("updatedAt"),
        *amounts("price"),
        *counts("inventoryQuantity"),
        *ids("legacyResourceId"),
        *lists("variants"),
        *lists("media"),
        Poison("no title", replace("title", None)),
        Poison("a tag that no index holds", replace("tags", ["x" * 3000])),
        Poison("ten thousand variants", lines(10_000, in_nodes, "variants"), lands=True),
    ],
}
TOPICS = {CUSTOMERS: "customers/update", ORDERS: "orders/updated", PRODUCTS: "products/update"}
GOOD = {
    Shape.REST: {CUSTOMERS: World.rest_customer, ORDERS: World.rest_order, PRODUCTS: World.rest_product},
    Shape.GRAPHQL: {
        CUSTOMERS: World.graphql_customer,
        ORDERS: World.graphql_order,
        PRODUCTS: World.graphql_product,
    },
}


def record(world: World, shape: Shape, resource: Resource, number: int) -> RawRecord:
    """Return a good record, whose texts are not null so that they can be spoiled."""
    fields: dict[str, Any] = {"note": "a"} if resource is ORDERS else {}
    body = GOOD[shape][resource](number, **fields)
    if shape is Shape.GRAPHQL:
        return world.read(resource, body, 1)
    return world.webhook(TOPICS[resource], body, 1)


async def through_the_bus(world: World, raws: Sequence[RawRecord]) -> Sequence[Outcome]:
    """Hand a batch over as the consumer does: again after an unknown failure, at last halved around the culprit."""
    handler = in_transaction(world.database, world.handlers[raws[0].resource])
    handling = Handling(handler, is_transient, timeout_seconds=60)
    messages = [world.message(raw) for raw in raws]
    while True:
        try:
            return await handling.outcomes(messages)
        except Retry as retry:
            if retry.cause != "unknown":  # it would be tried for ever
                raise


def quotes(outcome: Rejected) -> bool:
    """Say whether a dead letter tells anything of the value itself."""
    said = f"{outcome.reason} {outcome.field} {outcome.error}"
    return any(
        word in said for word in ("Ada", "Lovelace", "1,00", "2026-13", "99999", "1e400", "xxx", "111")
    )


def spoiled(good: RawRecord, poison: Poison) -> RawRecord:
    body = poison.spoil(good.body)
    return good._replace(body=body, digest=sha256(body).hexdigest() if good.digest else None)


def problem(poison: Poison, outcome: Outcome) -> str | None:
    """Say what is wrong with an outcome, None where it is as it should be."""
    if isinstance(outcome, Done) != poison.lands:
        return repr(outcome)
    if isinstance(outcome, Rejected):
        if quotes(outcome):
            return f"quotes the value: {outcome.reason} / {outcome.field}"
        if not outcome.field and outcome.error not in NAMED_BY_CLASS:
            return f"names no field: {outcome.reason} / {outcome.error}"
    return None


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("resource", Resource)
async def test_poison_is_set_aside_or_lands_and_its_neighbours_land(world, shape, resource):
    poisons = NOT_A_RECORD + (WEBHOOKS if shape is Shape.REST else READS)[resource]
    goods = [record(world, shape, resource, GOOD_FROM + n) for n in range(len(poisons) + 1)]
    bads = [
        spoiled(record(world, shape, resource, POISON_FROM + n), poison) for n, poison in enumerate(poisons)
    ]

    batch = [goods[0], *(raw for pair in zip(bads, goods[1:], strict=True) for raw in pair)]
    outcomes = await through_the_bus(world, batch)

    problems = {
        poison.name: problem(poison, outcome) for poison, outcome in zip(poisons, outcomes[1::2], strict=True)
    }
    assert {name: said for name, said in problems.items() if said} == {}
    assert set(outcomes[::2]) == {Done()}
    rows = await world.rows(f"SELECT external_id FROM records.{TABLES[resource]} WHERE source_id = 1")
    landed = {row["external_id"] for row in rows}
    assert {raw.record_id for raw in goods} <= landed
    assert len(landed) == len(goods) + sum(poison.lands for poison in poisons)
