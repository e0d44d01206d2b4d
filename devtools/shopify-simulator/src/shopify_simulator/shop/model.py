"""A shop and an app installed on it, as plain data.

A record is the dict that GraphQL answers with: camelCase keys, gids, upper-case enums, money as decimal strings, times
as UTC text with seconds, connections as plain lists. A record is never changed in place: whoever changes it puts a new
dict into the shop, so a list of records taken at any moment stays a snapshot.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from shopify_simulator.shop.bucket import LeakyBucket

API_VERSION = "2026-10"
SUPPORTED_VERSIONS = ("2026-01", "2026-04", "2026-07", API_VERSION)
CANDIDATE_VERSION = "2027-01"
INDEX_HISTORY_SIZE = 10_000
ID_DIGITS = 20
FIRST_ORDER_NUMBER = 1_001
NOBODY = 0

Record = dict[str, Any]
Resource = Literal["customers", "orders", "products"]
RESOURCES: tuple[Resource, ...] = ("customers", "orders", "products")


def gid(type_name: str, number: int | str) -> str:
    """Name an object as GraphQL does: gid://shopify/Order/1."""
    return f"gid://shopify/{type_name}/{number}"


def parse_gid(text: str) -> tuple[str, int] | None:
    """Split a gid into its type and number, or None when it is none."""
    prefix, _, rest = text.partition("gid://shopify/")
    type_name, slash, number = rest.partition("?")[0].partition("/")
    if prefix or not slash or not number.isdecimal() or not number.isascii():
        return None
    return type_name, int(number)


def timestamp(moment: datetime) -> str:
    """Write an instant as Shopify does: UTC, whole seconds, 'Z'."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """Read a time written by `timestamp`."""
    return datetime.fromisoformat(text)


class Records(dict[int, Record]):
    """Records by legacy id, with sorted indexes that are built at first use and kept from then on."""

    def __init__(self) -> None:
        super().__init__()
        self._indexes: dict[str, list[tuple[str, int]]] = {}

    def __setitem__(self, key: int, record: Record) -> None:
        self._forget(key)
        super().__setitem__(key, record)
        for name, index in self._indexes.items():
            insort(index, (self.sort_value(record, name), key))

    def __delitem__(self, key: int) -> None:
        self._forget(key)
        super().__delitem__(key)

    def snapshot(self) -> Self:
        """The same records in a mapping of its own."""
        result = type(self)()
        result.update(self)
        result._indexes = {name: list(index) for name, index in self._indexes.items()}
        return result

    def sorted_by(self, name: str) -> list[tuple[str, int]]:
        """All (value of the field, id) pairs in ascending order; the list belongs to the index, do not change it."""
        if name not in self._indexes:
            pairs = ((self.sort_value(record, name), key) for key, record in self.items())
            self._indexes[name] = sorted(pairs)
        return self._indexes[name]

    @staticmethod
    def sort_value(record: Record, name: str) -> str:
        """The text that a record is sorted by."""
        value = str(record[name])
        return value.zfill(ID_DIGITS) if name == "legacyResourceId" else value

    def _forget(self, key: int) -> None:
        known = self.get(key)
        if known is None:
            return
        for name, index in self._indexes.items():
            entry = (self.sort_value(known, name), key)
            position = bisect_left(index, entry)
            if position < len(index) and index[position] == entry:
                del index[position]


class Orders(Records):
    """Orders, also by customer."""

    def __init__(self) -> None:
        super().__init__()
        self._by_customer: dict[int, set[int]] | None = None

    def __setitem__(self, key: int, record: Record) -> None:
        super().__setitem__(key, record)
        if self._by_customer is not None:
            self._by_customer.setdefault(_customer_of(record), set()).add(key)

    def of_customer(self, customer: int) -> list[Record]:
        """The orders of one customer in order of id."""
        if self._by_customer is None:
            self._by_customer = {}
            for key, record in self.items():
                self._by_customer.setdefault(_customer_of(record), set()).add(key)
        return [self[key] for key in sorted(self._by_customer.get(customer, ()))]

    def _forget(self, key: int) -> None:
        super()._forget(key)
        if self._by_customer is not None and key in self:
            self._by_customer[_customer_of(self[key])].discard(key)


def _customer_of(order: Record) -> int:
    return int(order["customer"]["legacyResourceId"]) if order["customer"] else NOBODY


@dataclass(frozen=True, slots=True)
class Plan:
    """What a shop pays for, which decides how fast its API answers (facts of shopify.dev, "API rate limits")."""

    public_display_name: str
    bucket_size: int
    restore_rate: int
    is_plus: bool = False

    def facts(self) -> Record:
        """The plan as GraphQL's ShopPlan."""
        return {
            "displayName": self.public_display_name,
            "publicDisplayName": self.public_display_name,
            "partnerDevelopment": False,
            "shopifyPlus": self.is_plus,
        }


