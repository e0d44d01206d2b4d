"""The record-writer is killed in mid-sync: rows and counters are exact afterwards, one job, one mail."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login, Stack
from sync_common.contracts.topics import RECORD_WRITER

from ..invariants import broken
from ..mirror import WINDOW, differences, wrong_links


@pytest.mark.timeout(300)
async def test_killed_writer_loses_nothing_and_counts_nothing_twice(
    stack: Stack, platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=5, customers=4000, orders=4000, products=300)
    since = datetime.now(UTC) - WINDOW
    store = connect(login, shop)

    eventually(
        lambda: 0 < records_in_ledger(platform, store) < 5000,
        within_seconds=60,
        what="the writer is in the middle of the sync",
        interval_seconds=0.005,
    )
    stack.processes[RECORD_WRITER].kill(signal.SIGKILL)
    killed_at = records_in_ledger(platform, store)
    stack.restart(RECORD_WRITER)
    job = platform.wait_for_job(store["store_id"], within_seconds=150)

    counts = platform.shop(shop)["visibleCounts"]
    assert killed_at < sum(counts.values()), "the sync was over before the kill"
    assert job["status"] == "completed", job["error_message"]
    assert job["records_created"] == counts
    assert {name: sum(job[f"records_{name}"].values()) for name in ("updated", "skipped", "failed")} == {
        "updated": 0,
        "skipped": 0,
        "failed": 0,
    }
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert wrong_links(platform, store["store_id"]) == []
    assert len(platform.jobs(store["store_id"])) == 1
    mails = eventually(
        lambda: [mail for mail in platform.mails() if mail["email"] == login.email],
        within_seconds=20,
        what="the mail was accepted",
    )
    assert [mail["template"] for mail in mails] == ["shopify_sync_complete"]
    assert broken(platform) == {}


def records_in_ledger(platform: Platform, store: Row) -> int:
    rows = platform.rows(
        "SELECT count(*) AS records FROM records.job_ledger WHERE advertiser_id = %s", store["advertiser_id"]
    )
    return int(rows[0]["records"])
