"""A merchant takes a permission away: that resource waits, the others go on; given back, it catches up."""

from collections.abc import Callable

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login

from ..invariants import broken

WARNING = "Orders are not synced: the app may not read them."


@pytest.mark.timeout(300)
async def test_permission_that_is_taken_away_and_given_back(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=8, customers=20, orders=20, products=5)
    store = connect(login, shop)
    first = platform.wait_for_job(store["store_id"])
    shopify_page = f"/advertisers/{login.slug}/integrations/shopify"

    platform.simulator(
        "POST", f"/shops/{shop}/scopes", {"scopes": ["read_customers", "read_products", "read_inventory"]}
    )
    eventually(
        lambda: "read_orders" not in scopes_of(platform, shop), within_seconds=30, what="the scopes are known"
    )
    with Browser() as browser:
        platform.log_in(browser, login)
        page = browser.open(shopify_page)
        assert WARNING in page.html
        browser.submit(page.form(button="Sync Now"), button="Sync Now")
        without = platform.wait_for_job(store["store_id"], after=first["job_id"])
        details = browser.open(f"{shopify_page}/syncs/{without['job_id']}")
        page = browser.open(f"{shopify_page}/connect?shop={shop}")
        page = browser.submit(page.form(action="/connect"))
        browser.submit(page.form(button="Update"), button="Update")
        given_back = platform.wait_for_job(store["store_id"], after=without["job_id"])
        healed = browser.open(shopify_page)

    assert (without["status"], without["error_message"]) == ("completed", None)
    assert {part["resource"]: (part["state"], part["skip_reason"]) for part in without["parts"]} == {
        "customers": ("done", None),
        "orders": ("skipped", "scope_missing"),
        "products": ("done", None),
    }
    assert "Skipped. The app may not read them." in details.html
    assert given_back["status"] == "completed", given_back["error_message"]
    assert {part["state"] for part in given_back["parts"]} == {"done"}
    assert WARNING not in healed.html
    assert broken(platform) == {}


def scopes_of(platform: Platform, shop: str) -> list[str]:
    """Return the scopes that the fetcher publishes for a shop."""
    [row] = platform.rows("SELECT access_scopes FROM fetcher.installations_v1 WHERE shop_domain = %s", shop)
    scopes: list[str] = row["access_scopes"]
    return scopes
