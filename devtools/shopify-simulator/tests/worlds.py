"""Made-up shops and requests on them for the tests of the data half: no HTTP, no real clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from shopify_simulator.bulk import BulkRunner
from shopify_simulator.graphql.execute import RequestContext, execute
from shopify_simulator.shop.bucket import LeakyBucket
from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import AppInstallation, Record, Shop

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
QUERIES = Path(__file__).with_name("queries")
SCOPES = frozenset({"read_customers", "read_orders", "read_products", "read_inventory"})
ALL_ORDERS = SCOPES | {"read_all_orders"}
AMPLE = 10**9


def stored_query(name: str) -> str:
    """A query as the fetcher sends it."""
    return (QUERIES / f"{name}.graphql").read_text(encoding="utf-8")


def make_shop(customers: int = 40, orders: int = 80, products: int = 20, **options: Any) -> Shop:
    """A small shop, the same each time."""
    sizes = {"customers": customers, "orders": orders, "products": products}
    return generate("acme.myshopify.com", **{"seed": 7, "now": NOW, **sizes, **options})


def make_installation(scopes: frozenset[str] = SCOPES, bucket: LeakyBucket | None = None) -> AppInstallation:
    """An app with an ample budget."""
    return AppInstallation(
        client_id="client",
        app_id=11,
        installation_id=12,
        handle="sync-app",
        requested_scopes=tuple(sorted(scopes)),
        granted_scopes=scopes,
        bucket=bucket or LeakyBucket(AMPLE, 100),
        numbers=count(1),
    )


@dataclass
class World:
    """One shop, one app and a clock that stands until it is moved."""

    context: RequestContext
    bulk: BulkRunner
    now: datetime = NOW
    events: list[str] = field(default_factory=list)

    @property
    def shop(self) -> Shop:
        return self.context.shop

    @property
    def app(self) -> AppInstallation:
        return self.context.app

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        return execute(self.context, document, variables)

    def data(self, document: str, **variables: Any) -> Any:
        answer = self.ask(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def granted(self, scopes: frozenset[str]) -> None:
        self.context = replace(self.context, scopes=scopes)

    def pages(self, name: str, size: int, query: str | None = None) -> Iterator[list[Record]]:
        """Every page of a stored page query, by its cursors."""
        after = None
        while True:
            page = self.data(stored_query(f"{name}_page"), first=size, after=after, query=query)[name]
            yield page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def all(self, name: str, size: int, query: str | None = None) -> list[Record]:
        return [node for page in self.pages(name, size, query) for node in page]


def make_world(
    folder: Path, shop: Shop | None = None, scopes: frozenset[str] = SCOPES, **options: Any
) -> World:
    """A world whose clock, bulk files and events the test can see."""
    world: World
    runner = BulkRunner(
        folder / "bulk", on_finish=lambda _s, _a, o: world.events.append(o["status"]), **options
    )
    context = RequestContext(
        shop=shop or make_shop(),
        app=make_installation(scopes),
        scopes=scopes,
        now=lambda: world.now,
        base_url="http://files.example",
        bulk=runner,
    )
    world = World(context, runner)
    return world


def ids(records: Iterable[Record]) -> list[str]:
    """The gids of records, in their order."""
    return [record["id"] for record in records]


def ago(**units: int) -> datetime:
    """A time before now."""
    return NOW - timedelta(**units)
