"""Single values: one canonical form whichever way Shopify wrote them."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record_writer.domain import values
from record_writer.errors import InvalidRecord


@pytest.mark.parametrize("written", ["25", "25.0", "25.00", "2.5E+1", "25.000000"])
def test_money_is_the_same_however_it_is_written(written):
    assert str(values.money(Decimal(written), "f")) == "25.00"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("1.234", "1.234"), ("0.00001", "0.00"), ("1e-999999999999", "0.00"), ("-3.5", "-3.50")],
)
def test_money_keeps_up_to_four_decimals(written, kept):
    assert str(values.money(Decimal(written), "f")) == kept


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e16", "-1e40", "1e999999999999"])
def test_money_that_no_column_holds_is_refused(written):
    with pytest.raises(InvalidRecord, match=r"^orders\.total_price: "):
        values.money(Decimal(written), "orders.total_price")


@pytest.mark.parametrize("written", ["1,00", "", "Ada", "NaN", "1e16"])
def test_amount_that_is_none_is_refused_by_field_and_not_quoted(written):
    for _ in range(2):  # the second answer comes from memory
        with pytest.raises(InvalidRecord, match=r"^orders\.total_price: ") as raised:
            values.amount(written, "orders.total_price")
        assert "Ada" not in str(raised.value)


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=4))
def test_amount_of_graphql_is_the_money_of_webhooks(amount):
    assert str(values.amount(str(amount), "f")) == str(values.money(amount, "f"))


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=4))
def test_money_never_changes_the_amount(amount):
    assert values.money(amount, "f") == amount


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (7, "7"),
        ("7", "7"),
        ("gid://shopify/Order/7", "7"),
        ("gid://shopify/MailingAddress/7?model_name=X", "7"),
        ("gid://shopify/MailingAddress/7?model_name=X/9", "7"),
    ],
)
def test_identifier_is_shopifys_number(raw, number):
    assert values.identifier(raw, "f") == number


@pytest.mark.parametrize("raw", ["", "abc", "gid://shopify/Order/", "７", "1" * 50, None])
def test_what_holds_no_number_is_no_identifier(raw):
    with pytest.raises(InvalidRecord):
        values.identifier(raw, "orders.id")


def test_tags_are_equal_whether_joined_or_listed():
    assert values.tags("vip, b2b,  vip,", "f") == values.tags(["b2b", "vip"], "f") == ["b2b", "vip"]


def test_text_that_no_index_holds_is_refused_without_quoting_it():
    with pytest.raises(InvalidRecord) as raised:
        values.short_text("secret@example.com" * 100, "customers.email")

    assert "secret" not in str(raised.value)
    assert "1800 characters" in str(raised.value)


def test_times_are_instants_and_need_an_offset():
    eastern = datetime.fromisoformat("2026-01-01T00:00:00-05:00")

    assert values.instant(eastern, "f") == datetime(2026, 1, 1, 5, tzinfo=UTC)
    with pytest.raises(InvalidRecord):
        values.instant(datetime(2026, 1, 1), "f")  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (rb'"a\ud83db"', "a\ufffdb"),
        (rb'"\ude00"', "\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\u0000"', "\\u0000"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
    ],
)
def test_what_postgresql_cannot_store_becomes_the_replacement_character(body, text):
    assert json.loads(values.storable(body)) == text


@given(st.text())
def test_storable_text_stays_as_it_is(text):
    body = json.dumps(text.replace("\0", "")).encode()

    assert values.storable(body) == body
