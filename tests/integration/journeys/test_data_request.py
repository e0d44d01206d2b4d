"""A customer asks for their data: the owner hands out all of it, which is noted, and nobody else can."""

import json
from collections.abc import Callable

import pytest

from local_stack.browser import Browser, Form, Page
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login, Stack
from sync_common.contracts.topics import OAUTH_GATEWAY

HELD = """
SELECT 'contact' AS kind, external_id, contact.id FROM records.contacts AS contact
WHERE source_id = %s AND external_id = %s
UNION ALL
SELECT 'order', external_id, id FROM records.orders WHERE source_id = %s AND customer_external_id = %s
"""


@pytest.mark.timeout(180)
async def test_owner_hands_out_all_that_is_held_of_a_customer(
    stack: Stack,
    platform: Platform,
    new_login: Callable[[], Login],
    shop: str,
    connect: Callable[[Login, str], Row],
) -> None:
    platform.create_shop(shop, customers=40, orders=120, products=10)
    owner, stranger = new_login(), new_login()
    store = connect(owner, shop)
    platform.wait_for_job(store["store_id"])
    customer_id = best_customer(platform, store)
    held = platform.rows(HELD, store["store_id"], customer_id, store["store_id"], customer_id)
    privacy = f"{stack.url(OAUTH_GATEWAY)}/advertisers/{owner.slug}/privacy"

    ask(platform, shop, "customers/data_request", customer_id)
    with Browser() as browser:
        platform.log_in(browser, owner)
        page = eventually_shows(browser, privacy, ">Ready<")
        form = page.form(button="Download")
        file = browser.submit(form, button="Download")
    document = json.loads(file.html)

    assert len(held) > 2
    assert document["shop"] == shop
    assert {(one["kind"], one["record"]["external_id"]) for one in document["records"]} == {
        (row["kind"], row["external_id"]) for row in held
    }
    assert len(document["records"]) == document["record_count"] == len(held)
    export_id = int(form.action.rpartition("/")[2])
    assert accesses(platform, store) == [(owner.email, "download", export_id)]

    answers = taken_by_a_stranger(platform, stack, stranger, owner, export_id)
    assert answers == [404, 404, 404]
    assert len(accesses(platform, store)) == 1

    ask(platform, shop, "customers/redact", customer_id)
    with Browser() as browser:
        platform.log_in(browser, owner)
        page = eventually_shows(browser, privacy, ">Deleted<")
        gone = browser.submit(Form(form.action, "post", page.form(action="/preference").fields))
    assert f"1 contact erased, {len(held) - 1} orders made anonymous" in page.html
    assert gone.status == 410


def best_customer(platform: Platform, store: Row) -> str:
    """Return the customer with most orders."""
    (row,) = platform.rows(
        """SELECT customer_external_id FROM records.orders WHERE source_id = %s AND contact_id IS NOT NULL
           GROUP BY 1 ORDER BY count(*) DESC LIMIT 1""",
        store["store_id"],
    )
    return str(row["customer_external_id"])


def ask(platform: Platform, shop: str, topic: str, customer_id: str) -> None:
    platform.simulator("POST", f"/shops/{shop}/compliance", {"topic": topic, "customer_id": int(customer_id)})


def eventually_shows(browser: Browser, address: str, text: str) -> Page:
    """Reload a page until it shows a text."""

    def shown() -> Page | None:
        page = browser.open(address)
        return page if text in page.html else None

    return eventually(shown, within_seconds=20, what=f"{address} shows {text}", interval_seconds=0.5)


def accesses(platform: Platform, store: Row) -> list[tuple[str, str, int]]:
    rows = platform.rows(
        """SELECT email, action, export_id FROM gateway.data_access AS access
           JOIN gateway.users ON users.id = access.user_id WHERE store_id = %s ORDER BY access.id""",
        store["store_id"],
    )
    return [(row["email"], row["action"], row["export_id"]) for row in rows]


def taken_by_a_stranger(
    platform: Platform, stack: Stack, stranger: Login, owner: Login, export_id: int
) -> list[int]:
    """Return what another advertiser's owner is answered on each way to the page and to the file."""
    advertisers = f"{stack.url(OAUTH_GATEWAY)}/advertisers"
    with Browser() as browser:
        platform.log_in(browser, stranger)
        fields = browser.open(f"{advertisers}/{stranger.slug}/privacy").form(action="/preference").fields
        statuses = [browser.open(f"{advertisers}/{owner.slug}/privacy").status]
        for slug in (owner.slug, stranger.slug):
            browser.open(f"{advertisers}/{stranger.slug}/privacy")
            form = Form(f"{advertisers}/{slug}/privacy/requests/{export_id}", "post", fields)
            statuses.append(browser.submit(form).status)
    return statuses
