"""Made-up histories of one record: what a merchant did when, what we were told of it, and what is true at the end.

A history is a few steps. Told for a record's number, it becomes events (webhooks, pages of a job, reads by id, requests
to redact), which can then be delivered in any order, more than once, and cut into batches anyhow.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import Any, ClassVar, NamedTuple, TypeAlias

from sync_common.bus import Message
from sync_common.contracts.records import RawRecord
from sync_common.contracts.resources import Resource

from .world import World

CUSTOMERS, ORDERS, PRODUCTS = Resource
GAPS = (0.0, 0.2, 0.5, 1.0, 3.0)
"""Seconds between steps: Shopify's own times are whole seconds, so the first three often share one."""

ACTS = {
    CUSTOMERS: ("rename", "waver", "mail", "tag", "consent", "spend", "page", "look", "delete", "redact"),
    ORDERS: (
        "update",
        "waver",
        "revert",
        "edit",
        "unclear",
        "page",
        "look",
        "delete",
        "redact",
        "redact customer",
    ),
    PRODUCTS: ("update", "waver", "revert", "cut", "page", "look", "delete"),
}
MISTAKES = ("lose", "undo")
"""A read by id that errs, and what puts that right; one that was not put right is at the end."""

Event: TypeAlias = RawRecord | Message


class Step(NamedTuple):
    """One thing that happened, so many seconds after the one before."""

    act: str
    gap: float


@dataclass(frozen=True)
class History:
    """A record's life: it is created, then these steps."""

    resource: Resource
    steps: tuple[Step, ...]

    def shorter(self) -> Iterator["History"]:
        """Return this history less each one of its steps."""
        for place in range(len(self.steps)):
            yield History(self.resource, self.steps[:place] + self.steps[place + 1 :])


class Delivery(NamedTuple):
    """How a history's events come: in which order, some twice, and after which places a batch ends.

    Where `eager`, refetches are answered after each batch, else once all events are in.
    """

    order: tuple[int, ...]
    cuts: frozenset[int]
    eager: bool

    def batches(self, events: Sequence[Event]) -> Iterator[list[Event]]:
        batch: list[Event] = []
        for place, number in enumerate(self.order):
            batch.append(events[number])
            if place in self.cuts:
                yield batch
                batch = []
        yield batch


