"""How people get into their accounts: forgotten passwords, invitations and members, with scripts and without."""

from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from sync_common.contracts.events import InvitationMailRequested, PasswordResetMailRequested

from ..mail import last_link
from ..seed import Seed
from .conftest import Served, fill_first, looker
from .test_look import keep_picture, over_the_edge, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_forgotten_password_is_replaced(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    """The page behind the link sends no referrer: what the browser says instead must satisfy the server."""
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await page.goto(f"{served.url}/login")

    await page.get_by_role("link", name="Forgot your password?").click()
    await fill_first(page.get_by_label("Email"), "dana@example.com")
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_text("we have sent it a link")).to_be_visible()
    await page.goto(served.url + last_link(seed, PasswordResetMailRequested))
    await fill_first(page.get_by_label("New password"), "a wholly new one")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Your password was changed.")).to_be_visible()
    await fill_first(page.get_by_label("Email"), "dana@example.com")
    await page.get_by_label("Password", exact=True).fill("a wholly new one")
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/integrations")

    assert looking.messages == []
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_password_pages_are_clean(
    chromium: Browser, served: Served, seed: Seed, scheme: Literal["light", "dark"], width: int
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
    )
    looking = await looker(context)
    page = looking.page
    seed.execute(
        """INSERT INTO gateway.password_resets (token_hash, user_id, expires_at)
           SELECT sha256('t'), id, %(now)s + interval '1 h' FROM gateway.users""",
        now=seed.now,
    )

    for name, path in (
        ("login", "/login"),
        ("login-changed", "/login?notice=password-changed"),
        ("forgot", "/password/forgot"),
        ("forgot-sent", "/password/forgot?sent=true"),
        ("reset", "/password/reset/t"),
        ("reset-expired", "/password/reset/other"),
    ):
        await page.goto(f"{served.url}{path}")
        await page.evaluate("document.fonts.ready")
        await keep_picture(page, f"{name}-{width}-{scheme}")
        assert await violations(page) == [], name
        assert await over_the_edge(page) == [], name

    assert [message for message in looking.messages if "status of 4" not in message] == []
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_new_person_is_invited_joins_is_promoted_and_removed(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    others = await chromium.new_context(java_script_enabled=scripts)
    dana, kim = await looker(context), await looker(others)
    await dana.log_in(served)
    page = dana.page

    await page.get_by_role("link", name="Members").click()
    await page.get_by_label("Email").fill("kim@example.com")
    await page.get_by_label("Role").select_option("Admin")
    await page.get_by_role("button", name="Send invitation").click()
    await expect(page.get_by_text("Invitation sent to kim@example.com.")).to_be_visible()
    await kim.page.goto(served.url + last_link(seed, InvitationMailRequested))
    await fill_first(kim.page.get_by_label("Your name"), "Kim Park")
    await kim.page.get_by_label("Password").fill("a wholly new one")
    await kim.page.get_by_role("button", name="Create account and join").click()
    await expect(kim.page.get_by_text("You are now an admin of Acme Apparel.")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="Make member Kim Park").click()
    await expect(page.get_by_text("Kim Park is now a member.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Kim Park is now an admin.")).to_be_visible()
    await page.get_by_role("link", name="Remove Kim Park").click()
    await expect(page.get_by_role("heading", name="Remove Kim Park?")).to_be_visible()
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("Kim Park removed.")).to_be_visible()
    await kim.page.reload()
    await expect(kim.page.get_by_role("heading", name="Page not found")).to_be_visible()

    assert dana.messages == []
    await context.close()
    await others.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_members_and_invitation_pages_are_clean(
    chromium: Browser, served: Served, seed: Seed, scheme: Literal["light", "dark"], width: int
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        has_touch=width < 500,
    )
    looking = await looker(context)
    page = looking.page
    seed.execute(PEOPLE, now=seed.now)

    async def look(name: str, path: str) -> None:
        await page.goto(f"{served.url}{path}")
        await page.evaluate("document.fonts.ready")
        await keep_picture(page, f"{name}-{width}-{scheme}")
        assert await violations(page) == [], name
        assert await over_the_edge(page) == [], name

    await look("invitation-new", "/invitations/new")
    await look("invitation-log-in", "/invitations/known")
    await look("invitation-gone", "/invitations/gone")
    await looking.log_in(served)
    await look("invitation-other", "/invitations/known")
    await look("invitation-accept", "/invitations/mine")
    await look("members", "/advertisers/acme/members")
    await page.get_by_role("link", name="Remove Mel").click()
    await page.get_by_role("dialog").wait_for()
    assert await violations(page) == []
    await keep_picture(page, f"members-remove-{width}-{scheme}", full=False)
    await look(
        "members-remove-page",
        f"/advertisers/acme/members/{seed.scalar('SELECT max(user_id) FROM gateway.memberships')}/remove",
    )
    await page.goto(f"{served.url}/advertisers/acme/members")
    await page.get_by_label("Email").fill("dana@example.com")
    await page.get_by_role("button", name="Send invitation").click()
    await expect(page.get_by_text("dana@example.com is a member already.")).to_be_visible()
    assert await violations(page) == []
    await keep_picture(page, f"members-problem-{width}-{scheme}")
    if width < 500:
        await page.set_viewport_size({"width": 320, "height": 800})
        assert await over_the_edge(page) == []
        await page.set_viewport_size({"width": width, "height": 900})
    for role in ("admin", "member"):
        seed.execute("UPDATE gateway.memberships SET role = %(r)s WHERE user_id = 1", r=role)
        await look(f"members-as-{role}", "/advertisers/acme/members")

    assert [message for message in looking.messages if "status of 4" not in message] == []
    await context.close()


PEOPLE = """
    WITH mel AS (
        INSERT INTO gateway.users (email, name, password_hash)
        VALUES ('mel.ito.of.the.wholesale.team@a-long-name-of-a-company.example.com', 'Mel Ito', '-') RETURNING id
    ), fresh AS (
        INSERT INTO gateway.users (email, name) VALUES ('fresh@example.com', 'fresh') RETURNING id
    ), globex AS (
        INSERT INTO gateway.advertisers (slug, name) VALUES ('globex', 'Globex') RETURNING id
    ), kim AS (
        INSERT INTO gateway.users (email, name, password_hash) VALUES ('kim@example.com', 'Kim', '-') RETURNING id
    ), members AS (
        INSERT INTO gateway.memberships (advertiser_id, user_id, role)
        SELECT 1, id, 'admin' FROM kim UNION ALL SELECT 1, id, 'member' FROM mel
    )
    INSERT INTO gateway.invitations (advertiser_id, user_id, token_hash, role, invited_by, expires_at)
    SELECT 1, id, sha256('new'), 'admin', 1, %(now)s + interval '7 days' FROM fresh
    UNION ALL SELECT globex.id, kim.id, sha256('known'), 'member', 1, %(now)s + interval '1 day' FROM globex, kim
    UNION ALL SELECT globex.id, 1, sha256('mine'), 'admin', kim.id, %(now)s + interval '1 day' FROM globex, kim
"""
"""Two members beside Dana, somebody new who is invited, and invitations elsewhere for Kim and for Dana."""
