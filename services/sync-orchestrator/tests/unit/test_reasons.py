"""Error codes become words for the merchant."""

import pytest

from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.reasons import ON_OUR_SIDE, in_words

SHOPIFYS = (
    "access_denied", "bulk_failed", "protocol", "shop_gone", "shop_unavailable", "shop_unreachable", "stream_cut",
    "throttled",
)  # fmt: skip


@pytest.mark.parametrize("code", SHOPIFYS)
def test_what_goes_wrong_at_shopify_has_words_of_its_own(code: str) -> None:
    words = in_words(code, Resource.ORDERS)

    assert words != ON_OUR_SIDE
    assert words.endswith(".")
    assert "{" not in words


def test_resource_is_named_where_it_says_something() -> None:
    assert "the customers of this store" in in_words("access_denied", Resource.CUSTOMERS)


@pytest.mark.parametrize("code", ["internal", "bad_cursor", "unauthorized", "never_heard_of"])
def test_what_no_merchant_can_change_is_ours(code: str) -> None:
    assert in_words(code, Resource.ORDERS) == ON_OUR_SIDE
