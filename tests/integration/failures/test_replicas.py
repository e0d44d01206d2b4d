"""Two orchestrators and two writers: one of each dies or freezes in mid-sync, and nothing shows it but time."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Barrier
from typing import Any, Final

import psutil
import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.processes import Process
from local_stack.stack import Login, Stack
from sync_common.bus import Producer
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import SyncCompleted, WebhooksRepaired
from sync_common.contracts.topics import RECORD_WRITER, SHOPIFY_FETCHER, SYNC_ORCHESTRATOR

from ..invariants import broken
from ..mirror import WINDOW, differences, wrong_links
from ..watching import Watch, watched
from .test_shopify_faults import NO_EXPORTS

TAKEN_OVER_SECONDS_MAX: Final = 45
SYNC_SECONDS_MAX: Final = 120
UNWRITTEN: Final = 300
SHOP: Final = {"customers": 1_000, "orders": 1_500, "products": 40, "plan": "plus"}
"""A plan with points enough that the pages are not waited for once they are quick."""
SLOW_PAGES: Final = {"operation": "ById(", "effect": "delay", "delay_seconds": 1, "share": 1.0}
"""Without exports everything is read by pages; each of these takes a second, until the fault is cleared."""
SLOW_COUNTS: Final = {"operation": "Count(", "effect": "delay", "delay_seconds": 2, "share": 1.0}
"""Each part of a sync begins with one of these: the sync lasts until all have asked for it."""

Replicas = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def replicas(stack: Stack) -> Iterator[Replicas]:
    """Return the names of two replicas of each service of which there may be several."""
    both = {name: (name, stack.start_replica(name)) for name in (SYNC_ORCHESTRATOR, RECORD_WRITER)}
    yield both
    for _, second in both.values():
        stack.stop_replica(second)


@dataclass(frozen=True)
class Sync:
    """A first sync under way."""

    stack: Stack
    platform: Platform
    domain: str
    login: Login
    store_id: int
    since: datetime

    @property
    def job(self) -> Row:
        """Return its row."""
        query = "SELECT * FROM sync.sync_jobs WHERE store_id = %s ORDER BY job_id LIMIT 1"
        return self.platform.rows(query, self.store_id)[0]

    def published(self) -> int:
        """Return how many records were published."""
        return self._number(
            """SELECT coalesce(sum(p.published), 0) AS number FROM sync.sync_job_parts p
               JOIN sync.sync_jobs j USING (advertiser_id, job_id) WHERE j.store_id = %s"""
        )

    def written(self) -> int:
        """Return how many records the writers have accounted for."""
        return self._number("SELECT count(*) AS number FROM records.job_ledger WHERE store_id = %s")

    def wait_until(self, condition: Callable[[], bool], what: str, *, within_seconds: float = 60) -> None:
        """Return once something holds."""
        eventually(condition, within_seconds=within_seconds, what=what, interval_seconds=0.1)

    def wait_for_more(self, *, than: int) -> None:
        """Return once more was published, while the job is still reading."""
        self.wait_until(lambda: self.published() > than, f"more than {than} records are published")

    def wait_for_take_over(self, *, at: int) -> None:
        """Return once another replica has got further with the job than the first one had."""
        self.wait_until(
            lambda: self.job["epoch"] == 2 and self.published() > at,
            "the other replica goes on with the job",
            within_seconds=TAKEN_OVER_SECONDS_MAX,
        )

    def holder(self) -> str:
        """Return the replica that said it has claimed the job, which is the one whose lease it is."""
        job = self.job
        claims = {"event": "job claimed", "job_id": job["job_id"], "epoch": job["epoch"]}
        [holder] = [name for name in self._replicas(SYNC_ORCHESTRATOR) if self.says(name, **claims)]
        return holder

    def says(self, name: str, **facts: Any) -> bool:
        """Say whether the log of a process has a line with these facts."""
        return any(facts.items() <= line.items() for line in lines_of(self.stack, name, facts["event"]))

    def speed_up(self) -> None:
        """Let Shopify answer as it should."""
        self.platform.simulator("DELETE", f"/shops/{self.domain}/faults")

    def must_have_ended_well(self, watch: Watch, *, epochs: Sequence[int]) -> None:
        """Raise unless it ended once, under the last of these epochs, with an exact mirror and exact counts."""
        job = self.platform.wait_for_job(self.store_id, within_seconds=SYNC_SECONDS_MAX)
        counts = self.platform.shop(self.domain)["visibleCounts"]
        assert job["status"] == "completed", job["error_message"]
        assert job["records_created"] == counts
        others = {
            sum(job[f"records_{name}"].values()) for name in ("updated", "unchanged", "skipped", "failed")
        }
        assert others == {0}
        assert self.written() == sum(counts.values())

        assert watch.epochs(job["job_id"]) == list(epochs)
        assert self.completed_under() == [epochs[-1]]
        assert watch.active_at_once() == 1
        assert watch.steps_back() == []

        assert differences(self.platform, self.domain, self.store_id, orders_since=self.since) == []
        assert wrong_links(self.platform, self.store_id) == []
        assert self.completions() == 1
        mails = eventually(self.mails, within_seconds=20, what="the mail was accepted")
        assert mails == ["shopify_sync_complete"]
        assert broken(self.platform) == {}

    def completed_under(self) -> list[int]:
        """Return the epochs under which replicas say that they have completed the job."""
        told = (lines_of(self.stack, name, "job completed") for name in self._replicas(SYNC_ORCHESTRATOR))
        return [line["epoch"] for lines in told for line in lines if line["store_id"] == self.store_id]

    def completions(self) -> int:
        """Return how many events tell that a sync of the store has completed."""
        return self._number(
            f"""SELECT count(*) AS number FROM sync.outbox
                WHERE headers ->> 'ce_type' = '{SyncCompleted.TYPE}' AND (body::jsonb ->> 'store_id')::bigint = %s"""
        )

    def mails(self) -> list[str]:
        """Return the templates of what was mailed to the merchant."""
        return [mail["template"] for mail in self.platform.mails() if mail["email"] == self.login.email]

    def _number(self, query: str) -> int:
        return int(self.platform.rows(query, self.store_id)[0]["number"])

    def _replicas(self, service: str) -> list[str]:
        return [name for name in self.stack.processes if name.startswith(service)]


def lines_of(stack: Stack, name: str, event: str) -> list[Row]:
    """Return the lines of a process's log that tell of an event."""
    lines = (line for line in stack.log_path(name).read_text().splitlines() if f'"event": "{event}"' in line)
    return [json.loads(line) for line in lines]


