"""A change at any moment around a sync is found by that sync or by the next, whether or not Shopify's index lags.

Webhooks are held back for good, so only syncs bring changes. The shops are busy side by side.
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle, product
from threading import Event
from typing import Final

import pytest

from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.bus import Producer
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import SyncRequested
from sync_common.contracts.events.lifecycle import JobType

from ..invariants import broken
from ..merchants import Merchant, Store, merchant_at_work

SHOP: Final = {"customers": 60, "orders": 60, "products": 60}
NEWEST: Final = 30
"""Changes are planted in these: the oldest orders are hidden from the app."""

LAG_SECONDS: Final = 10
PAUSE_SECONDS: Final = 0.2
PLANTED_BEFORE: Final = 15
PLANTED_AFTER: Final = 15
SLOW: Final = {"path": "/graphql.json", "effect": "delay", "delay_seconds": 0.5, "share": 1.0}
"""Makes a sync of a few calls last for seconds, so that many changes fall into it."""

TABLES: Final = {"customers": "contacts", "orders": "orders", "products": "products"}
ACTS: Final = (
    ("customer.update", "note"),
    ("order.update", "note"),
    ("product.update", "title"),
    ("customer.create", "first_name"),
    ("product.create", "title"),
)


@dataclass(frozen=True)
class Planted:
    """One change: which column of which record has which value since when, by Shopify's clock."""

    resource: str
    record_id: int
    column: str
    value: str
    at: datetime


class Planter:
    """Changes one record after the other, each third of them twice within one second."""

    def __init__(self, platform: Platform, domain: str) -> None:
        self.planted: list[Planted] = []
        self._platform = platform
        self._domain = domain
        self._ids = {
            kind: cycle(int(one["legacyResourceId"]) for one in platform.truth(domain, resource)[-NEWEST:])
            for kind, resource in (
                ("customer.update", "customers"),
                ("order.update", "orders"),
                ("product.update", "products"),
            )
        }

    def work(self, stop: Event) -> None:
        """Plant until stopped."""
        for number, (kind, column) in zip(count(), cycle(ACTS), strict=False):
            if stop.wait(PAUSE_SECONDS):
                return
            record_id = next(self._ids[kind]) if kind in self._ids else None
            first = self._plant(kind, record_id, column)
            if record_id is not None and number % 3 == 0:
                while self._plant(kind, record_id, column).at != first.at:
                    first = self.planted[-1]

    def wait_for(self, number: int) -> None:
        """Return once so many changes more are planted."""
        wanted = len(self.planted) + number
        eventually(lambda: len(self.planted) >= wanted, within_seconds=60, what=f"{wanted} planted changes")

    def latest(self) -> dict[tuple[str, int, str], str]:
        """Return what each column that was planted must hold."""
        return {(one.resource, one.record_id, one.column): one.value for one in self.planted}

    def _plant(self, kind: str, record_id: int | None, column: str) -> Planted:
        value = f"planted {len(self.planted)}"
        [change, *_] = self._platform.mutate(self._domain, kind=kind, id=record_id, changes={column: value})
        at = datetime.fromisoformat(change["updatedAt"])
        self.planted.append(Planted(change["resource"], change["id"], column, value, at))
        return self.planted[-1]


@contextmanager
def planting(platform: Platform, domain: str) -> Iterator[Planter]:
    """Plant changes all the time inside the block."""
    planter, stop = Planter(platform, domain), Event()
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(planter.work, stop)
        try:
            yield planter
        finally:
            stop.set()
        work.result()


def ask_for_full_sync(platform: Platform, store: Store) -> None:
    """Ask as the platform itself does; people are given what changed."""
    [row] = platform.rows("SELECT advertiser_id FROM sync.store_state WHERE store_id = %s", store.id)
    wish = SyncRequested(store_id=store.id, advertiser_id=row["advertiser_id"], job_type=JobType.FULL_SYNC)
    asyncio.run(publish(platform.stack.addresses.kafka_bootstrap, wish))


async def publish(bootstrap: str, wish: SyncRequested) -> None:
    """Send a wish to Kafka."""
    producer = Producer(bootstrap, "test")
    envelope = event_envelope(wish, source="test", now=datetime.now(UTC))
    try:
        await producer.send(wish.TOPIC, wish.key().encode(), event_body(wish), envelope.to_headers())
    finally:
        await producer.stop()


def not_found(platform: Platform, store: Store, planter: Planter) -> list[tuple[str, int, str]]:
    """Return which planted values the mirror does not hold."""
    rows: dict[tuple[str, int], Row] = {
        (resource, int(row["external_id"])): row
        for resource, table in TABLES.items()
        for row in platform.rows(f"SELECT * FROM records.{table} WHERE source_id = %s", store.id)
    }
    return [
        (resource, record_id, column)
        for (resource, record_id, column), value in planter.latest().items()
        if rows.get((resource, record_id), {}).get(column) != value
    ]


def tell(merchant: Merchant, job_type: JobType, lag_seconds: int) -> None:
    """Plant changes before, during and after a sync; the next one must have brought them all."""
    platform = merchant.platform
    store = Store(merchant, f"planted-{job_type.replace('_', '-')}-{lag_seconds}.myshopify.com")
    platform.create_shop(store.domain, seed=3, **SHOP)
    store.connect()
    assert store.ended()["status"] == "completed"
    store.deliveries("hold")
    store.switch(index_lag_seconds=lag_seconds)
    store.arm([SLOW])

    with planting(platform, store.domain) as planter:
        planter.wait_for(PLANTED_BEFORE)
        if job_type is JobType.FULL_SYNC:
            ask_for_full_sync(platform, store)
        else:
            store.ask()
        sync = store.ended()
        late = not_found(platform, store, planter)
        planter.wait_for(PLANTED_AFTER)

    assert (sync["status"], sync["job_type"]) == ("completed", job_type)
    assert_planted_around(sync, planter.planted)
    if lag_seconds:
        early = {(p.resource, p.record_id, p.column) for p in planter.planted if p.at < sync["started_at"]}
        assert early & set(late), "the sync was not hindered by the lag"

    store.disarm()
    store.switch(index_lag_seconds=0)  # the index has caught up
    following = store.sync()

    assert (following["status"], following["job_type"]) == ("completed", JobType.INCREMENTAL_SYNC)
    assert not_found(platform, store, planter) == []
    assert store.faults_of_mirror() == []


def assert_planted_around(sync: Row, planted: Sequence[Planted]) -> None:
    """Raise unless changes fell before, into and after a sync, and into one second with another."""
    began, ended = sync["started_at"], sync["completed_at"]
    assert [one for one in planted if one.at < began]
    assert [one for one in planted if began <= one.at < ended]
    assert [one for one in planted if one.at > ended]
    moments = [(one.resource, one.record_id, one.at) for one in planted]
    assert len(set(moments)) < len(moments), "no record was changed twice within one second"


@pytest.mark.timeout(240)
def test_planted_changes_are_found_by_the_sync_or_the_next(platform: Platform, login: Login) -> None:
    stories = list(product((JobType.INCREMENTAL_SYNC, JobType.FULL_SYNC), (0, LAG_SECONDS)))

    with merchant_at_work(platform, login) as merchant, ThreadPoolExecutor(len(stories)) as threads:
        told = [threads.submit(tell, merchant, *story) for story in stories]

    wrong = [error for one in told if (error := one.exception())]
    if wrong:
        raise BaseExceptionGroup("syncs that missed changes", wrong)
    assert broken(platform) == {}
