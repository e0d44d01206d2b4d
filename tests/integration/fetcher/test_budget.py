"""Two fetchers share the API budgets of twenty shops, and are killed at random: Shopify has next to nothing to refuse.

Told by the simulator's log of calls, which knows what each call was charged and whether it was throttled.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from .replicas import Replicas, Row

RESTORE_RATE = 100.0
BUSY, SHOPS = 4, 20
KILL_EVERY_SECONDS = 6.0
KILLS_MIN, ANSWERS_MIN = 3, 5
PROGRESS_SECONDS_MAX = 180.0

SOAK_SECONDS, WARM_UP_SECONDS = 300.0, 20.0
QUICK_SECONDS_MAX = 15.0
"""Within which a call that a person waits for is answered, also while its fetcher is killed."""

THROTTLED_SHARE_MAX = 0.001
USED_SHARE_MIN = 0.9
LANE_OF = {
    "OrdersCounts": "interactive",
    "ProductsByIds": "refetch",
    "CustomersPage": "incremental",
    "ProductsPage": "full",
}
LANES = set(LANE_OF.values())
COUNTS = {"resource": "orders", "lane": "interactive", "ranges": [[None, 100], [101, 200], [201, None]]}
MINIMUM_SHARE = {"interactive": 0.01, "refetch": 0.1, "incremental": 0.1, "full": 0.05}
"""Half of what each lane is promised, since a page is a large part of it; people ask for little here."""


@dataclass
class Load:
    """Callers of both fetchers that go on with the other one when theirs is killed."""

    replicas: Replicas
    chance: random.Random
    quick_seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: int = 0
    _turn: int = 0

    async def stream(self, installation_id: int, resource: str, lane: str) -> None:
        """Read a resource by pages to its end."""
        path = f"/v1/installations/{installation_id}/records/{resource}"
        async with (
            self._some_caller() as caller,
            caller.stream("GET", path, params={"mode": "paged", "lane": lane}) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                assert b'{"type":"failed"' not in chunk, chunk[-500:]

    async def refetch(self, installation_id: int, ids: Sequence[str]) -> None:
        """Read some records by id."""
        async with self._some_caller() as caller:
            path = f"/v1/installations/{installation_id}/nodes"
            answer = await caller.post(path, json={"resource": "products", "ids": list(ids)})
            assert answer.status_code in (200, 503), answer.text  # 503 says when to come again

    async def count(self, installation_id: int) -> None:
        """Ask what a person waits for, and note how long it took, repetitions included."""
        began = time.monotonic()
        while True:
            with contextlib.suppress(httpx.TransportError):
                async with self._some_caller() as caller:
                    answer = await caller.post(f"/v1/installations/{installation_id}/counts", json=COUNTS)
                    if answer.status_code == 200:
                        break
                    assert answer.status_code == 503, answer.text
        self.quick_seconds[installation_id].append(time.monotonic() - began)

    async def kill_at_random(self) -> None:
        """Kill one fetcher or the other from time to time, and start it again."""
        while True:
            await asyncio.sleep(KILL_EVERY_SECONDS * self.chance.uniform(0.5, 1.5))
            await asyncio.to_thread(self.replicas.kill, self.chance.randrange(2))
            self.kills += 1

    def _some_caller(self) -> httpx.AsyncClient:
        self._turn += 1
        return self.replicas.caller(self._turn % 2)


async def again_and_again(act: Callable[[], Awaitable[None]], *, pause_seconds: float = 0.0) -> None:
    """Act until cancelled; what a kill has cut off is begun again."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            await act()
        await asyncio.sleep(pause_seconds)


