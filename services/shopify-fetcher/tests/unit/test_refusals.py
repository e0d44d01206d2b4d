"""Answers of Shopify's that are refusals: how long to wait, and what to make of each status."""

import httpx
import pytest

from shopify_fetcher.clients.answers import refuse_status
from shopify_fetcher.errors import (
    AccessDenied,
    FetcherError,
    Malformed,
    ShopGone,
    ShopUnavailable,
    Throttled,
    TokenRefused,
    Transient,
)

NOW = "Thu, 26 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 1.0),
        ("2", 2.0),
        ("2.5", 2.5),
        ("99999", 60.0),
        ("inf", 60.0),
        ("0", 1.0),
        ("-1", 1.0),
        ("nan", 1.0),
        ("soon", 1.0),
        ("", 1.0),
        ("Thu, 26 Nov 2026 12:00:30 GMT", 30.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 1.0),
        ("Fri, 26 Nov 2027 12:00:00 GMT", 60.0),
    ],
)
def test_wait_after_429_is_what_was_told_within_bounds(retry_after: str | None, seconds: float) -> None:
    headers = {"Date": NOW} if retry_after is None else {"Date": NOW, "Retry-After": retry_after}

    with pytest.raises(Throttled) as refused:
        refuse_status(httpx.Response(429, headers=headers), b"")

    assert refused.value.resume_in == seconds


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Transient),
        (400, Malformed),
        (401, TokenRefused),
        (402, ShopUnavailable),
        (403, AccessDenied),
        (404, ShopGone),
        (423, ShopUnavailable),
        (430, Throttled),
        (500, Transient),
        (520, Transient),
    ],
)
def test_status_is_named_for_the_reaction(status: int, error: type[FetcherError]) -> None:
    with pytest.raises(error):
        refuse_status(httpx.Response(status), b"")


def test_success_is_no_refusal() -> None:
    refuse_status(httpx.Response(200), b"")
