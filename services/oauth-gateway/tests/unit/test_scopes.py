"""What the merchant's permissions allow, in words."""

import pytest

from oauth_gateway.domain.scopes import missing_words, not_synced_words, unreadable
from sync_common.contracts.resources import Resource


@pytest.mark.parametrize(
    ("scopes", "resources"),
    [
        (("read_customers", "read_orders", "read_products"), ()),
        (("write_customers", "write_orders", "write_products"), ()),
        (("read_customers", "read_all_orders", "read_products"), (Resource.ORDERS,)),
        ((), tuple(Resource)),
    ],
)
def test_unreadable_resources_follow_from_the_scopes(
    scopes: tuple[str, ...], resources: tuple[Resource, ...]
) -> None:
    assert unreadable(scopes) == resources


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([Resource.ORDERS], "Orders are not synced: the app may not read them."),
        (
            [Resource.CUSTOMERS, Resource.ORDERS],
            "Customers and orders are not synced: the app may not read them.",
        ),
        (list(Resource), "Customers, orders, and products are not synced: the app may not read them."),
    ],
)
def test_what_is_not_synced_is_said_in_one_sentence(resources: list[Resource], words: str) -> None:
    assert not_synced_words(resources) == words


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["read_orders"], "no permission to read orders. Start again and allow all."),
        (["read_inventory", "read_orders"], "no permission to read orders and inventory."),
        ([], "needs permission to read customers, orders, and products."),
        (["read_orders", "read_something_new"], "needs permission to read customers, orders, and products."),
    ],
)
def test_missing_permissions_are_named_in_a_merchants_words(missing: list[str], words: str) -> None:
    assert words in missing_words(missing)
    assert "read_" not in missing_words(missing)
