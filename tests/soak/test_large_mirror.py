"""A large shop is mirrored exactly. The comparison holds all records of a kind at once: some 8 GB in all parts."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local_stack.platform import Platform, Row
from local_stack.stack import Login

from ..integration.invariants import broken
from ..integration.mirror import WINDOW, differences, wrong_links

COUNTS = {"customers": 50_000, "orders": 100_000, "products": 5_000}
SYNC_SECONDS_MAX = 1_800


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_large_shop_is_mirrored_exactly(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=3, **COUNTS)
    since = datetime.now(UTC) - WINDOW

    store = connect(login, shop)
    job = platform.wait_for_job(store["store_id"], within_seconds=SYNC_SECONDS_MAX)

    assert job["status"] == "completed", job["error_message"]
    assert job["records_created"] == platform.shop(shop)["visibleCounts"]
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert wrong_links(platform, store["store_id"]) == []
    assert broken(platform) == {}
