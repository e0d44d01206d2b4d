"""The mirror is compared with Shopify: whatever was lost on the way is found, repaired, and shown with its count."""

from collections.abc import Callable

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row
from local_stack.stack import Login
from sync_common.contracts.resources import Resource

from ..invariants import broken
from .checked_store import CheckedStore


@pytest.mark.timeout(400)
async def test_whatever_was_lost_is_found_repaired_and_shown(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=9, customers=150, orders=200, products=40)
    cut_file = {"path": "/bulk/", "effect": "truncate_lines", "times": 1}
    platform.simulator("POST", f"/shops/{shop}/faults", [cut_file])
    store = connect(login, shop)
    with Browser() as browser:
        platform.log_in(browser, login)
        checked = CheckedStore(platform, browser, login, shop, store)
        first = platform.wait_for_job(checked.store_id)
        assert first["status"] == "completed", first["error_message"]
        a_cut_file_closed_no_books(checked, first)

        checked.checked()
        all_are_equal(checked)

        lost_creations_and_deletions_come_back(checked)
        records_of_a_lost_page_come_back(checked)
        lost_changes_are_counted_by_the_next_full_sync(checked)

        assert checked.wrong() == []
        assert broken(platform) == {}


def a_cut_file_closed_no_books(checked: CheckedStore, first: Row) -> None:
    """The file that was cut has been read again: the books hold what Shopify counted."""
    counts = checked.platform.shop(checked.domain)["visibleCounts"]
    assert {part["resource"]: part["read_count"] for part in first["parts"]} == counts
    assert first["records_created"] == counts
    assert all(part["object_count"] >= part["read_count"] for part in first["parts"])


def all_are_equal(checked: CheckedStore) -> None:
    counts = checked.platform.shop(checked.domain)["visibleCounts"]
    for resource in Resource:
        assert checked.found(resource) == {
            "missing": 0,
            "surplus": 0,
            "repaired": 0,
            "lost_changes": None,
            "equal": True,
        }
    assert checked.proof(Resource.CUSTOMERS)["shopify_count"] == counts["customers"]
    page = checked.browser.open(checked.page)
    assert f"{counts['customers']} of {counts['customers']} customers" in page.html


def lost_creations_and_deletions_come_back(checked: CheckedStore) -> None:
    gone = checked.number_of(Resource.PRODUCTS, 5)
    checked.lose(
        {"kind": "customer.create"},
        {"kind": "order.create"},
        {"kind": "order.create"},
        {"kind": "product.delete", "id": gone},
    )
    checked.check_now()

    assert checked.proof(Resource.CUSTOMERS)["missing"] >= 1
    assert checked.proof(Resource.ORDERS)["missing"] == 2
    assert checked.proof(Resource.PRODUCTS)["surplus"] == 1
    for resource in Resource:
        proof = checked.proof(resource)
        assert proof["equal"]
        assert proof["repaired"] == proof["missing"] + proof["surplus"]


def records_of_a_lost_page_come_back(checked: CheckedStore) -> None:
    """An incremental sync whose page silently lacks its records ends well; the check finds them nevertheless."""
    checked.lose({"kind": "product.create"}, {"kind": "product.create"})
    lost_page = {"operation": "ProductsPage", "effect": "missing_nodes", "nodes": 250, "times": 1}
    checked.platform.simulator("POST", f"/shops/{checked.domain}/faults", [lost_page])
    job = checked.synced()
    assert (job["status"], job["records_processed"]["products"]) == ("completed", 0)

    checked.check_now()

    found = checked.found(Resource.PRODUCTS)
    assert (found["missing"], found["repaired"], found["equal"]) == (2, 2, True)


def lost_changes_are_counted_by_the_next_full_sync(checked: CheckedStore) -> None:
    numbers = [checked.number_of(Resource.CUSTOMERS, place) for place in (-1, -2, -3)]
    checked.lose(
        *({"kind": "customer.update", "id": number, "changes": {"note": "unheard"}} for number in numbers)
    )
    checked.press("settings", "Full sync")
    checked.checked()

    assert checked.proof(Resource.CUSTOMERS)["lost_changes"] == 3

    checked.press("settings", "Full sync")
    checked.checked()

    assert [checked.proof(resource)["lost_changes"] for resource in Resource] == [0, 0, 0]
