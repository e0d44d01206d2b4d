"""One call to Shopify: what is logged of it, what it teaches, and how long-lived that is."""

import pytest
from structlog.testing import capture_logs

from shopify_fetcher import metrics
from shopify_fetcher.access.costs import FIRST_GUESS, CostBook
from shopify_fetcher.clients import shopify
from shopify_fetcher.domain.budget import QUERY_COST_MAX
from shopify_fetcher.errors import Malformed

from ..builders import Fetcher, MakeShop


async def test_every_call_is_logged_with_store_cost_status_and_times(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    session = await fetcher.session(installation_id)

    with capture_logs() as logs:
        await session.call("shop_details")

    [logged] = [entry for entry in logs if entry["event"] == "shopify_call"]
    assert logged["installation_id"] == installation_id
    assert (logged["operation"], logged["lane"], logged["status"]) == (
        "shop_details",
        "interactive",
        "answered",
    )
    assert logged["cost"] > 0
    assert logged["duration_ms"] > 0
    assert logged["wait_seconds"] >= 0
    assert shop.domain not in str(logged)


async def test_token_grants_and_bulk_files_are_logged_too(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()

    with capture_logs() as logs:
        installation_id = await fetcher.connect(shop)
        await fetcher.execute("UPDATE fetcher.credentials SET expires_at = clock_timestamp()")
        await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    operations = [entry["operation"] for entry in logs if entry["event"] == "shopify_call"]
    assert {"exchange_code", "refresh_token", "bulk_file", "bulk_run"} <= set(operations)


async def test_cost_of_a_query_is_known_to_the_next_process(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    """Every restart guessed the cost of a large page too low, and Shopify refused the call."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.stream(installation_id, "orders", mode="paged", lane="incremental")
    calls = (await shop.admin("/calls", method="GET"))["calls"]
    [page] = [call for call in calls if call["operation"] == "OrdersPage"]

    other = CostBook(replica.database)

    assert await other.guess("orders_page", {"first": 20}) >= page["cost"]
    assert await other.guess("orders_page", {"first": 40}) == 2 * await other.guess(
        "orders_page", {"first": 20}
    )
    assert await other.guess("orders_page", {"first": 250}) <= QUERY_COST_MAX
    assert await other.guess("never_asked", {}) == FIRST_GUESS


async def test_throttled_call_teaches_the_level_and_its_own_cost(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="CustomersCounts", effect="throttled")
    session = await fetcher.session(installation_id)

    await session.call("customers_counts", {"window": ""})

    [usage] = await fetcher.rows("SELECT sum(throttled) AS throttled FROM fetcher.api_usage")
    assert usage["throttled"] == 1


async def test_answer_by_another_version_is_reported_once_and_counted_each_time(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    session = await fetcher.session(installation_id)
    counter = metrics.version_mismatches.labels("2027-01")
    before = counter._value.get()
    await shop.http.patch("/_admin/api", json={"answers_as": "2027-01"})
    try:
        with capture_logs() as logs:
            for _ in range(3):
                await session.call("shop_details")
    finally:
        await shop.http.patch("/_admin/api", json={"answers_as": None})

    assert [entry["api_version"] for entry in logs if entry["event"] == "api_version_differs"] == ["2027-01"]
    assert counter._value.get() - before == 3


async def test_answer_that_is_too_large_is_not_read_to_its_end(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    monkeypatch.setattr(shopify, "ANSWER_BYTES_MAX", 100)

    with pytest.raises(Malformed, match="larger than allowed"):
        await (await fetcher.session(installation_id)).call("shop_details")


async def test_answer_that_drips_for_too_long_is_asked_for_again(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte came in time, so no limit of the connection ever ended the call."""
    monkeypatch.setattr(shopify, "CALL_SECONDS_MAX", 0.5)
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="ShopDetails", effect="drip", delay_seconds=20)
    asked = len(await shop.operations())

    await (await fetcher.session(installation_id)).call("shop_details")

    assert len(await shop.operations()) - asked == 2


async def test_shop_that_redirects_is_not_followed(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """The token is for this host alone."""
    shop, other = await make_shop(), await make_shop()
    installation_id = await fetcher.connect(shop)
    location = f"/shops/{other.domain}/admin/api/2026-10/graphql.json"
    await shop.fault(operation="ShopDetails", status=307, headers={"Location": location})

    await (await fetcher.session(installation_id)).call("shop_details")

    assert await other.operations() == []
