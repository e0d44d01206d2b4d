"""A person's browser without scripts, for tests over the app's own interface."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from oauth_gateway.domain.oauth import signature
from sync_common.runtime import ManualClock

from ..conftest import PASSWORD

SHOPIFY = "/advertisers/acme/integrations/shopify"


async def token_of(browser: httpx.AsyncClient, page: str) -> str:
    """Return the form token of a page."""
    html = (await browser.get(page)).text
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', html)
    assert found, html
    return found[1]


async def post(browser: httpx.AsyncClient, page: str, path: str, **fields: str) -> httpx.Response:
    """Send a form of `page` with its token."""
    return await browser.post(path, data={"csrf": await token_of(browser, page), **fields})


async def log_in(
    browser: httpx.AsyncClient, email: str = "dana@example.com", password: str = PASSWORD
) -> httpx.Response:
    return await post(browser, "/login", "/login", email=email, password=password)


def callback_url(consent: str, clock: ManualClock, **changed: str) -> str:
    """Return what Shopify would redirect to after consent."""
    asked = parse_qs(urlsplit(consent).query)
    shop = urlsplit(consent).path.split("/")[2]
    values = {
        "code": "c0de",
        "shop": shop,
        "state": asked["state"][0],
        "timestamp": str(int(clock.now().timestamp())),
        **changed,
    }
    values["hmac"] = signature(list(values.items()), "hush")
    return f"/auth/shopify/callback?{urlencode(values)}"