@pytest.fixture
def begin(
    stack: Stack, platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> Callable[[], Sync]:
    """Begin the first sync of a shop that is read slowly."""

    def act() -> Sync:
        platform.create_shop(shop, seed=5, **SHOP)
        slow = [NO_EXPORTS, SLOW_PAGES]
        platform.simulator("POST", f"/shops/{shop}/faults", slow)
        since = datetime.now(UTC) - WINDOW
        return Sync(stack, platform, shop, login, connect(login, shop)["store_id"], since)

    return act


@contextmanager
def frozen(platform: Platform, name: str, *, in_transaction: bool = False) -> Iterator[None]:
    """Freeze a process between two transactions, or within one that has written; after the block it goes on."""
    process = platform.stack.processes[name]
    eventually(
        lambda: froze(platform, process, in_transaction=in_transaction),
        within_seconds=60,
        what=f"{name} is frozen where it should be",
        interval_seconds=0.01,
    )
    try:
        yield
    finally:
        process.kill(signal.SIGCONT)


def froze(platform: Platform, process: Process, *, in_transaction: bool) -> bool:
    """Freeze a process; let it go on if it is not where it should be."""
    process.kill(signal.SIGSTOP)
    child = psutil.Process(process.pid)
    eventually(
        lambda: child.status() == psutil.STATUS_STOPPED, within_seconds=5, what=f"{process.name} is frozen"
    )
    ports = [connection.laddr.port for connection in child.net_connections("tcp")]
    open_ones = platform.rows(
        "SELECT backend_xid IS NOT NULL AS writes FROM pg_stat_activity"
        " WHERE client_port = ANY (%s) AND state <> 'idle'",
        ports,
    )
    if (in_transaction and any(one["writes"] for one in open_ones)) or (not in_transaction and not open_ones):
        return True
    process.kill(signal.SIGCONT)
    return False


@pytest.mark.timeout(300)
def test_killed_replicas_are_replaced_by_the_others(replicas: Replicas, begin: Callable[[], Sync]) -> None:
    sync = begin()
    stack = sync.stack
    with watched(sync.platform, sync.store_id) as watch:
        sync.wait_for_more(than=0)
        stack.processes[SHOPIFY_FETCHER].kill(signal.SIGKILL)
        stack.restart(SHOPIFY_FETCHER)
        sync.wait_for_more(than=sync.published())

        holder, writer = sync.holder(), replicas[RECORD_WRITER][0]
        for name in (holder, writer):
            stack.processes[name].kill(signal.SIGKILL)
        sync.wait_for_take_over(at=sync.published())
        assert sync.holder() != holder
        sync.speed_up()

        sync.must_have_ended_well(watch, epochs=[1, 2])
    assert sync.says(holder, event="stream cut", job_id=sync.job["job_id"])
    for name in (holder, writer):
        stack.restart(name)


@pytest.mark.timeout(300)
def test_frozen_replicas_change_nothing_when_they_wake(replicas: Replicas, begin: Callable[[], Sync]) -> None:
    sync = begin()
    with watched(sync.platform, sync.store_id) as watch:
        sync.wait_for_more(than=0)
        holder, writer = sync.holder(), replicas[RECORD_WRITER][0]
        with frozen(sync.platform, writer, in_transaction=True):
            sync.wait_for_more(than=sync.published() + UNWRITTEN)
            with frozen(sync.platform, holder):
                published = sync.published()
                assert sync.written() < published, "what is in the frozen writer's partitions waits"
                sync.wait_until(lambda: sync.written() >= published, "the other writer has its partitions")
                sync.wait_for_take_over(at=published)
                assert sync.holder() != holder
        lost = {"event": "job lost", "job_id": sync.job["job_id"], "epoch": 1}
        sync.wait_until(lambda: sync.says(holder, **lost), "who was frozen knows that the job is not its own")
        assert sync.job["status"] == "running", "the sync was over before they woke"
        sync.speed_up()

        sync.must_have_ended_well(watch, epochs=[1, 2])


@pytest.mark.timeout(300)
def test_stream_of_a_frozen_fetcher_is_given_up_and_read_on(begin: Callable[[], Sync]) -> None:
    sync = begin()
    with watched(sync.platform, sync.store_id) as watch:
        sync.wait_for_more(than=0)
        cut = {"event": "stream cut", "job_id": sync.job["job_id"]}
        with frozen(sync.platform, SHOPIFY_FETCHER):
            holder = sync.holder()
            sync.wait_until(lambda: sync.says(holder, **cut), "the orchestrator gives the stream up")
        sync.wait_for_more(than=sync.published())
        sync.speed_up()

        sync.must_have_ended_well(watch, epochs=[1])


@pytest.mark.timeout(180)
def test_requests_of_one_moment_start_one_sync(
    replicas: Replicas, platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=30, orders=40, products=10)
    store = connect(login, shop)
    first = platform.wait_for_job(store["store_id"])
    platform.simulator("POST", f"/shops/{shop}/faults", [SLOW_COUNTS])

    with Browser() as one, Browser() as other, watched(platform, store["store_id"]) as watch:
        requests = [ready_to_press(platform, login, browser, store) for browser in (one, other)]
        requests.append(lambda: asyncio.run(tell_of_repaired_webhooks(platform, shop, store)))
        at_once(requests)
        eventually(
            lambda: times_wanted(platform, store) == 1 + len(requests),
            within_seconds=30,
            what="all requests are answered",
        )
        platform.simulator("DELETE", f"/shops/{shop}/faults")
        eventually(lambda: all_ended(platform, store), within_seconds=60, what="the syncs are over")

    answer, *following = (job for job in platform.jobs(store["store_id"])[::-1] if job != first)
    [row] = platform.rows("SELECT follow_up FROM sync.sync_jobs WHERE job_id = %s", answer["job_id"])
    assert len(following) == row["follow_up"], "only lost webhooks call for a sync after the one under way"
    assert watch.active_at_once() == 1
    assert broken(platform) == {}


def ready_to_press(platform: Platform, login: Login, browser: Browser, store: Row) -> Callable[[], object]:
    """Open the page of the stores in a browser; return what presses Sync Now there."""
    platform.log_in(browser, login)
    page = browser.open(f"/advertisers/{login.slug}/integrations/shopify")
    return partial(browser.submit, page.form(action=f"/stores/{store['store_id']}/sync"))


async def tell_of_repaired_webhooks(platform: Platform, shop: str, store: Row) -> None:
    """Publish that webhooks may have been lost: on another topic than a person's wish, so for any replica."""
    repaired = WebhooksRepaired(**store, shop_domain=shop, installation_id=1, topics=("orders/updated",))
    envelope = event_envelope(repaired, source="test", now=datetime.now(UTC))
    producer = Producer(platform.stack.addresses.kafka_bootstrap, "test")
    try:
        await producer.send(
            repaired.TOPIC, repaired.key().encode(), event_body(repaired), envelope.to_headers()
        )
    finally:
        await producer.stop()


def at_once(acts: Sequence[Callable[[], object]]) -> None:
    """Do all of these in the same moment; return when all are done."""
    moment = Barrier(len(acts))

    def do(act: Callable[[], object]) -> None:
        moment.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as threads:
        list(threads.map(do, acts))


def times_wanted(platform: Platform, store: Row) -> int:
    """Return how often the orchestrators were asked for a sync of the store."""
    return sum(
        line["store_id"] == store["store_id"]
        for name in platform.stack.processes
        if name.startswith(SYNC_ORCHESTRATOR)
        for line in lines_of(platform.stack, name, "job wanted")
    )


def all_ended(platform: Platform, store: Row) -> bool:
    """Say whether nothing waits or runs."""
    return all(job["status"] in {"completed", "failed"} for job in platform.jobs(store["store_id"]))
