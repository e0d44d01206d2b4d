"""Orders older than Shopify shows: none is lost when time passes, and all come when the merchant allows it."""

from collections.abc import Callable

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row
from local_stack.stack import Login
from sync_common.contracts.resources import Resource

from ..invariants import broken
from .checked_store import CheckedStore

AGED = 500
AGING_DAYS = 61
SCOPES = "read_customers,read_orders,read_products"


@pytest.mark.timeout(300)
async def test_orders_that_age_out_of_the_window_are_not_lost(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=4, customers=60, orders=AGED + 100, products=10)
    store = connect(login, shop)
    with Browser() as browser:
        platform.log_in(browser, login)
        checked = CheckedStore(platform, browser, login, shop, store)
        platform.wait_for_job(checked.store_id)
        checked.checked()
        seen = platform.shop(shop)["visibleCounts"]["orders"]
        assert orders_alive(checked) == seen

        let_time_pass(checked)
        hidden = seen - platform.shop(shop)["visibleCounts"]["orders"]
        assert hidden >= AGED - 100
        checked.press("settings", "Full sync")
        checked.checked()

        assert orders_alive(checked) == seen
        assert checked.proof(Resource.ORDERS)["surplus"] == 0
        assert checked.proof(Resource.ORDERS)["equal"]
        assert platform.rows("SELECT * FROM sync.deletions WHERE store_id = %s", checked.store_id) == []
        assert broken(platform) == {}


def orders_alive(checked: CheckedStore) -> int:
    (row,) = checked.platform.rows(
        "SELECT count(*) AS orders FROM records.orders WHERE source_id = %s AND deleted_at IS NULL",
        checked.store_id,
    )
    return int(row["orders"])


def let_time_pass(checked: CheckedStore) -> None:
    """Let orders grow older by two months, at Shopify and, as they would with time, here."""
    aged = checked.platform.simulator(
        "POST", f"/shops/{checked.domain}/age-orders", {"orders": AGED, "days": AGING_DAYS}
    )["aged"]
    numbers = [str(one).rpartition("/")[2] for one in aged]
    checked.platform.rows(
        "UPDATE records.orders SET created_at_source = created_at_source - make_interval(days => %s)"
        " WHERE source_id = %s AND external_id = ANY (%s) RETURNING id",
        AGING_DAYS,
        checked.store_id,
        numbers,
    )
