"""A person's browser without scripts, for tests over the app's own interface."""

import re

import httpx

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
