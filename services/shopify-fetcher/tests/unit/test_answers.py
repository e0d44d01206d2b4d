"""Data beside errors: what may not be read is absent, never null."""

from typing import Any

import pytest

from shopify_fetcher.domain.answers import Path, without_refused


def page() -> dict[str, Any]:
    record = {
        "id": "gid://shopify/Customer/1",
        "email": None,
        "addressesV2": {"nodes": [{"id": "a", "zip": None}]},
    }
    return {"customers": {"nodes": [record, None]}}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (["customers", "nodes", 0, "email"], {"id", "addressesV2"}),
        (["customers", "nodes", 0, "addressesV2", "nodes", 0, "zip"], {"id", "email"}),
        (["customers", "nodes", 0, "unknown"], {"id", "email", "addressesV2"}),
        (["customers", "nodes", 1, "email"], {"id", "addressesV2"}),
        (["customers", "nodes", 7, "email"], {"id", "addressesV2"}),
        (["orders", "nodes", 0, "email"], {"id", "email", "addressesV2"}),
        ([], {"id", "email", "addressesV2"}),
    ],
)
def test_refused_field_is_taken_out_of_its_record(path: Path, left: set[str]) -> None:
    data = without_refused(page(), [path])

    assert set(data["customers"]["nodes"][0]) == left


@pytest.mark.parametrize(
    ("field", "path", "left"),
    [
        ("firstName", ["firstName"], [{"id"}, {"id"}, {"id", "firstName"}]),
        ("email", ["email", "address"], [{"id"}, {"id"}, {"id", "email"}]),
        ("lists", ["lists"], [{"id"}, {"id"}, {"id", "lists"}]),
        ("lists", ["lists", "nodes", 0, "zip"], [{"id"}, {"id"}, {"id", "lists"}]),
    ],
)
def test_refusal_that_names_one_record_holds_for_its_neighbours_where_nothing_is_there(
    field: str, path: Path, left: list[set[str]]
) -> None:
    """Shopify may say once that a field is refused; the nulls of all other records then erased what was stored."""
    empty: Any = {"firstName": None, "email": {"address": None}, "lists": {"nodes": []}}
    given: Any = {"firstName": "Ada", "email": {"address": "a@b.c"}, "lists": {"nodes": [{"zip": "1"}]}}
    records = [{"id": number, field: found[field]} for number, found in enumerate((empty, empty, given))]

    data = without_refused({"customers": {"nodes": records}}, [["customers", "nodes", 0, *path]])

    assert [set(record) for record in data["customers"]["nodes"]] == left