@asynccontextmanager
async def load_on(replicas: Replicas) -> AsyncIterator[tuple[Load, dict[str, int]]]:
    """Keep twenty shops asking, a few of them for more than they get, while fetchers are killed."""
    shops = [f"shop-{number:02}" for number in range(SHOPS)]
    wishes = {"customers": 300, "orders": 20, "products": 400}
    ids = {
        shop: await asyncio.to_thread(replicas.connect, shop, number, **wishes)
        for number, shop in enumerate(shops, start=1)
    }
    load = Load(replicas, random.Random(1))
    asking = [load.kill_at_random()]
    for shop, installation_id in ids.items():
        asking.append(again_and_again(partial(load.count, installation_id), pause_seconds=1.0))
        if shop in shops[:BUSY]:
            replicas.simulator("PATCH", f"/shops/{shop}", {"api_points_left": 500})
            asking += busy(load, installation_id)
    running = [asyncio.create_task(one) for one in asking]
    try:
        yield load, ids
    finally:
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []


def busy(load: Load, installation_id: int) -> list[Coroutine[Any, Any, None]]:
    """Return callers that together want much more than one shop's allowance."""
    numbers = [str(number) for number in range(1, 51)]
    full = partial(load.stream, installation_id, "products", "full")
    incremental = partial(load.stream, installation_id, "customers", "incremental")
    refetch = partial(load.refetch, installation_id, load.chance.sample(numbers, 20))
    return [
        *(again_and_again(act) for act in (full, full, incremental, incremental)),
        again_and_again(refetch, pause_seconds=0.1),
        again_and_again(partial(load.count, installation_id), pause_seconds=0.2),
    ]


@pytest.mark.timeout(300)
async def test_no_shop_and_no_lane_starves_and_hardly_a_call_is_refused(replicas: Replicas) -> None:
    async with load_on(replicas) as (load, ids):

        def all_got_on() -> bool:
            answered = all(len(load.quick_seconds[number]) >= ANSWERS_MIN for number in ids.values())
            lanes = [points_by_lane(replicas.calls(shop)) for shop in list(ids)[:BUSY]]
            return load.kills >= KILLS_MIN and answered and all(spent.keys() >= LANES for spent in lanes)

        deadline = time.monotonic() + PROGRESS_SECONDS_MAX
        while not await asyncio.to_thread(all_got_on):
            assert time.monotonic() < deadline, "some shop or lane was not served"
            await asyncio.sleep(1)

    assert_hardly_refused(replicas, ids)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_busy_shops_use_their_allowance_and_share_it_fairly(replicas: Replicas) -> None:
    async with load_on(replicas) as (load, ids):
        await asyncio.sleep(WARM_UP_SECONDS)
        load.quick_seconds.clear()
        began = datetime.now(UTC)
        await asyncio.sleep(SOAK_SECONDS)
        ended = datetime.now(UTC)

    assert_hardly_refused(replicas, ids)
    slowest = max(max(times) for times in load.quick_seconds.values())
    print(f"{load.kills} kills; the slowest answer to a person took {slowest:.1f} s")
    assert slowest < QUICK_SECONDS_MAX
    for shop in list(ids)[:BUSY]:
        assert_used_fairly(replicas.calls(shop), began, ended)


def points_by_lane(calls: Sequence[Row]) -> Counter[str]:
    """Return what each lane was charged; the operations of the lanes differ here."""
    spent: Counter[str] = Counter()
    for call in calls:
        if lane := LANE_OF.get(call["operation"] or ""):
            spent[lane] += call["cost"] or 0
    return spent


def assert_hardly_refused(replicas: Replicas, shops: Iterable[str]) -> None:
    calls = [call for shop in shops for call in replicas.calls(shop)]
    throttled = sum(call["throttled"] for call in calls)
    print(f"{throttled} of {len(calls):,} calls were throttled")
    assert throttled <= THROTTLED_SHARE_MAX * len(calls)


def assert_used_fairly(calls: Sequence[Row], began: datetime, ended: datetime) -> None:
    allowance = RESTORE_RATE * (ended - began).total_seconds()
    spent = points_by_lane([one for one in calls if began <= datetime.fromisoformat(one["time"]) < ended])
    shares = {lane: spent[lane] / allowance for lane in MINIMUM_SHARE}
    print(f"used {sum(shares.values()):.1%}:", {lane: f"{share:.1%}" for lane, share in shares.items()})
    assert sum(shares.values()) >= USED_SHARE_MIN
    assert [lane for lane, share in shares.items() if share < MINIMUM_SHARE[lane]] == []
