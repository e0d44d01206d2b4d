from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_simulator.graphql.search import VOCABULARIES, Search, SearchError, parse_search

NEW_YORK = ZoneInfo("America/New_York")
RECORD = {
    "id": "gid://shopify/Order/42",
    "createdAt": "2026-11-01T08:00:00Z",
    "updatedAt": "2026-11-22T10:00:00Z",
    "processedAt": "2026-10-01T00:00:00Z",
    "cancelledAt": None,
    "closedAt": None,
    "tags": ["VIP"],
    "test": False,
    "name": "#1001",
}


def orders(text: str) -> Search:
    return parse_search(text, VOCABULARIES["orders"], NEW_YORK)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("updated_at:>='2026-11-22T10:00:00Z'", True),
        ("updated_at:>='2026-11-22T10:00:01Z'", False),
        ("updated_at:<='2026-11-22T09:59:59Z'", False),
        ("updated_at:'2026-11-22T10:00:00Z'", True),
        ('updated_at:>="2026-11-22T10:00:00Z"', True),
        ("updated_at:>='2026-11-22T05:00:00-05:00'", True),
        ("updated_at:>='2026-11-22T05:00:01-05:00'", False),
        ("updated_at:>='2026-11-22T05:00:00'", True),
        ("updated_at:>='2026-11-22T10:00:00.500Z'", False),
        ("id:42", True),
        ("id:>41 AND id:<43", True),
        ("id:>=43", False),
        ("id:<42", False),
        ("id:<=42", True),
        ("id:<0", False),
        ("id:<='99999999999999999999999'", True),
        ("id:>99999999999999999999999", False),
        ("status:open", True),
        ("status:closed", False),
        ("status:any", True),
        ("tag:vip", True),
        ("NOT tag:vip", False),
        ("-tag:vip", False),
        ("status:closed OR id:42", True),
        ("status:closed OR id:42 AND tag:none", False),
        ("(status:closed OR id:42) AND tag:vip", True),
        ("created_at:>='2026-11-01T00:00:00Z' updated_at:<'2026-11-22T00:00:00Z'", False),
        ("processed_at:<'2026-11-01T00:00:00Z'", True),
        ("updated_at:<'9999-12-31'", True),
        ("updated_at:<'9999-12-31T23:59:59-12:00'", True),
        ("updated_at:>'9999-12-31'", False),
        ("updated_at:>='0001-01-01'", True),
        ("updated_at:>='0001-01-01T00:00:00+14:00'", True),
        ("updated_at:<'0004-02-29'", False),
        ("#1001", True),
        ("#1002", False),
    ],
)
def test_search_matches_as_documented(text: str, matches: bool) -> None:
    assert orders(text).matches(RECORD) is matches


@pytest.mark.parametrize(
    "text", ["updated_at:>2026-11-22T23:00:00Z", "updated_at:>='2026-11-22'", "updated_at:2026-11-22"]
)
def test_time_without_quotes_means_the_whole_day_of_the_shop(text: str) -> None:
    first_of_day, before_it = "2026-11-22T05:00:00Z", "2026-11-22T04:59:59Z"

    search = orders(text)

    assert search.matches({**RECORD, "updatedAt": first_of_day})
    assert not search.matches({**RECORD, "updatedAt": before_it})


def test_upper_bound_without_quotes_reaches_the_end_of_the_day() -> None:
    search = orders("updated_at:<2026-11-22T00:00:00Z")

    assert search.matches({**RECORD, "updatedAt": "2026-11-23T04:59:59Z"})
    assert not search.matches({**RECORD, "updatedAt": "2026-11-23T05:00:00Z"})


@pytest.mark.parametrize("text", ["updated_at:>'2026-11-22T10:00:00Z'", "updated_at:<'2026-11-22T10:00:00Z'"])
def test_open_bounds_act_as_closed_ones(text: str) -> None:
    assert orders(text).matches(RECORD)


def test_unknown_field_is_ignored_and_named() -> None:
    search = orders("colour:red AND id:42")

    assert search.matches(RECORD)
    assert search.ignored == ("colour",)


@pytest.mark.parametrize("text", ["(id:1", "id:1)", "AND", "id:1 OR"])
def test_unreadable_search_is_refused(text: str) -> None:
    with pytest.raises(SearchError):
        orders(text)


def test_bounds_of_a_conjunction_are_known() -> None:
    search = orders(
        "updated_at:>='2026-11-22T10:00:00Z' AND updated_at:<'2026-11-22T11:00:00Z' AND status:any"
    )

    assert search.bound("updatedAt") == ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z")


def test_bounds_of_ids_are_those_of_their_index() -> None:
    low, high = orders("id:>=5 AND id:<43 AND status:any").bound("legacyResourceId")

    assert (low, high) == ("5".zfill(20), "42".zfill(20))


@pytest.mark.parametrize(
    ("of", "text", "ignored"),
    [
        ("customers", "customer_date:>='2026-11-02T00:00:00Z'", ()),
        ("customers", "created_at:>='2026-11-02T00:00:00Z'", ("created_at",)),
        ("customersCount", "created_at:>='2026-11-02T00:00:00Z'", ()),
        ("customersCount", "customer_date:>='2026-11-02T00:00:00Z'", ("customer_date",)),
        ("ordersCount", "created_at:>='2026-11-02T00:00:00Z'", ()),
    ],
)
def test_lists_and_counts_of_customers_know_other_words(of: str, text: str, ignored: tuple[str, ...]) -> None:
    search = parse_search(text, VOCABULARIES[of], NEW_YORK)

    assert search.ignored == ignored
    assert search.matches(RECORD) is bool(ignored)


def test_bounds_of_an_alternative_are_not_used() -> None:
    search = orders("updated_at:>='2026-11-22T10:00:00Z' OR id:42")

    assert search.bounds == {}


@given(st.text(alphabet="id:<>=' \"()-ANDORT2026updated_at", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        search = orders(text)
    except SearchError:
        return

    assert search.matches(RECORD) in (True, False)
