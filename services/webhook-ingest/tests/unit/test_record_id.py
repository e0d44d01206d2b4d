"""The id is found as a number or a gid, and nothing in a body makes the search fail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_ingest.domain.record_id import record_id


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        (b'{"id": 820982911946154508}', ("id",), "820982911946154508"),
        (b'{"id": "820982911946154508"}', ("id",), "820982911946154508"),
        (b'{"customerId": "gid://shopify/Customer/7"}', ("customerId",), "7"),
        (b'{"i": "gid://shopify/InventoryLevel/7?inventory_item_id=8"}', ("i",), "7"),
        (b'{"order_edit": {"id": 1, "order_id": 9}}', ("order_edit", "order_id"), "9"),
        (b'{"line_items": [{"id": 5}], "id": 6}', ("id",), "6"),
    ],
)
def test_id_is_text_however_it_is_written(body: bytes, path: tuple[str, ...], expected: str) -> None:
    assert record_id(body, path) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"not json",
        b'{"id": 1',
        b"{}",
        b'{"id": null}',
        b'{"id": true}',
        b'{"id": 1.5}',
        b'{"id": 0}',
        b'{"id": -7}',
        b'{"id": "../7"}',
        b'{"id": "gid://shopify/Order/7/8"}',
        b'{"id": {"id": 1}}',
        b'{"id": 99999999999999999999999999}',
        b'{"id": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b',"id":7',
    ],
)
def test_body_without_a_usable_id_gives_none(body: bytes) -> None:
    assert record_id(body, ("id",)) == ""


@given(st.binary(max_size=300))
def test_no_body_raises(body: bytes) -> None:
    assert record_id(body, ("order_edit", "order_id")) == ""


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_every_id_is_kept_digit_by_digit(number: int) -> None:
    assert record_id(json.dumps({"a": 1, "id": number}).encode(), ("id",)) == str(number)
