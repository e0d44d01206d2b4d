"""Small rules: shop names, scopes, searches, cursors, clocks, subscriptions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.clock import offset_to_shopify
from shopify_fetcher.domain.cursor import FullCursor, PageCursor, Piece
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.shop import missing_scopes, orders_surely_seen_from, shop_domain
from shopify_fetcher.domain.slices import IdRange, split
from shopify_fetcher.domain.subscriptions import Subscription, repair, wanted_topics
from shopify_fetcher.errors import BadCursor, ShopNameRefused
from sync_common.contracts.resources import Resource

ranges = st.builds(IdRange, first=st.none() | st.integers(0, 2**63), last=st.none() | st.integers(0, 2**63))
NOW = datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "acme",
        "acme.myshopify.com\n",
        "a.b.myshopify.com",
        "acme.myshopify.com.evil.org",
        "-a.myshopify.com",
        "a/../b.myshopify.com",
        "acme.myshopify.com:80",
    ],
)
def test_name_that_is_no_shop_is_refused(name: str) -> None:
    with pytest.raises(ShopNameRefused):
        shop_domain(name)


def test_shop_name_is_lower_cased() -> None:
    assert shop_domain("Acme-1.MyShopify.com") == "acme-1.myshopify.com"


def test_write_scope_implies_its_read_and_unapproved_scopes_are_optional() -> None:
    wanted = ("read_customers", "read_orders", "read_all_orders")

    assert missing_scopes(wanted, ("write_customers", "read_orders")) == []
    assert missing_scopes(wanted, ("read_orders",)) == ["read_customers"]


def test_orders_are_surely_seen_for_sixty_days_less_an_hour() -> None:
    assert orders_surely_seen_from(NOW) == NOW - timedelta(days=59, hours=23)


def test_times_are_quoted_and_products_of_every_status_are_asked_for() -> None:
    window = Window(updated_since=NOW, until=NOW + timedelta(hours=1))

    assert window.search(Resource.ORDERS) == (
        "updated_at:>='2026-11-22T10:00:00Z' AND updated_at:<='2026-11-22T11:00:00Z'"
    )
    assert window.search(Resource.PRODUCTS).startswith(
        "status:active,archived,draft,unlisted AND updated_at:>='"
    )


@pytest.mark.parametrize(
    ("updated_at", "is_covered"),
    [("2026-11-22T09:59:59Z", False), ("2026-11-22T10:00:00Z", True), ("2026-11-22T05:00:01-05:00", True)],
)
def test_records_before_the_window_are_left_out(updated_at: str, is_covered: bool) -> None:
    assert Window(updated_since=NOW).covers({"updatedAt": updated_at}) is is_covered


@pytest.mark.parametrize(
    ("created_at", "is_covered"),
    [
        ("2026-11-22T09:59:59Z", False),
        ("2026-11-22T10:00:00Z", True),
        ("2026-11-22T11:00:00Z", True),
        ("2026-11-22T06:00:00-05:00", True),
        ("2026-11-22T11:00:01Z", False),
    ],
)
def test_records_created_outside_the_window_are_left_out(created_at: str, is_covered: bool) -> None:
    window = Window(created_since=NOW, created_until=NOW + timedelta(hours=1))

    assert window.covers({"createdAt": created_at}) is is_covered


def test_creation_has_another_name_in_the_list_of_customers_than_in_their_count() -> None:
    window = Window(created_since=NOW, created_until=NOW + timedelta(hours=1), ids=IdRange(5))
    lists = {resource: window.search(resource) for resource in Resource}
    counts = {resource: window.count_search(resource) for resource in Resource}

    wanted = "created_at:>='2026-11-22T10:00:00Z' AND created_at:<='2026-11-22T11:00:00Z' AND id:>=5"
    assert counts[Resource.CUSTOMERS] == counts[Resource.ORDERS] == lists[Resource.ORDERS] == wanted
    assert lists[Resource.CUSTOMERS] == wanted.replace("created_at", "customer_date")
    assert lists[Resource.PRODUCTS] == counts[Resource.PRODUCTS]
    assert lists[Resource.PRODUCTS].endswith(wanted)


@given(
    st.one_of(
        st.builds(
            FullCursor,
            began=st.datetimes(timezones=st.just(UTC)),
            left=st.lists(st.builds(Piece, ids=ranges, by_pages=st.booleans())).map(tuple),
            read=st.integers(0, 10**9),
            objects=st.none() | st.integers(0, 10**9),
            gid=st.none() | st.text(),
            emitted=st.integers(0, 10**9),
        ),
        st.builds(
            PageCursor,
            after=st.none() | st.text(),
            until=st.datetimes(timezones=st.just(UTC)),
            emitted=st.integers(0, 10**9),
            since=st.none() | st.datetimes(timezones=st.just(UTC)),
            listed=st.integers(0, 10**9),
        ),
    )
)
def test_cursor_survives_the_round_trip(cursor: cursors.Cursor) -> None:
    assert cursors.decode(cursors.encode(cursor)) == cursor


@given(st.text())
def test_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(text)


@given(st.floats(-600, 600), st.floats(0, 5), st.floats(0, 5))
def test_offset_brings_our_clock_to_shopifys_within_the_precision_of_the_header(
    skew: float, there: float, back: float
) -> None:
    sent = NOW
    received = sent + timedelta(seconds=there + back)
    date = (sent + timedelta(seconds=skew + there)).replace(microsecond=0)

    offset = offset_to_shopify(sent, received, date).total_seconds()

    assert abs(offset) <= abs(skew) + 1e-6
    assert abs(offset - skew) <= there + back + 1 + 1e-6


def test_equal_clocks_are_left_alone() -> None:
    assert offset_to_shopify(NOW, NOW + timedelta(milliseconds=200), NOW.replace(microsecond=0)) == timedelta(
        0
    )


def test_wanted_topics_follow_the_scopes_and_leave_compliance_out() -> None:
    topics = wanted_topics(("read_orders",))

    assert "ORDERS_UPDATED" in topics
    assert "APP_UNINSTALLED" in topics
    assert not {"CUSTOMERS_CREATE", "CUSTOMERS_REDACT", "SHOP_REDACT"} & topics


def test_wrong_address_is_replaced_and_doubles_are_deleted() -> None:
    existing = [
        Subscription("1", "ORDERS_CREATE", "https://here"),
        Subscription("2", "ORDERS_CREATE", "https://here"),
        Subscription("3", "ORDERS_UPDATED", "https://elsewhere"),
        Subscription("4", "UNWANTED", "https://here"),
    ]

    plan = repair(existing, {"ORDERS_CREATE", "ORDERS_UPDATED"}, "https://here")

    assert plan.create == ("ORDERS_UPDATED",)
    assert [subscription.gid for subscription in plan.delete] == ["2", "3", "4"]


@given(st.integers(0, 2**60), st.integers(0, 10**9), st.integers(1, 20))
def test_slices_cover_every_id_once(first: int, width: int, parts: int) -> None:
    slices = split(IdRange(first, first + width), parts)

    assert len(slices) <= parts
    assert (slices[0].first, slices[-1].last) == (first, first + width)
    for before, after in pairwise(slices):
        assert before.last is not None
        assert after.first == before.last + 1


def test_range_of_ids_is_written_into_the_search() -> None:
    assert Window(ids=IdRange(5, 9)).search(Resource.CUSTOMERS) == "id:>=5 AND id:<=9"
    assert Window(ids=IdRange(5).starting(10)).search(Resource.ORDERS) == "id:>=10"
