"""Services are killed at random moments of two first syncs while the merchants go on working: nothing shows it."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login, Stack
from sync_common.contracts.topics import RECORD_WRITER, SHOPIFY_FETCHER, SYNC_ORCHESTRATOR

from ..integration.invariants import broken
from ..integration.mirror import WINDOW, differences, wrong_links

VICTIMS = (RECORD_WRITER, SYNC_ORCHESTRATOR, SHOPIFY_FETCHER)
SHOPS = {"customers": 5_000, "orders": 9_000, "products": 500}
KILLS_MAX = 12
STEP_RECORDS_MAX = 4_000
STEP_SECONDS_MAX = 45  # an orphaned job is taken over within this time
SYNC_SECONDS_MAX = 600
SETTLE_SECONDS_MAX = 120  # a refetch in flight at a kill waits for its lease


@dataclass(frozen=True)
class Merchant:
    """One merchant with a shop and its store."""

    login: Login
    domain: str
    store_id: int


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_random_kills_change_neither_rows_nor_books_nor_mail(
    stack: Stack,
    platform: Platform,
    new_login: Callable[[], Login],
    connect: Callable[[Login, str], Row],
    seed: int,
) -> None:
    chance = random.Random(seed)
    since = datetime.now(UTC) - WINDOW
    domains = [f"chaos-{seed}-{number}.myshopify.com" for number in range(2)]
    for domain in domains:
        platform.create_shop(domain, seed=seed, **SHOPS)
    logins = [new_login() for _ in domains]
    merchants = [
        Merchant(login, domain, connect(login, domain)["store_id"])
        for login, domain in zip(logins, domains, strict=True)
    ]

    kills = cause_chaos(stack, platform, merchants, chance)
    jobs = [
        platform.wait_for_job(merchant.store_id, within_seconds=SYNC_SECONDS_MAX) for merchant in merchants
    ]

    print(f"seed {seed}: killed {dict(kills)}")  # shown with the test when it fails, or by pytest -rP
    assert sum(kills.values()) >= 3, f"the syncs were over after {dict(kills)}"
    assert [job["status"] for job in jobs] == ["completed"] * 2, [job["error_message"] for job in jobs]
    assert [sum(job["records_failed"].values()) for job in jobs] == [0, 0]
    assert [full_syncs(platform, merchant) for merchant in merchants] == [1, 1]
    for merchant in merchants:
        wait_until_exact(platform, merchant, since)
        assert wrong_links(platform, merchant.store_id) == []
        assert templates_mailed_to(platform, merchant.login) == ["shopify_sync_complete"]
    assert broken(platform) == {}


def cause_chaos(
    stack: Stack, platform: Platform, merchants: Sequence[Merchant], chance: random.Random
) -> Counter[str]:
    """Kill and restart services while the syncs advance, each time after some acts of the merchants."""
    kills: Counter[str] = Counter()
    while sum(kills.values()) < KILLS_MAX:
        wait_for_progress(platform, merchants, at_least=chance.randint(1, STEP_RECORDS_MAX))
        if all_ended(platform, merchants):
            break
        for merchant in merchants:
            platform.mutate(merchant.domain, random=chance.randint(1, 15), seed=chance.randrange(10**6))
        victims = chance.sample(VICTIMS, k=chance.choice((1, 1, 2)))
        for victim in victims:
            stack.processes[victim].kill(signal.SIGKILL)
            kills[victim] += 1
        for victim in victims:
            stack.restart(victim)
    return kills


def wait_for_progress(platform: Platform, merchants: Sequence[Merchant], *, at_least: int) -> None:
    """Return once so many records more were published or written, the syncs ended, or nothing moved for long."""
    before, deadline = progress(platform, merchants), time.monotonic() + STEP_SECONDS_MAX
    eventually(
        lambda: (
            progress(platform, merchants) - before >= at_least
            or all_ended(platform, merchants)
            or time.monotonic() > deadline
        ),
        within_seconds=STEP_SECONDS_MAX * 2,
        what="the syncs advanced",
        interval_seconds=0.02,
    )


def progress(platform: Platform, merchants: Sequence[Merchant]) -> int:
    """Return how many records the syncs have published and written."""
    stores = [merchant.store_id for merchant in merchants]
    rows = platform.rows(
        """SELECT (SELECT coalesce(sum(p.published), 0) FROM sync.sync_job_parts p
                   JOIN sync.sync_jobs j ON j.job_id = p.job_id WHERE j.store_id = ANY (%s))
                + (SELECT count(*) FROM records.job_ledger WHERE store_id = ANY (%s)) AS records""",
        stores,
        stores,
    )
    return int(rows[0]["records"])


def full_syncs(platform: Platform, merchant: Merchant) -> int:
    """Return how many there were; an incremental one may have followed in its hour."""
    return sum(job["job_type"] == "full_sync" for job in platform.jobs(merchant.store_id))


def all_ended(platform: Platform, merchants: Sequence[Merchant]) -> bool:
    jobs = [job for merchant in merchants for job in platform.jobs(merchant.store_id)]
    return bool(jobs) and all(job["status"] not in {"pending", "running"} for job in jobs)


def wait_until_exact(platform: Platform, merchant: Merchant, since: datetime) -> None:
    """Return once the webhooks are all in; show the differences that stayed otherwise."""
    found: list[str] = []

    def exact() -> bool:
        found[:] = differences(platform, merchant.domain, merchant.store_id, orders_since=since)
        return not found

    try:
        eventually(
            exact, within_seconds=SETTLE_SECONDS_MAX, what=f"{merchant.domain} is exact", interval_seconds=2
        )
    except AssertionError:
        assert found == []


def templates_mailed_to(platform: Platform, login: Login) -> list[str]:
    mails = eventually(
        lambda: [mail for mail in platform.mails() if mail["email"] == login.email],
        within_seconds=30,
        what=f"a mail to {login.email} was accepted",
    )
    return [mail["template"] for mail in mails]
