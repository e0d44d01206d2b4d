"""A merchant uninstalls the app and comes back: one mail about the loss, the data kept, and live again."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login

from ..invariants import broken
from ..mirror import WINDOW, differences


@pytest.mark.timeout(180)
async def test_uninstalled_store_keeps_its_data_and_lives_again_after_reconnecting(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=40, orders=60, products=10)
    since = datetime.now(UTC) - WINDOW
    store = connect(login, shop)
    first = platform.wait_for_job(store["store_id"])

    platform.simulator("POST", f"/shops/{shop}/uninstall")
    eventually(
        lambda: status(platform, store) == "disconnected", within_seconds=20, what="the loss was noticed"
    )
    mails = eventually(
        lambda: templates(platform, login).count("shopify_store_disconnected"),
        within_seconds=20,
        what="the mail about it was accepted",
    )

    assert mails == 1
    assert platform.rows(
        "SELECT customers FROM records.store_counts_v1 WHERE store_id = %s", store["store_id"]
    ) == [{"customers": 40}]

    again = connect(login, shop)
    second = platform.wait_for_job(again["store_id"], after=first["job_id"])

    assert again == store, "the same store, with its history"
    assert (second["status"], second["records_created"]) == (
        "completed",
        dict.fromkeys(first["records_created"], 0),
    )
    assert status(platform, store) == "connected"
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    platform.mutate(shop, random=10, seed=2)
    eventually(
        lambda: not differences(platform, shop, store["store_id"], orders_since=since),
        within_seconds=30,
        what="webhooks arrive again",
    )
    assert templates(platform, login) == ["shopify_store_disconnected", "shopify_sync_complete"]
    assert broken(platform) == {}


def status(platform: Platform, store: Row) -> str:
    rows = platform.rows("SELECT status FROM public.shopify_stores WHERE id = %s", store["store_id"])
    return str(rows[0]["status"])


def templates(platform: Platform, login: Login) -> list[str]:
    return sorted(mail["template"] for mail in platform.mails() if mail["email"] == login.email)
