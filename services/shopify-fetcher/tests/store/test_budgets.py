"""The budget row under several processes."""

import asyncio
import contextlib
from typing import Any

import pytest

from shopify_fetcher.access import pacing
from shopify_fetcher.access.pacing import Pacer
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import Throttled

from ..builders import Fetcher, MakeShop

EMPTY_SOON = (
    "UPDATE fetcher.api_budgets SET bucket_size = 100, available = 100, outstanding = 0, restore_rate = 200,"
    " level_at = clock_timestamp(), blocked_until = NULL"
)


async def test_concurrent_processes_never_reserve_more_than_there_is(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(EMPTY_SOON)
    pacers = [Pacer(fetcher.database), Pacer(replica.database)]
    loop = asyncio.get_running_loop()
    began = loop.time()

    await asyncio.gather(
        *(
            pacers[number % 2].wait_for(installation_id, cost=10, lane=Lane.INTERACTIVE)
            for number in range(15)
        )
    )

    # 150 points: 100 at once; what has been reserved is held until answers tell, and drains at 50 a second.
    assert loop.time() - began >= (150 - 100) / (200 + 50) * 0.9
    [row] = await fetcher.rows("SELECT available, outstanding FROM fetcher.api_budgets")
    assert row["available"] - row["outstanding"] >= -1e-6


async def test_long_wait_is_told_where_somebody_hears_of_it_and_refused_where_nobody_does(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that a person had asked for failed when Shopify's rate limit held it back for long."""
    monkeypatch.setattr(pacing, "UNHEARD_WAIT_SECONDS_MAX", 0.05)
    monkeypatch.setattr(pacing, "TOLD_FROM_SECONDS", 0.05)
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(EMPTY_SOON)
    await fetcher.execute(
        "UPDATE fetcher.api_budgets SET blocked_until = clock_timestamp() + interval '0.5 seconds'"
    )
    pacer, told = Pacer(fetcher.database), list[float]()

    async def hear(seconds: float) -> None:
        told.append(seconds)

    with pytest.raises(Throttled):
        await pacer.wait_for(installation_id, cost=10, lane=Lane.INTERACTIVE)
    await pacer.wait_for(installation_id, cost=10, lane=Lane.INTERACTIVE, on_wait=hear)

    assert told


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "30"}}, {"effect": "throttled"}],
    ids=["429", "THROTTLED"],
)
async def test_refusal_that_one_process_met_holds_every_process_back(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop, fault: dict[str, Any]
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="CustomersCounts", **fault)
    session = await fetcher.session(installation_id)

    with contextlib.suppress(TimeoutError, Throttled):
        async with asyncio.timeout(0.5):
            await session.call("customers_counts", {"window": ""})

    told = list[float]()

    async def hear(seconds: float) -> None:
        told.append(seconds)
        raise Throttled(seconds)

    with pytest.raises(Throttled):
        await Pacer(replica.database).wait_for(
            installation_id, cost=1_000, lane=Lane.INTERACTIVE, on_wait=hear
        )
    assert 1 <= told[0] <= 30
