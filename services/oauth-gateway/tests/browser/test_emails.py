"""What an owner does on the page of e-mails, with scripts and without."""

import pytest
from playwright.async_api import Browser, expect

from ..seed import Seed
from .conftest import Looker, Served, looker
from .test_look import keep_picture, over_the_edge, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WISHES = "SELECT count(*) FROM gateway.outbox WHERE topic = 'mail.requested.v1'"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_owner_chooses_what_reaches_her(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    await page.get_by_role("link", name="Emails").click()
    failed, disconnected = page.get_by_label("Sync failed"), page.get_by_label("Store disconnected")
    await expect(disconnected).to_be_checked()
    await expect(disconnected).to_be_disabled()
    await failed.uncheck()
    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(failed).not_to_be_checked()
    await expect(page.get_by_label("First sync complete")).to_be_checked()
    assert seed.scalar("SELECT notify_sync_failed FROM gateway.memberships") is False
    assert looking.messages == []
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_owner_has_emails_sent_again(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(f"{served.url}/advertisers/acme/emails")
    outbox = page.get_by_role("region", name="Outbox")

    await outbox.get_by_role("button", name="Store disconnected to Dana Reyes").click()
    await expect(page.get_by_text("We'll send it again in a moment.")).to_be_visible()
    at_once = seed.scalar(WISHES)
    await outbox.get_by_role("link", name="Sync failed to Dana Reyes").click()
    question = page.get_by_role("dialog" if scripts else "region", name="Send it again?")
    await expect(question.get_by_text("It may already have arrived.")).to_be_visible()
    asked = seed.scalar(WISHES)
    await question.get_by_role("link", name="Cancel").click()
    await expect(question).to_have_count(0)
    await outbox.get_by_role("link", name="Sync failed to Dana Reyes").click()
    await question.get_by_role("button", name="Send again").click()
    await expect(page.get_by_text("We'll send it again in a moment.")).to_be_visible()

    assert (at_once, asked, seed.scalar(WISHES)) == (1, 1, 2)
    assert looking.messages == []
    await context.close()


async def test_long_names_and_the_question_fit(looking: Looker, served: Served, seed: Seed) -> None:
    page = looking.page
    unknown = seed.scalar("SELECT email_id FROM notify.emails WHERE state = 'unknown' AND can_resend")
    seed.execute(
        "UPDATE gateway.users SET name = repeat('Dana', 25), email = repeat('dana', 16) || '@example.com'"
    )

    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (320, "light")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.goto(f"{served.url}/advertisers/acme/emails")
        await keep_picture(page, f"emails-long-{width}-{scheme}")
        assert await over_the_edge(page) == [], f"{width} px"
        await page.get_by_role("link", name="Sync failed to Dana").click()
        await page.get_by_role("dialog", name="Send it again?").wait_for()
        await keep_picture(page, f"emails-dialog-{width}-{scheme}", full=False)
        assert await violations(page) == []
        assert await over_the_edge(page, "dialog") == [], f"{width} px"
        await page.goto(f"{served.url}/advertisers/acme/emails/{unknown}/resend")
        await keep_picture(page, f"emails-question-{width}-{scheme}")
        assert await violations(page) == []
        assert await over_the_edge(page) == [], f"{width} px"

    assert looking.messages == []


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
async def test_each_role_has_a_page_that_looks_well(
    looking: Looker, served: Served, seed: Seed, role: str
) -> None:
    page = looking.page
    seed.execute("DELETE FROM notify.emails")
    seed.execute("UPDATE gateway.memberships SET role = %(role)s", role=role)

    for width, scheme in ((1280, "light"), (390, "light"), (390, "dark")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.goto(f"{served.url}/advertisers/acme/emails")
        await keep_picture(page, f"emails-{role}-{width}-{scheme}")
        assert await violations(page) == []
        assert await over_the_edge(page) == []

    assert looking.messages == []
