"""The budget row under several processes."""

import asyncio

from shopify_fetcher.access.pacing import Pacer, ignore_wait
from shopify_fetcher.domain.budget import Lane

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
            pacers[number % 2].wait_for(installation_id, cost=10, lane=Lane.INTERACTIVE, on_wait=ignore_wait)
            for number in range(15)
        )
    )

    # 150 points: 100 at once; what has been reserved is held until answers tell, and drains at 50 a second.
    assert loop.time() - began >= (150 - 100) / (200 + 50) * 0.9
    [row] = await fetcher.rows("SELECT available, outstanding FROM fetcher.api_budgets")
    assert row["available"] - row["outstanding"] >= -1e-6
