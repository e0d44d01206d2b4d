"""Deciding headers must be right; describing ones may be left out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_ingest.domain.headers import read_headers
from webhook_ingest.errors import Unauthenticated

GENUINE = {
    b"x-shopify-topic": b"orders/updated",
    b"x-shopify-hmac-sha256": b"c2lnbmF0dXJl",
    b"x-shopify-shop-domain": b"acme.myshopify.com",
    b"x-shopify-api-version": b"2026-10",
    b"x-shopify-webhook-id": b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    b"x-shopify-event-id": b"98880550-7158-44d4-b7cd-2c97c8a091b5",
    b"x-shopify-triggered-at": b"2026-11-22T10:00:00.123456789Z",
    b"content-type": b"application/json",
}


def test_genuine_headers_are_read() -> None:
    headers = read_headers(GENUINE.items())

    assert headers.topic == "orders/updated"
    assert headers.shop == "acme.myshopify.com"
    assert headers.signature == b"c2lnbmF0dXJl"
    assert headers.api_version == "2026-10"
    assert headers.webhook_id == "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    assert headers.event_id == "98880550-7158-44d4-b7cd-2c97c8a091b5"


def test_nine_fractional_digits_are_read_to_the_microsecond() -> None:
    headers = read_headers(GENUINE.items())

    assert headers.triggered_at == datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("name", [b"x-shopify-topic", b"x-shopify-shop-domain"])
@pytest.mark.parametrize("value", [b"", b"orders", b"a b/c", b"\xff\xfe", b"../etc", b"x" * 5000])
def test_odd_deciding_header_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(Unauthenticated):
        read_headers({**GENUINE, name: value}.items())


@pytest.mark.parametrize("name", [b"x-shopify-topic", b"x-shopify-shop-domain"])
def test_missing_deciding_header_is_refused(name: bytes) -> None:
    with pytest.raises(Unauthenticated):
        read_headers([(key, value) for key, value in GENUINE.items() if key != name])


@pytest.mark.parametrize(
    "shop",
    [
        b"acme.myshopify.com.evil.com",
        b"evil.com",
        b"-acme.myshopify.com",
        b"acme.myshopify.com\n",
        b"acme.myshopify.com/x",
        b"a.b.myshopify.com",
        b"acm\xc3\xa9.myshopify.com",
    ],
)
def test_shop_that_is_no_shop_domain_is_refused(shop: bytes) -> None:
    with pytest.raises(Unauthenticated):
        read_headers({**GENUINE, b"x-shopify-shop-domain": shop}.items())


def test_shop_is_lower_cased() -> None:
    headers = read_headers({**GENUINE, b"x-shopify-shop-domain": b"ACME.myshopify.com"}.items())

    assert headers.shop == "acme.myshopify.com"


def test_header_given_twice_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        read_headers([*GENUINE.items(), (b"x-shopify-shop-domain", b"other.myshopify.com")])


def test_headers_of_no_meaning_here_may_come_twice() -> None:
    headers = read_headers([*GENUINE.items(), (b"accept", b"a/b"), (b"accept", b"c/d")])

    assert headers == read_headers(GENUINE.items())


@pytest.mark.parametrize(
    "moment", [b"", b"yesterday", b"2026-11-22T10:00:00", b"0001-01-01T00:00:00+14:00", b"\xff", b"9" * 400]
)
def test_unreadable_triggered_at_is_left_out(moment: bytes) -> None:
    headers = read_headers({**GENUINE, b"x-shopify-triggered-at": moment}.items())

    assert headers.triggered_at is None


@pytest.mark.parametrize("odd", [b"", b"a b", b"\xff", b"x" * 101, b"line\nbreak"])
def test_odd_describing_header_is_left_out(odd: bytes) -> None:
    headers = read_headers({**GENUINE, b"x-shopify-webhook-id": odd, b"x-shopify-api-version": odd}.items())

    assert (headers.webhook_id, headers.api_version) == (None, None)


@given(st.dictionaries(st.sampled_from(sorted(GENUINE)), st.binary(max_size=60)))
def test_any_header_content_is_read_or_refused(changes: dict[bytes, bytes]) -> None:
    try:
        headers = read_headers({**GENUINE, **changes}.items())
    except Unauthenticated:
        return

    assert headers.topic.isascii()
    assert headers.shop.endswith(".myshopify.com")
