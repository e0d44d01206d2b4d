"""The page of e-mails: what members choose, what owners see, and what is sent once more."""

from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.access import Role
from oauth_gateway.handlers import login
from sync_common.db import Database

from ..conftest import NOW, PASSWORD
from ..seed import Seed
from .client import log_in, post, token_of

EMAILS = "/advertisers/acme/emails"
CHOSEN = """SELECT jsonb_agg(jsonb_build_array(member.email, notify_sync_complete, notify_sync_failed,
                                               notify_store_disconnected)
                             ORDER BY member.email, advertiser_id)
            FROM gateway.memberships JOIN gateway.users AS member ON member.id = user_id"""
WISHES = "SELECT count(*) FROM gateway.outbox"


async def add_user(database: Database, email: str, slug: str, role: Role) -> None:
    await login.create_user(
        database, email=email, password=PASSWORD, name="Mel Ito", advertiser=slug, slug=slug, role=role
    )


def user_id(seed: Seed, email: str = "dana@example.com") -> int:
    return int(seed.scalar("SELECT id FROM gateway.users WHERE email = %(email)s", email=email))


def offered(page: str) -> list[str]:
    """Return the names of the kinds that a page offers, marked where they are on or fixed."""
    boxes = [box.split(">")[0] for box in page.split('<input type="checkbox" ')[1:]]
    return [box.replace('name="', "").replace('"', "") for box in boxes]


async def test_every_member_gets_here_from_the_navigation(
    browser: httpx.AsyncClient, acme: int, database: Database
) -> None:
    await add_user(database, "mel@example.com", "acme", Role.MEMBER)
    await log_in(browser, email="mel@example.com")

    start = (await browser.get("/advertisers/acme/integrations")).text
    page = await browser.get(EMAILS)

    assert f'href="{EMAILS}"' in start
    assert page.status_code == 200
    assert f'href="{EMAILS}" aria-current="page"' in page.text


async def test_owner_is_offered_all_kinds_and_cannot_lose_the_news_of_a_disconnect(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)

    before = (await browser.get(EMAILS)).text
    answer = await post(browser, EMAILS, f"{EMAILS}/preferences", notify_sync_failed="on")
    after = (await browser.get(answer.headers["location"])).text

    assert offered(before) == [
        "notify_sync_complete checked",
        "notify_sync_failed checked",
        "notify_store_disconnected checked disabled",
    ]
    assert "As the owner you always get this one: data would stop unnoticed." in before
    assert (answer.status_code, answer.headers["location"]) == (303, EMAILS)
    assert "Saved." in after
    assert offered(after) == [
        "notify_sync_complete",
        "notify_sync_failed checked",
        "notify_store_disconnected checked disabled",
    ]
    assert seed.scalar(CHOSEN) == [["dana@example.com", False, True, True]]


