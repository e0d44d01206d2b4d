"""How people get into their accounts: a forgotten password, with scripts and without."""

import base64
import json
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from sync_common.contracts.events import PasswordResetMailRequested

from ..conftest import KEYS
from ..seed import Seed
from .conftest import Served, looker
from .test_look import keep_picture, over_the_edge, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def mailed_token(seed: Seed, request: type[PasswordResetMailRequested]) -> str:
    """Return the token of the last mail, as the notifier opens it."""
    mail = json.loads(seed.scalar("SELECT body FROM gateway.outbox ORDER BY id DESC LIMIT 1"))
    sealed = base64.urlsafe_b64decode(mail["sealed_token"])
    return KEYS.open(sealed, context=request.sealing_context(mail["user_id"])).decode()


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
    await page.get_by_label("Email").fill("dana@example.com")
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_text("we have sent it a link")).to_be_visible()
    await page.goto(f"{served.url}/password/reset/{mailed_token(seed, PasswordResetMailRequested)}")
    await page.get_by_label("New password").fill("a wholly new one")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Your password was changed.")).to_be_visible()
    await page.get_by_label("Email").fill("dana@example.com")
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
