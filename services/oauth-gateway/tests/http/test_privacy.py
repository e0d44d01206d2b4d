"""The privacy page: what owners see and take, and nobody else does."""

import json
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.access import Role
from oauth_gateway.handlers import login
from sync_common.db import Database
from sync_common.runtime import ManualClock

from ..conftest import PASSWORD, PUBLIC_URL
from ..seed import Seed
from .client import log_in, post, token_of

PRIVACY = "/advertisers/acme/privacy"
RECORD = {"kind": "contact", "record": {"email": "ada@example.com"}}


async def add_user(database: Database, email: str, slug: str, role: Role) -> None:
    await login.create_user(
        database, email=email, password=PASSWORD, name="Mel Ito", advertiser=slug, slug=slug, role=role
    )


def accesses(seed: Seed) -> int:
    return int(seed.scalar("SELECT count(*) FROM gateway.data_access"))


async def test_owner_downloads_the_answer_to_a_data_request(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    export_id = seed.export(store_id, [RECORD], [RECORD] * 2)
    await log_in(browser)

    listed = (await browser.get(PRIVACY)).text
    file = await post(browser, PRIVACY, f"{PRIVACY}/requests/{export_id}")
    noted = (await browser.get(PRIVACY)).text

    assert 'data-state="ok">Ready' in listed
    assert "<b>3</b> records · expires in 30 days" in listed
    assert "Nobody has downloaded" in listed
    assert file.headers["content-disposition"] == 'attachment; filename="customer-data-request-9001.json"'
    assert file.headers["content-type"] == "application/json"
    assert file.headers["cache-control"] == "no-store"
    assert json.loads(file.text)["records"] == [RECORD] * 3
    assert f"<td>Dana Reyes</td><td>Export {export_id}</td><td>acme.myshopify.com</td>" in noted
    row = seed.scalar("SELECT to_jsonb(data_access) - 'id' - 'accessed_at' FROM gateway.data_access")
    assert row == {
        "advertiser_id": acme,
        "user_id": seed.scalar("SELECT id FROM gateway.users"),
        "action": "download",
        "export_id": export_id,
        "store_id": store_id,
    }


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
async def test_others_than_owners_see_and_take_nothing(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, role: Role
) -> None:
    export_id = seed.export(seed.store(acme, "acme.myshopify.com"), [RECORD])
    await add_user(database, "mel@example.com", "acme", role)
    await log_in(browser, email="mel@example.com")
    shopify = "/advertisers/acme/integrations/shopify"

    start = (await browser.get(shopify)).text
    answers = [
        await browser.get(PRIVACY),
        await post(browser, shopify, f"{PRIVACY}/requests/{export_id}"),
        await post(browser, shopify, f"{PRIVACY}/preference", redact_preference="erase"),
    ]

    assert PRIVACY not in start
    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("For owners only" in answer.text for answer in answers)
    assert accesses(seed) == 0
    assert seed.scalar("SELECT redact_preference FROM gateway.advertisers") == "anonymise"


@pytest.mark.parametrize("slug", ["acme", "umbrella"])
async def test_foreign_export_is_not_found(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, slug: str
) -> None:
    await add_user(database, "eve@example.com", "umbrella", Role.OWNER)
    umbrella = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    export_id = seed.export(seed.store(umbrella, "umbrella.myshopify.com"), [RECORD])
    seed.receipt(seed.scalar("SELECT id FROM gateway.shopify_stores"))
    await log_in(browser)

    page = await browser.get(PRIVACY)
    answer = await post(browser, PRIVACY, f"/advertisers/{slug}/privacy/requests/{export_id}")

    assert "umbrella" not in page.text
    assert answer.status_code == 404
    assert accesses(seed) == 0


@pytest.mark.parametrize(
    "path", ["requests/abc", "requests/99999999999999999999", "requests/-1", "requests/0"]
)
async def test_odd_exports_are_not_found(
    browser: httpx.AsyncClient, acme: int, seed: Seed, path: str
) -> None:
    await log_in(browser)

    assert (await post(browser, PRIVACY, f"{PRIVACY}/{path}")).status_code == 404


@pytest.mark.parametrize("query", ["requests=x", "requests=0", "receipts=99999999999999999999"])
async def test_odd_places_in_a_list_are_not_found(browser: httpx.AsyncClient, acme: int, query: str) -> None:
    await log_in(browser)

    assert (await browser.get(f"{PRIVACY}?{query}")).status_code == 404


async def test_expired_and_deleted_exports_stay_listed_and_say_why_they_are_gone(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    """The writer deletes what has expired within the hour; until then it must not be handed out either."""
    store_id = seed.store(acme, "acme.myshopify.com")
    expired = seed.export(store_id, [RECORD], request_id="1", expires=timedelta(hours=1))
    deleted = seed.export(store_id, [RECORD], request_id="2")
    seed.execute("DELETE FROM records.exports WHERE id = %(id)s", id=deleted)
    clock.advance(3600)
    await log_in(browser)

    page = (await browser.get(PRIVACY)).text
    answers = [await post(browser, PRIVACY, f"{PRIVACY}/requests/{one}") for one in (expired, deleted)]

    assert 'data-state="idle">Expired' in page
    assert 'data-state="idle">Deleted' in page
    assert "Download<" not in page
    assert [answer.status_code for answer in answers] == [410, 410]
    assert all("This export is gone" in answer.text for answer in answers)
    assert accesses(seed) == 0


async def test_download_needs_the_form_token(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    """Else a link on any page could put rows into the log and files onto disks."""
    export_id = seed.export(seed.store(acme, "acme.myshopify.com"), [RECORD])
    await log_in(browser)

    by_link = await browser.get(f"{PRIVACY}/requests/{export_id}")
    without = await browser.post(f"{PRIVACY}/requests/{export_id}", data={})

    assert (by_link.status_code, without.status_code) == (405, 403)
    assert accesses(seed) == 0


async def test_choice_about_erased_shops_changes_with_undo(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    before = (await browser.get(PRIVACY)).text
    answer = await post(browser, PRIVACY, f"{PRIVACY}/preference", redact_preference="erase")
    after = (await browser.get(answer.headers["location"])).text

    assert 'value="anonymise" checked' in before
    assert (answer.status_code, answer.headers["location"]) == (303, PRIVACY)
    assert 'value="erase" checked' in after
    assert "Saved: Erase orders and products too." in after
    assert 'name="redact_preference" value="anonymise"><button type="submit">Undo' in after.replace("\n", "")
    assert seed.scalar("SELECT redact_preference FROM gateway.stores_v1") == "erase"


async def test_choice_is_one_of_two(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    await log_in(browser)

    answer = await post(browser, PRIVACY, f"{PRIVACY}/preference", redact_preference="sell")

    assert answer.status_code == 422
    assert "Choose one of the two." in answer.text
    assert seed.scalar("SELECT redact_preference FROM gateway.advertisers") == "anonymise"


async def test_receipts_prove_in_numbers_what_was_erased(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.receipt(store_id, effects={"contacts": 1, "orders": 2})
    seed.receipt(store_id, "shop/redact", outcome="ignored")
    webhook_id = seed.scalar("SELECT webhook_id FROM records.compliance_receipts ORDER BY id LIMIT 1")
    await log_in(browser)

    page = (await browser.get(PRIVACY)).text

    assert "Erase a customer: <b>1 contact erased, 2 orders made anonymous</b>" in page
    assert "Erase the shop: <b>The shop is connected again</b>" in page
    assert f"Webhook {webhook_id}" in page


async def test_long_lists_go_on_and_stay_light(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    for number in range(45):
        seed.export(store_id, [RECORD], request_id=f"{900_000_000_000 + number}")
        seed.receipt(store_id, effects={"contacts": 1, "orders": number})
    await log_in(browser)

    address, seen = PRIVACY, []
    for _ in range(3):
        page = await browser.get(address)
        assert len(page.content) < 50_000
        seen.append(page.text.count(">Ready<"))
        rest = page.text.split("Older requests")[0].rpartition('href="')[2].split('"')[0]
        address = rest.replace("&amp;", "&")
    receipts = page.text.split("Older receipts")[0].rpartition('href="')[2].split('"')[0]
    older = (await browser.get(receipts)).text

    assert seen == [20, 20, 5]
    assert "Older requests" not in page.text
    assert "24 orders made anonymous" in older
    assert "25 orders made anonymous" not in older


async def test_page_without_requests_says_what_will_be_there(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)

    page = (await browser.get(PRIVACY)).text

    assert "No data requests yet." in page
    assert "Nobody has downloaded customers" in page
    assert "Nothing to show yet." in page
    assert await token_of(browser, PRIVACY)
    assert '/privacy" aria-current="page"' in page


async def test_banner_dismissed_on_this_page_leaves_it_the_current_one(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """The fragments of an action hold the navigation too, and htmx names the page that asked."""
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.disconnect(store_id)
    await log_in(browser)
    browser.headers.update({"hx-request": "true", "hx-current-url": f"{PUBLIC_URL}{PRIVACY}"})

    answer = await post(
        browser,
        "/advertisers/acme/integrations/shopify",
        f"/advertisers/acme/integrations/shopify/stores/{store_id}/dismiss",
    )

    assert '/privacy" aria-current="page"' in answer.text
    assert '/integrations" aria-current="page"' not in answer.text