async def test_owner_who_switched_it_off_as_an_admin_is_shown_what_happens(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    seed.execute("UPDATE gateway.memberships SET notify_store_disconnected = false")
    await log_in(browser)

    assert "notify_store_disconnected checked disabled" in offered((await browser.get(EMAILS)).text)


async def test_admin_chooses_freely_and_only_for_herself(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com", "acme", Role.ADMIN)
    await add_user(database, "mel@example.com", "umbrella", Role.ADMIN)
    await log_in(browser, email="mel@example.com")

    await post(browser, EMAILS, f"{EMAILS}/preferences")
    page = (await browser.get(EMAILS)).text

    assert offered(page) == ["notify_sync_complete", "notify_sync_failed", "notify_store_disconnected"]
    assert seed.scalar(CHOSEN) == [
        ["dana@example.com", True, True, True],
        ["mel@example.com", False, False, False],
        ["mel@example.com", True, True, True],
    ]


async def test_member_is_offered_what_can_reach_members_and_changes_nothing_else(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com", "acme", Role.MEMBER)
    await log_in(browser, email="mel@example.com")

    page = (await browser.get(EMAILS)).text
    await post(browser, EMAILS, f"{EMAILS}/preferences")

    assert offered(page) == ["notify_sync_complete checked"]
    assert "As a member you get one kind of email" in page
    assert "that you started" in page
    assert seed.scalar(CHOSEN)[1] == ["mel@example.com", False, True, True]


async def test_choice_needs_the_form_token(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    await log_in(browser)

    answer = await browser.post(f"{EMAILS}/preferences", data={})

    assert answer.status_code == 403
    assert seed.scalar(CHOSEN) == [["dana@example.com", True, True, True]]


async def test_owner_sees_what_became_of_each_email(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com", "umbrella", Role.ADMIN)
    store_id, dana, mel = (
        seed.store(acme, "acme.myshopify.com"),
        user_id(seed),
        user_id(seed, "mel@example.com"),
    )
    soon = NOW + timedelta(minutes=24)
    seed.email(acme, dana, store_id=store_id, template="shopify_sync_complete")
    seed.email(
        acme,
        mel,
        store_id=store_id,
        template="shopify_store_disconnected",
        state="failed",
        failure="loops_400",
    )
    seed.email(acme, mel, template="advertiser_invitation", state="pending", attempts=2, due_at=soon)
    seed.email(acme, dana, store_id=store_id, state="unknown", resent_at=NOW - timedelta(minutes=10))
    await log_in(browser)

    page = (await browser.get(EMAILS)).text

    rows = page.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    assert [row.split("<td><b>")[2].split("<")[0] for row in rows] == [
        "Sync failed",
        "Invitation",
        "Store disconnected",
        "First sync complete",
    ]
    unknown, invitation, failed, sent = rows
    assert 'data-state="warn">May not have arrived' in unknown
    assert "Sent once more, <time" in unknown
    assert "Today, 3:50 PM</time>" in unknown
    assert 'data-state="idle">Waiting' in invitation
    assert "Next try in 24 min." in invitation
    assert "Somebody invited" in invitation
    assert 'data-state="bad">Failed' in failed
    assert "The mail service refused it (400)." in failed
    assert "Somebody who left" in failed
    assert 'data-state="ok">Sent' in sent
    assert "<b>First sync complete</b> · acme.myshopify.com" in sent
    assert "Dana Reyes<br><small>dana@example.com</small>" in sent
    assert "mel@example.com" not in page
    assert "secret" not in page
    assert [row.count("Send again") for row in rows] == [0, 0, 1, 0]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
async def test_others_than_owners_have_no_outbox(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, role: Role
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    failed = seed.email(acme, user_id(seed), store_id=store_id, state="failed")
    await add_user(database, "mel@example.com", "acme", role)
    await log_in(browser, email="mel@example.com")

    page = (await browser.get(EMAILS)).text
    answers = [
        await browser.get(f"{EMAILS}/{failed}/resend"),
        await post(browser, EMAILS, f"{EMAILS}/{failed}/resend"),
    ]

    assert "Outbox" not in page
    assert "dana@example.com" not in page
    assert [answer.status_code for answer in answers] == [403, 403]
    assert all("For owners only" in answer.text for answer in answers)
    assert seed.scalar(WISHES) == 0


async def test_failed_email_is_sent_again(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id, dana = seed.store(acme, "acme.myshopify.com"), user_id(seed)
    failed = seed.email(acme, dana, store_id=store_id, state="failed", failure="loops_401")
    await log_in(browser)

    answer = await post(browser, EMAILS, f"{EMAILS}/{failed}/resend")
    after = (await browser.get(answer.headers["location"])).text

    assert (answer.status_code, answer.headers["location"]) == (303, EMAILS)
    assert "We&#39;ll send it again in a moment." in after
    assert seed.scalar("SELECT topic FROM gateway.outbox") == "mail.requested.v1"
    assert "mail.resend_requested" in seed.scalar("SELECT headers::text FROM gateway.outbox")
    assert seed.scalar("SELECT body::jsonb FROM gateway.outbox") == {
        "user_id": dana,
        "advertiser_id": acme,
        "email_id": failed,
        "requested_by_user_id": dana,
    }


async def test_wish_goes_to_the_recipient_and_names_who_wished(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com", "acme", Role.ADMIN)
    mel = user_id(seed, "mel@example.com")
    failed = seed.email(acme, mel, store_id=seed.store(acme, "acme.myshopify.com"), state="failed")
    await log_in(browser)

    await post(browser, EMAILS, f"{EMAILS}/{failed}/resend")

    wish = seed.scalar("SELECT body::jsonb FROM gateway.outbox")
    assert (wish["user_id"], wish["requested_by_user_id"]) == (mel, user_id(seed))
    assert seed.scalar("SELECT key FROM gateway.outbox") == f"user/{mel}"


async def test_email_that_may_have_arrived_is_asked_about_first(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    unknown = seed.email(acme, user_id(seed), store_id=store_id, state="unknown")
    await log_in(browser)

    page = (await browser.get(EMAILS)).text
    question = (await browser.get(f"{EMAILS}/{unknown}/resend")).text
    in_dialog = (await browser.get(f"{EMAILS}/{unknown}/resend", headers={"hx-request": "true"})).text
    asked = seed.scalar(WISHES)
    await post(browser, f"{EMAILS}/{unknown}/resend", f"{EMAILS}/{unknown}/resend")

    assert f'<a class="btn btn-sm" href="{EMAILS}/{unknown}/resend"' in page
    assert f'action="{EMAILS}/{unknown}/resend"' not in page
    for shown in (question, in_dialog):
        assert "Send it again?" in shown
        assert "It may already have arrived. The mail service never confirmed it within 23 hours" in shown
        assert "Dana Reyes · dana@example.com" in shown
        assert f'action="{EMAILS}/{unknown}/resend"' in shown
    assert question.startswith("<!doctype html>")
    assert in_dialog.lstrip().startswith("<dialog")
    assert (asked, seed.scalar(WISHES)) == (0, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_email_that_was_sent_again_is_not_a_third_time(
    browser: httpx.AsyncClient, acme: int, seed: Seed, method: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    resent = seed.email(acme, user_id(seed), store_id=store_id, state="unknown", resent_at=NOW)
    await log_in(browser)
    csrf = await token_of(browser, EMAILS)

    answer = await browser.request(method, f"{EMAILS}/{resent}/resend", data={"csrf": csrf})
    after = (await browser.get(EMAILS)).text
    in_dialog = await browser.get(f"{EMAILS}/{resent}/resend", headers={"hx-request": "true"})

    assert (answer.status_code, answer.headers["location"]) == (303, EMAILS)
    assert "That email was sent again already." in after
    assert in_dialog.headers["hx-redirect"] == EMAILS
    assert seed.scalar(WISHES) == 0


@pytest.mark.parametrize("state", ["pending", "sent", "failed"])
async def test_email_that_cannot_be_sent_again_is_not_found(
    browser: httpx.AsyncClient, acme: int, seed: Seed, state: str
) -> None:
    """A failed one has no store here: it held a link, which is forgotten."""
    seed.store(acme, "acme.myshopify.com")
    store_id = None if state == "failed" else seed.scalar("SELECT id FROM gateway.shopify_stores")
    email_id = seed.email(acme, user_id(seed), store_id=store_id, state=state)
    await log_in(browser)

    answers = [
        await browser.get(f"{EMAILS}/{email_id}/resend"),
        await post(browser, EMAILS, f"{EMAILS}/{email_id}/resend"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert seed.scalar(WISHES) == 0


@pytest.mark.parametrize("slug", ["acme", "umbrella"])
async def test_email_of_another_advertiser_is_neither_shown_nor_sent(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, slug: str
) -> None:
    await add_user(database, "eve@example.com", "umbrella", Role.OWNER)
    umbrella = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    store_id = seed.store(umbrella, "umbrella.myshopify.com")
    seed.email(acme, user_id(seed), store_id=seed.store(acme, "acme.myshopify.com"), state="failed")
    foreign = seed.email(umbrella, user_id(seed), store_id=store_id, state="failed")
    await log_in(browser)

    page = (await browser.get(EMAILS)).text
    answers = [
        await browser.get(f"/advertisers/{slug}/emails/{foreign}/resend"),
        await post(browser, EMAILS, f"/advertisers/{slug}/emails/{foreign}/resend"),
    ]

    assert page.count(">Failed<") == 1
    assert "umbrella.myshopify.com" not in page
    assert [answer.status_code for answer in answers] == [404, 404]
    assert seed.scalar(WISHES) == 0


async def test_mail_about_peoples_own_accounts_never_shows(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    reset = seed.email(0, user_id(seed), template="password_reset", state="failed", failure="token_expired")
    await log_in(browser)

    page = (await browser.get(EMAILS)).text

    assert "No emails yet." in page
    assert (await post(browser, EMAILS, f"{EMAILS}/{reset}/resend")).status_code == 404


async def test_sending_again_needs_the_form_token(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    failed = seed.email(acme, user_id(seed), store_id=store_id, state="failed")
    await log_in(browser)

    assert (await browser.post(f"{EMAILS}/{failed}/resend", data={})).status_code == 403
    assert seed.scalar(WISHES) == 0


@pytest.mark.parametrize("path", ["abc", "99999999999999999999", "-1", "0"])
async def test_odd_emails_are_not_found(browser: httpx.AsyncClient, acme: int, path: str) -> None:
    await log_in(browser)

    assert (await browser.get(f"{EMAILS}/{path}/resend")).status_code == 404
    assert (await post(browser, EMAILS, f"{EMAILS}/{path}/resend")).status_code == 404


@pytest.mark.parametrize("before", ["x", "0", "99999999999999999999"])
async def test_odd_places_in_the_outbox_are_not_found(
    browser: httpx.AsyncClient, acme: int, before: str
) -> None:
    await log_in(browser)

    assert (await browser.get(f"{EMAILS}?before={before}")).status_code == 404


async def test_long_outbox_goes_on_and_stays_light(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id, dana = seed.store(acme, "acme.myshopify.com"), user_id(seed)
    for number in range(45):
        seed.email(acme, dana, store_id=store_id, state="failed", failure=f"loops_{400 + number}")
    await log_in(browser)

    address, seen = EMAILS, []
    for _ in range(3):
        page = await browser.get(address)
        assert len(page.content) < 50_000
        seen.append(page.text.count(">Failed<"))
        address = page.text.split('">Older emails')[0].rpartition('href="')[2]

    assert seen == [20, 20, 5]
    assert "Older emails" not in page.text
    assert "refused it (400)" in page.text


async def test_empty_outbox_says_what_will_be_there(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)

    assert "No emails yet." in (await browser.get(EMAILS)).text