PLANS: dict[str, Plan] = {
    "basic": Plan("Basic", 2_000, 100),
    "grow": Plan("Grow", 2_000, 100),
    "advanced": Plan("Advanced", 4_000, 200),
    "plus": Plan("Plus", 20_000, 1_000, is_plus=True),
    "enterprise": Plan("Agentic Enterprise", 40_000, 2_000, is_plus=True),
}


class ProtectedData(StrEnum):
    """How much of its customers the shop shows to the app: all, no level 2 (without or with errors), or nothing."""

    FULL = "full"
    NULLS = "nulls"
    ERRORS = "errors"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record that was deleted, when, and as it was last."""

    resource: Resource
    id: int
    deleted_at: datetime
    record: Record


@dataclass(frozen=True, slots=True)
class Change:
    """One act of a merchant: the record before and after, and the webhook topics that Shopify fires for it, in order.
    A change of the shop itself has its facts for a record.

    `details` holds what a topic's payload says beyond the records: `tagsAdded`, `tagsRemoved`, `refund`, `orderEdit`,
    `inventoryLevel`. `others` are changes that follow from this one, such as the customer's spend after an order.
    """

    resource: Resource | Literal["shop"]
    kind: str
    id: int
    topics: list[str]
    before: Record | None
    after: Record | None
    details: dict[str, Any] = field(default_factory=dict)
    others: list["Change"] = field(default_factory=list)

    def flattened(self) -> Iterator["Change"]:
        """This change, then the ones that follow from it."""
        yield self
        for change in self.others:
            yield from change.flattened()


@dataclass(slots=True)
class Shop:
    """One Shopify shop. `facts` answers GraphQL's `shop { … }`.

    Lists see changes `index_lag` late.
    """

    domain: str
    id: int
    facts: Record
    plan: Plan
    index_lag: timedelta = timedelta(0)
    protected_data: ProtectedData = ProtectedData.FULL
    customers: Records = field(default_factory=Records)
    orders: Orders = field(default_factory=Orders)
    products: Records = field(default_factory=Records)
    tombstones: list[Tombstone] = field(default_factory=list)
    last_id: int = 0
    last_order_number: int = FIRST_ORDER_NUMBER - 1
    recent: deque[tuple[datetime, Resource, int, Record | None]] = field(
        default_factory=lambda: deque(maxlen=INDEX_HISTORY_SIZE)
    )

    @property
    def currency(self) -> str:
        """The shop's currency code."""
        return str(self.facts["currencyCode"])

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.facts["ianaTimezone"])

    def records(self, resource: Resource) -> Records:
        """The records of one resource."""
        by_resource = {"customers": self.customers, "orders": self.orders, "products": self.products}
        return by_resource[resource]

    def snapshot(self) -> "Shop":
        """The shop as it is now; later changes do not reach it."""
        return replace(
            self,
            customers=self.customers.snapshot(),
            orders=self.orders.snapshot(),
            products=self.products.snapshot(),
            tombstones=list(self.tombstones),
            recent=self.recent.copy(),
        )

    def next_id(self) -> int:
        """Give out a number that no object of this shop has."""
        self.last_id += 1
        return self.last_id

    def next_order_number(self) -> int:
        """Give out the number of the next order."""
        self.last_order_number += 1
        return self.last_order_number

    def put(self, resource: Resource, record: Record, now: datetime) -> Record | None:
        """Store a new or changed record; answer the one that it replaces."""
        records = self.records(resource)
        key = int(record["legacyResourceId"])
        before = records.get(key)
        self.recent.append((now, resource, key, before))
        records[key] = record
        return before

    def remove(self, resource: Resource, key: int, now: datetime) -> Record:
        """Delete a record and keep its tombstone."""
        records = self.records(resource)
        before = records[key]
        self.recent.append((now, resource, key, before))
        del records[key]
        self.tombstones.append(Tombstone(resource, key, now, before))
        return before


@dataclass(slots=True)
class AppInstallation:
    """An app on one shop: what it may read, what it subscribed to, and what is left of its API budget.

    Subscriptions and bulk operations are GraphQL-shaped dicts by gid. Operations are changed in place by their run.
    `numbers` yields their ids: one source for all installations, since Shopify's are unique over shops and reinstalls.
    """

    client_id: str
    app_id: int
    installation_id: int
    handle: str
    requested_scopes: tuple[str, ...]
    granted_scopes: frozenset[str]
    bucket: LeakyBucket
    numbers: Iterator[int]
    subscriptions: dict[str, Record] = field(default_factory=dict)
    bulk_operations: dict[str, Record] = field(default_factory=dict)
