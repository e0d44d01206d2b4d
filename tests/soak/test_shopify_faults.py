"""Everything goes wrong at Shopify at once, each at 2 % of the calls: no sync ends complete and wrong."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

import pytest

from local_stack.platform import Platform, Row
from local_stack.stack import Login

from ..integration.failures.test_shopify_faults import HELD_BACK, LOST_PAIR, NEW_CODE, beside, told_to_wait
from ..integration.invariants import broken
from ..integration.merchants import Merchant, Store, merchant_at_work

SHOPS: Final = 4
SHOP: Final = {"customers": 1_500, "orders": 2_500, "products": 200}
SHARE: Final = 0.02
ROUNDS: Final = 2
WELL: Final = "went well"
TRIES: Final = 8
SYNC_SECONDS_MAX: Final = 600
SETTLE_SECONDS_MAX: Final = 240

ANYWHERE: Final = (
    *(told_to_wait(seconds) for seconds in (None, "2.5", "soon", "-1")),
    {"effect": "throttled"},
    *({"status": status} for status in (500, 502, 503)),
    {"effect": "replaced", "status": 502},
    {"effect": "drop"},
    {"effect": "drop", "after_bytes": 300},
    {"effect": "drip", "delay_seconds": 4},
    {"effect": "html"},
    {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
    {"effect": "corrupt_gzip"},
    {"effect": "corrupt_gzip", "after_bytes": 200},
)
OF_CALLS: Final = (
    {"effect": "repeat_cursor"},
    beside({"count": {"count": 0}}, **NEW_CODE),
    beside({"nodes": []}),
)
OF_FILES: Final = ({"effect": "truncate_lines"}, {"effect": "missing_parents"}, {"status": 403})
FOR_A_DAY: Final = {"path": "/graphql.json", **told_to_wait("99999"), "skip": 10}
"""Each of these takes a minute, so there is one for each sync."""


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_sync_ends_complete_and_wrong_whatever_goes_wrong_at_shopify(
    platform: Platform, login: Login, seed: int
) -> None:
    with merchant_at_work(platform, login) as merchant, ThreadPoolExecutor(SHOPS) as threads:
        numbers = range(SHOPS * seed, SHOPS * (seed + 1))
        ends = list(threads.map(lambda number: live_with_trouble(merchant, number), numbers))

    outcomes, struck = (sum(counted, Counter[str]()) for counted in zip(*ends, strict=True))
    print(f"seed {seed}: syncs {dict(outcomes)}; calls {dict(struck)}")  # shown by pytest -rP
    assert sum(struck.values()) - struck[WELL] > 25 * SHOPS
    assert broken(platform) == {}


def live_with_trouble(merchant: Merchant, seed: int) -> tuple["Counter[str]", "Counter[str]"]:
    """Mirror a shop in full and then twice what has changed; return how syncs ended, and how calls went."""
    chance, outcomes = Random(seed), Counter[str]()
    store = Store(merchant, f"trouble-{seed}.myshopify.com")
    merchant.platform.create_shop(store.domain, seed=seed, **SHOP)

    store.arm([HELD_BACK])
    store.connect()
    store.arm(list(troubles(seed)))
    sync_until_complete(store, store.ended(within_seconds=SYNC_SECONDS_MAX), outcomes)
    for number in range(ROUNDS):
        busy_day(store, chance, f"day {number}")
        sync_until_complete(store, store.sync(within_seconds=SYNC_SECONDS_MAX), outcomes)
    store.disarm()
    store.lose("after all")
    last = store.sync(within_seconds=SYNC_SECONDS_MAX)

    assert (last["status"], last["error_message"]) == ("completed", None)
    store.must_become_exact(within_seconds=SETTLE_SECONDS_MAX)
    return outcomes, Counter(call["fault"] or WELL for call in store.calls())


def troubles(seed: int) -> Iterator[Row]:
    """Return all faults, each with dice of its own."""
    calls = ({"path": "/graphql.json"} | fault for fault in (*ANYWHERE, *OF_CALLS))
    files = ({"path": "/bulk/"} | fault for fault in (*ANYWHERE, *OF_FILES))
    yield FOR_A_DAY
    for number, fault in enumerate((*calls, *files, LOST_PAIR)):
        yield fault | {"share": SHARE, "seed": 1_000 * seed + number}


def busy_day(store: Store, chance: Random, name: str) -> None:
    """Let much happen, of which webhooks tell in any order and twice, and more, of which none tells."""
    store.deliveries("hold")
    store.act_at_random(150, seed=chance.randrange(10**6))
    store.deliveries("release", shuffle=True, duplicate=0.3, seed=chance.randrange(10**6))
    store.lose(name, orders=120)
    store.expire_tokens()
    store.arm([FOR_A_DAY])


def sync_until_complete(store: Store, job: Row, outcomes: "Counter[str]") -> None:
    """Raise unless each job ends as it may; go on as a patient merchant does until one is complete, and exact."""
    for _ in range(TRIES):
        outcomes[job["error_code"] or job["status"]] += 1
        if job["status"] == "completed":
            store.must_become_exact(
                within_seconds=SETTLE_SECONDS_MAX
            )  # with what webhooks have told meanwhile
            return
        store.must_be_exact_or_explained(job)
        job = store.sync(within_seconds=SYNC_SECONDS_MAX)
    raise AssertionError(f"no sync in {TRIES} was complete: {dict(outcomes)}")
