"""A merchant installs the app from Shopify, before anybody here knows them: consent, log-in, choice, first sync."""

from collections.abc import Callable

import pytest

from local_stack.browser import Browser, Page
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import OAUTH_GATEWAY

from ..invariants import broken


def install(platform: Platform, browser: Browser, shop: str) -> Page:
    """Open the app from the shop's admin and agree."""
    app_url = f"{platform.stack.url(OAUTH_GATEWAY)}/auth/shopify"
    page = browser.open(
        platform.simulator("POST", f"/shops/{shop}/install-link", {"app_url": app_url})["url"]
    )
    if "/admin/oauth/authorize" in page.url:
        page = browser.submit(page.form(button="Install"), button="Install")
    return page


@pytest.mark.timeout(300)
async def test_install_from_shopify_ends_in_a_mirrored_store(
    platform: Platform, login: Login, shop: str
) -> None:
    platform.create_shop(shop, seed=5, customers=40, orders=60, products=10)

    with Browser() as browser:
        page = install(platform, browser, shop)
        assert "/login?next=/install" in page.url
        assert (
            platform.rows(
                "SELECT * FROM fetcher.connections c JOIN fetcher.installations i"
                " ON i.id = c.installation_id WHERE i.shop_domain = %s",
                shop,
            )
            == []
        )
        page = browser.submit(page.form(action="/login"), email=login.email, password=login.password)
        assert shop in page.html
        page = browser.submit(page.form(action="/install"), button="Connect store")
        assert "Shopify store connected! Initial sync in progress..." in page.html
        store = eventually(
            lambda: platform.store(shop, login.slug), within_seconds=10, what="the store exists"
        )
        job = platform.wait_for_job(store["store_id"])
        reopened = install(platform, browser, shop)

    assert job["status"] == "completed", job["error_message"]
    counts = platform.shop(shop)["visibleCounts"]
    assert job["records_created"] == {resource: counts[resource] for resource in Resource}
    assert reopened.url.endswith(f"/advertisers/{login.slug}/integrations/shopify")
    assert broken(platform) == {}


async def test_second_advertiser_installs_a_shop_that_is_connected_already(
    platform: Platform,
    login: Login,
    new_login: Callable[[], Login],
    shop: str,
    connect: Callable[[Login, str], Row],
) -> None:
    platform.create_shop(shop, seed=6, customers=20, orders=20, products=5)
    first = connect(login, shop)
    platform.wait_for_job(first["store_id"])
    other = new_login()

    with Browser() as browser:
        platform.log_in(browser, other)
        page = install(platform, browser, shop)
        browser.submit(page.form(action="/install"), button="Connect store")
    second = eventually(lambda: platform.store(shop, other.slug), within_seconds=10, what="the store exists")
    job = platform.wait_for_job(second["store_id"])

    assert job["status"] == "completed", job["error_message"]
    statuses = platform.rows(
        "SELECT DISTINCT status FROM fetcher.installations_v1 WHERE shop_domain = %s", shop
    )
    assert statuses == [{"status": "connected"}]
    assert broken(platform) == {}