def every_delivery(count: int) -> Iterator[Delivery]:
    """Return all orders of so many events: of up to four cut in every way, of more each in one way after the other.

    Over them all, some event is repeated or none, and refetches are answered early or late.
    """
    cuttings = [
        frozenset(place for place, cut in enumerate(cuts) if cut)
        for cuts in product((True, False), repeat=count - 1)
    ]
    for number, order in enumerate(permutations(range(count))):
        for turn in range(len(cuttings) if count <= 4 else 1):
            chosen = number + turn
            repeated = (*order, order[chosen % count]) if chosen % 3 == 0 else order
            yield Delivery(repeated, cuttings[chosen % len(cuttings)], eager=chosen // 3 % 2 == 0)


def some_delivery(chance: random.Random, count: int) -> Delivery:
    """Return any delivery of so many events."""
    order = [*range(count), *chance.choices(range(count), k=chance.randint(0, 2))]
    chance.shuffle(order)
    cuts = frozenset(place for place in range(len(order)) if chance.random() < 0.5)
    return Delivery(tuple(order), cuts, eager=chance.random() < 0.5)


def some_history(chance: random.Random, steps_max: int) -> History:
    """Return any history."""
    resource = chance.choice(tuple(Resource))
    acts = (*ACTS[resource], *MISTAKES)
    number = chance.randint(1, steps_max)
    return History(resource, tuple(Step(chance.choice(acts), chance.choice(GAPS)) for _ in range(number)))


@dataclass
class Told:
    """A history as it happened to one record: `truth` is what Shopify answers at the end, None where it is gone.

    What was restored is read again at the end: nobody knows what its tombstone kept away.
    """

    resource: Resource
    number: int
    events: list[Event]
    truth: dict[str, Any] | None
    is_erased: bool = False
    has_page: bool = False
    is_restored: bool = False


def tell(world: World, history: History, number: int) -> Told:
    """Let a history happen to the record of this number."""
    return _TELLERS[history.resource](world, number).tell(history)


@dataclass
class _Teller:
    """Keeps what Shopify knows of a record while its history happens."""

    world: World
    number: int
    now: float = 0.0
    updated: float = 0.0
    changes: int = 0
    contents: list[int] = field(default_factory=lambda: [0])
    events: list[Event] = field(default_factory=list)
    is_gone: bool = False
    is_erased: bool = False
    has_page: bool = False
    is_lost: bool = False
    is_restored: bool = False

    resource: ClassVar[Resource]

    def tell(self, history: History) -> Told:
        self.create()
        for step in history.steps:
            self.now += step.gap
            act: Callable[[], None] = getattr(self, step.act.replace(" ", "_"))
            if not self.is_gone or step.act in ("look", "redact", "redact customer", "undo"):
                act()
        self.undo()
        truth = None if self.is_gone else self.graphql()
        return Told(
            self.resource, self.number, self.events, truth, self.is_erased, self.has_page, self.is_restored
        )

    def create(self) -> None:
        raise NotImplementedError

    def graphql(self) -> dict[str, Any]:
        raise NotImplementedError

    def change(self, content: int | None = None) -> None:
        """Let the content be new, or an earlier one again."""
        self.changes += 1
        self.contents.append(self.changes if content is None else content)
        self.updated = math.floor(self.now)

    def revert(self) -> None:
        """Take the last change back, in a later second."""
        self.now += 1
        self.waver()

    def waver(self) -> None:
        """Take the last change back at once."""
        raise NotImplementedError

    def hear(self, topic: str, body: dict[str, Any]) -> None:
        self.events.append(self.world.webhook(topic, body, self.now))

    def page(self) -> None:
        self.has_page = True
        self.events.append(self.world.read(self.resource, self.graphql(), self.now))

    def look(self) -> None:
        """Read by id, which takes a moment."""
        self.now += 0.1
        if self.is_gone:
            self.events.append(self.world.gone(self.resource, self.number, self.now))
        else:
            self.events.append(self.world.read(self.resource, self.graphql(), self.now, job_id=None))
        self.now += 0.1

    def lose(self) -> None:
        """Be told gone by a read by id, which is not so."""
        self.now += 0.1
        self.is_lost = True
        self.events.append(self.world.gone(self.resource, self.number, self.now))

    def undo(self) -> None:
        """Have what was lost restored, in both stores of the shop."""
        if not self.is_lost:
            return
        self.now += 0.1
        self.is_lost, self.is_restored = False, True
        for store_id, advertiser_id in ((1, 10), (2, 20)):
            self.events.append(
                self.world.restored(
                    self.resource, self.number, self.now, store_id=store_id, advertiser_id=advertiser_id
                )
            )

    def delete(self) -> None:
        self.is_gone = True
        self.hear(f"{self.resource}/delete", {"id": self.number})

    def erase(self, **listed: Any) -> None:
        self.is_erased = True
        person = {"id": self.number, "email": f"ada{self.number}@example.com"}
        request = {"customer": person, "orders_to_redact": []} | listed
        self.events.append(self.world.request("customers/redact", request, self.now))


class _Order(_Teller):
    resource = ORDERS

    def facts(self) -> dict[str, Any]:
        return {"updated": self.updated, "customer": self.number, "note": f"note {self.contents[-1]}"}

    def graphql(self) -> dict[str, Any]:
        return self.world.graphql_order(self.number, **self.facts())

    def hear_order(self, topic: str, **fields: Any) -> None:
        self.hear(topic, self.world.rest_order(self.number, **self.facts(), **fields))

    def create(self) -> None:
        self.hear_order("orders/create")

    def update(self) -> None:
        self.change()
        self.hear_order("orders/updated")

    def waver(self) -> None:
        self.change(self.contents[-2] if len(self.contents) > 1 else None)
        self.hear_order("orders/updated")

    def unclear(self) -> None:
        self.change()
        self.hear_order("orders/updated", refunds=[{}])

    def edit(self) -> None:
        self.change()
        self.hear("orders/edited", {"order_edit": {"order_id": self.number}})

    def redact(self) -> None:
        self.erase(orders_to_redact=[self.number])

    def redact_customer(self) -> None:
        self.erase()


class _Product(_Teller):
    resource = PRODUCTS

    def graphql(self) -> dict[str, Any]:
        body = self.world.graphql_product(self.number, self.updated, title=f"title {self.contents[-1]}")
        body["variants"]["nodes"][0]["sku"] = f"sku {self.contents[-1]}"
        return body

    def hear_product(self, topic: str, **fields: Any) -> None:
        body = self.world.rest_product(self.number, self.updated, title=f"title {self.contents[-1]}")
        body["variants"][0]["sku"] = f"sku {self.contents[-1]}"
        self.hear(topic, body | fields)

    def create(self) -> None:
        self.hear_product("products/create")

    def update(self) -> None:
        self.change()
        self.hear_product("products/update")

    def waver(self) -> None:
        self.change(self.contents[-2] if len(self.contents) > 1 else None)
        self.hear_product("products/update")

    def cut(self) -> None:
        self.change()
        gids = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{n}"} for n in (8, 9)]
        self.hear_product("products/update", variant_gids=gids)


@dataclass
class _Customer(_Teller):
    resource = CUSTOMERS

    first_name: int = 0
    email: str = ""
    tags: int = 0
    spent: int = 0
    is_subscribed: bool = True
    consented: float = -3600.0

    def __post_init__(self) -> None:
        self.email = f"ada{self.number}@example.com"

    def graphql(self) -> dict[str, Any]:
        email = {
            "emailAddress": self.email,
            "marketingState": "SUBSCRIBED" if self.is_subscribed else "UNSUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN",
            "marketingUpdatedAt": self.world.stamp(self.consented),
        }
        return self.world.graphql_customer(
            self.number,
            self.updated,
            firstName=f"Ada {self.first_name}",
            tags=[f"tag {self.tags}"],
            amountSpent={"amount": f"{self.spent}.0", "currencyCode": "USD"},
            defaultEmailAddress=email,
        )

    def hear_customer(self, topic: str) -> None:
        address = self.graphql()["addressesV2"]["nodes"][0]
        known = {
            "id": self.number,
            "first_name": address["firstName"],
            "last_name": address["lastName"],
            "name": address["name"],
            "address1": address["address1"],
            "city": address["city"],
            "country": address["country"],
            "country_code": address["countryCodeV2"],
            "zip": address["zip"],
        }
        body = self.world.rest_customer(
            self.number,
            self.updated,
            first_name=f"Ada {self.first_name}",
            email=self.email,
            addresses=[known],
            default_address=known,
        )
        self.hear(topic, body)

    def create(self) -> None:
        self.hear_customer("customers/create")

    def rename(self) -> None:
        self.change()
        self.first_name = self.changes
        self.hear_customer("customers/update")

    def mail(self) -> None:
        self.change()
        self.email = f"ada{self.number}.{self.changes}@example.com"
        self.hear_customer("customers/update")

    def tag(self) -> None:
        self.change()
        self.tags = self.changes
        self.hear("customer.tags_added", {"customerId": f"gid://shopify/Customer/{self.number}"})

    def consent(self) -> None:
        """Change the consent in a later second than before; it has a time of its own: the customer's stays."""
        self.now = max(self.now, self.consented + 1)
        self.waver()

    def waver(self) -> None:
        self.is_subscribed, self.consented = not self.is_subscribed, math.floor(self.now)
        said = {
            "state": "subscribed" if self.is_subscribed else "unsubscribed",
            "opt_in_level": "single_opt_in",
            "consent_updated_at": self.world.stamp(self.consented),
        }
        body = {"customer_id": self.number, "email_address": self.email, "email_marketing_consent": said}
        self.hear("customers_email_marketing_consent/update", body)

    def spend(self) -> None:
        """Change what an order of the customer's changes: the customer's own time stays."""
        self.spent += 10
        money = {"amount": f"{self.spent}.00", "currencyCode": "USD"}
        body = {
            "customerId": f"gid://shopify/Customer/{self.number}",
            "numberOfOrders": 2,
            "amountSpent": money,
        }
        self.hear("customers/purchasing_summary", body)

    def redact(self) -> None:
        self.erase()


_TELLERS: dict[Resource, type[_Teller]] = {CUSTOMERS: _Customer, ORDERS: _Order, PRODUCTS: _Product}
