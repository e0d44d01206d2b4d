import pytest

from shopify_simulator.graphql.filters import read_filter
from shopify_simulator.graphql.search import SearchError

PAYLOAD = {
    "id": 42,
    "status": "active",
    "title": "Snow board",
    "note": None,
    "test": False,
    "updated_at": "2026-11-22T05:00:00-05:00",
    "customer": {"id": 7, "state": "enabled"},
    "variants": [{"price": "9.50", "sku": "A-1"}, {"price": "100.00", "sku": None}],
}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (None, True),
        (" ", True),
        ("id:*", True),
        ("note:*", False),
        ("invented:*", False),
        ("id:42", True),
        ("id:>41 AND id:<=42", True),
        ("id:>42", False),
        ("status:ACTIVE", True),
        ("status:draft OR title:'Snow board'", True),
        ("title:snow*", True),
        ("title:'snow*'", False),
        ("NOT status:active", False),
        ("-status:draft", True),
        ("test:false", True),
        ("customer.id:7 customer.state:enabled", True),
        ("customer:*", False),
        ("variants.price:>=100", True),
        ("variants.price:<9.5", False),
        ("variants.price:9.5", True),
        ("variants.sku:*", True),
        ("updated_at:>='2026-11-22T10:00:00Z'", True),
        ("updated_at:>'2026-11-22T10:00:00Z'", False),
        ("(status:draft OR status:active) AND id:42", True),
    ],
)
def test_payload_passes_a_filter_by_its_keys(text: str | None, passes: bool) -> None:
    assert read_filter(text)(PAYLOAD) is passes


@pytest.mark.parametrize("text", ["snowboard", "id:1 snowboard", "(id:1", "OR"])
def test_what_names_no_field_or_cannot_be_read_is_no_filter(text: str) -> None:
    with pytest.raises(SearchError):
        read_filter(text)
