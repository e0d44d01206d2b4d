"""Orders older than Shopify shows: none is lost when time passes, and all come when the merchant allows it."""

from collections.abc import Callable

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.contracts.resources import Resource

from ..invariants import broken
from ..mirror import differences
from .checked_store import CheckedStore

AGED = 500
AGING_DAYS = 61
SCOPES = "read_customers,read_orders,read_products"


@pytest.mark.timeout(300)
async def test_orders_that_age_out_of_the_window_are_not_lost(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=4, customers=60, orders=AGED + 300, products=10)
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
        assert hidden == AGED
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


@pytest.mark.timeout(300)
async def test_whole_history_comes_beside_the_syncs_once_the_merchant_allows_it(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=8, customers=60, orders=500, products=10)
    store = connect(login, shop)
    with Browser() as browser:
        platform.log_in(browser, login)
        checked = CheckedStore(platform, browser, login, shop, store)
        first = platform.wait_for_job(checked.store_id)
        counts = platform.shop(shop)
        assert first["records_created"]["orders"] == counts["visibleCounts"]["orders"]
        assert counts["visibleCounts"]["orders"] < counts["counts"]["orders"]

        request_history(checked)
        backfill = history_read(checked)

        assert backfill["records_failed"] == {"orders": 0}
        assert orders_alive(checked) == counts["counts"]["orders"]
        assert differences(platform, shop, checked.store_id, orders_since=None) == []
        checked.checked_after(backfill)
        assert checked.proof(Resource.ORDERS)["shopify_count"] == counts["counts"]["orders"]
        assert checked.proof(Resource.ORDERS)["equal"]
        page = browser.open(checked.page)
        assert "Limited History" not in page.html
        assert "Full order history" in page.html
        assert broken(platform) == {}


def request_history(checked: CheckedStore) -> None:
    """Ask for historical access and agree to the wider scope at Shopify."""
    page = checked.browser.open(checked.page)
    page = checked.browser.submit(
        page.form(button="Request Historical Access"), button="Request Historical Access"
    )
    assert "/admin/oauth/authorize" in page.url
    assert "read_all_orders" in page.url
    page = checked.browser.submit(page.form(button="Update"), button="Update")
    assert page.status == 200


def history_read(checked: CheckedStore) -> Row:
    """Return the backfill once it has ended well."""

    def ended() -> Row | None:
        found = [job for job in checked.platform.jobs(checked.store_id) if job["job_type"] == "backfill"]
        return found[0] if found and found[0]["status"] not in {"pending", "running"} else None

    job = eventually(ended, within_seconds=90, what="the order history was read", interval_seconds=0.3)
    assert job["status"] == "completed", job["error_message"]
    return job
