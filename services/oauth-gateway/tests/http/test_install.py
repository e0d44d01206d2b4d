"""An install that begins at Shopify: consent, log-in, the choice of an advertiser, and what is refused."""

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from oauth_gateway.domain.access import Role
from oauth_gateway.domain.oauth import signature
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from oauth_gateway.store import stores
from sync_common.db import Database
from sync_common.runtime import ManualClock

from ..conftest import PASSWORD, PUBLIC_URL, RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, callback_url, log_in, post

SHOP = "acme-eu.myshopify.com"
CLAIM = "c1a1m" * 12


@pytest.fixture(autouse=True)
def installed(fetcher: RecordedFetcher) -> None:
    """Let the fetcher answer as after an install."""
    fetcher.body = {
        "installation_id": 5,
        "shop_domain": SHOP,
        "shop_name": "Acme <Europe>",
        "claim": CLAIM,
    }


@pytest.fixture
async def other_browser(gateway: Gateway, site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return the browser of somebody else."""
    transport = httpx.ASGITransport(create_app(gateway, site, Hub(gateway)))
    async with httpx.AsyncClient(
        transport=transport, base_url=PUBLIC_URL, headers={"origin": PUBLIC_URL}
    ) as client:
        yield client


def link(clock: ManualClock, shop: str = SHOP, **more: str) -> str:
    """Return the address under which Shopify opens the app."""
    values = {"host": "YWRtaW4", "shop": shop, "timestamp": str(int(clock.now().timestamp())), **more}
    values["hmac"] = signature(list(values.items()), "hush")
    return f"/auth/shopify?{urlencode(values)}"


async def consent(browser: httpx.AsyncClient, clock: ManualClock, shop: str = SHOP) -> httpx.Response:
    """Open the app from Shopify and agree; return the answer to the callback."""
    opened = await browser.get(link(clock, shop))
    assert opened.status_code == 303, opened.text
    return await browser.get(callback_url(opened.headers["location"], clock))


async def add_member(database: Database, slug: str, role: Role, email: str = "dana@example.com") -> None:
    await login.create_user(
        database,
        email=email,
        password=PASSWORD,
        name="Dana Reyes",
        advertiser=slug.title(),
        slug=slug,
        role=role,
    )


async def test_merchant_without_a_session_installs_logs_in_and_connects(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    opened = await browser.get(link(clock))
    consented = opened.headers["location"]
    back = await browser.get(callback_url(consented, clock))
    asked = await browser.get(back.headers["location"])
    page = await browser.get(asked.headers["location"])
    logged_in = await post(
        browser,
        asked.headers["location"],
        "/login",
        email="dana@example.com",
        password=PASSWORD,
        next="/install",
    )
    choice = await browser.get(logged_in.headers["location"])
    before = browser.cookies["session"]
    done = await post(browser, "/install", "/install", shop=SHOP, advertiser="acme")
    landed = await browser.get(done.headers["location"])

    assert consented.startswith(f"http://127.0.0.1:8010/shops/{SHOP}/admin/oauth/authorize?client_id=app-1&")
    assert back.headers["location"] == "/install"
    assert asked.headers["location"] == "/login?next=/install"
    assert 'name="next" value="/install"' in page.text
    assert logged_in.headers["location"] == "/install"
    assert "Connect Acme &lt;Europe&gt;" in choice.text
    assert SHOP in choice.text
    assert 'value="acme" required checked' in choice.text
    assert done.headers["location"] == SHOPIFY
    assert browser.cookies["session"] != before
    assert "install" not in browser.cookies
    assert "Shopify store connected! Initial sync in progress..." in landed.text
    assert fetcher.calls == [
        ("/v1/installations", {"shop_domain": SHOP, "code": "c0de"}),
        (
            "/v1/connections",
            {
                "store_id": seed.scalar("SELECT id FROM gateway.shopify_stores"),
                "advertiser_id": acme,
                "user_id": seed.scalar("SELECT id FROM gateway.users"),
                "shop_domain": SHOP,
                "claim": CLAIM,
            },
        ),
    ]
    assert seed.scalar("SELECT count(*) FROM gateway.install_claims") == 0
    assert seed.scalar("SELECT count(*) FROM gateway.install_states") == 0


async def test_merchant_with_a_session_chooses_among_what_they_may_manage(
    browser: httpx.AsyncClient,
    acme: int,
    database: Database,
    seed: Seed,
    clock: ManualClock,
    fetcher: RecordedFetcher,
) -> None:
    await add_member(database, "umbrella", Role.ADMIN)
    await add_member(database, "looker", Role.MEMBER)
    await log_in(browser)
    await consent(browser, clock)

    page = await browser.get("/install")
    none_chosen = await post(browser, "/install", "/install", shop=SHOP)
    only_looked_at = await post(browser, "/install", "/install", shop=SHOP, advertiser="looker")
    foreign = await post(browser, "/install", "/install", shop=SHOP, advertiser="nobodys")
    done = await post(browser, "/install", "/install", shop=SHOP, advertiser="umbrella")

    assert page.text.count('type="radio"') == 2
    assert " checked" not in page.text
    assert none_chosen.status_code == 422
    assert "Choose the advertiser" in none_chosen.text
    assert (only_looked_at.status_code, foreign.status_code) == (403, 404)
    assert done.headers["location"] == "/advertisers/umbrella/integrations/shopify"
    umbrella = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    assert [body["advertiser_id"] for path, body in fetcher.calls if path == "/v1/connections"] == [umbrella]


async def test_shop_that_is_connected_already_opens_its_page(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, clock: ManualClock
) -> None:
    await add_member(database, "umbrella", Role.MEMBER)
    umbrella = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    store_id = seed.store(umbrella, SHOP)
    stranger = await browser.get(link(clock))
    await log_in(browser)

    opened = await browser.get(link(clock))
    seed.disconnect(store_id)
    disconnected = await browser.get(link(clock))

    assert "/admin/oauth/authorize" in stranger.headers["location"]
    assert opened.headers["location"] == "/advertisers/umbrella/integrations/shopify"
    assert "/admin/oauth/authorize" in disconnected.headers["location"]


async def test_shop_that_proves_connected_after_the_log_in_opens_its_page(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    """Whoever opened the app without a session was asked each time, and each time the store began anew."""
    seed.store(acme, SHOP)
    await consent(browser, clock)
    await log_in(browser)

    page = await browser.get("/install")

    assert page.headers["location"] == SHOPIFY
    assert [path for path, _ in fetcher.calls] == ["/v1/installations"]


async def test_connected_shop_of_others_goes_to_consent(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, clock: ManualClock
) -> None:
    await add_member(database, "umbrella", Role.OWNER, email="eve@example.com")
    seed.store(seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'"), SHOP)
    await log_in(browser)

    opened = await browser.get(link(clock))

    assert "/admin/oauth/authorize" in opened.headers["location"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda url: url.replace(SHOP, "other.myshopify.com"),
        lambda url: url.replace("hmac=", "hmac=0"),
        lambda url: f"{url}&shop={SHOP}",
        lambda url: url.split("&hmac=")[0],
        lambda _: "/auth/shopify",
    ],
)
async def test_address_that_shopify_did_not_sign_is_refused(
    browser: httpx.AsyncClient, seed: Seed, clock: ManualClock, damage: Callable[[str], str]
) -> None:
    answer = await browser.get(damage(link(clock)))

    assert answer.status_code == 400
    assert "Open the app from your Shopify admin again." in answer.text
    assert "install" not in browser.cookies
    assert seed.scalar("SELECT count(*) FROM gateway.install_states") == 0


async def test_old_address_is_refused(browser: httpx.AsyncClient, clock: ManualClock) -> None:
    url = link(clock)
    clock.advance(91)

    assert (await browser.get(url)).status_code == 400


async def test_state_works_once_in_ten_minutes_in_the_browser_that_began(
    browser: httpx.AsyncClient, other_browser: httpx.AsyncClient, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    first = (await browser.get(link(clock))).headers["location"]
    elsewhere = await other_browser.get(callback_url(first, clock))
    begun_there = (await other_browser.get(link(clock))).headers["location"]
    crossed = await browser.get(callback_url(begun_there, clock))
    kept = await browser.get(callback_url(first, clock))
    again = await browser.get(callback_url(first, clock))
    late = (await browser.get(link(clock))).headers["location"]
    clock.advance(601)
    expired = await browser.get(callback_url(late, clock))

    assert (elsewhere.status_code, crossed.status_code) == (400, 400)
    assert kept.headers["location"] == "/install"
    assert (again.status_code, expired.status_code) == (400, 400)
    assert [path for path, _ in fetcher.calls] == ["/v1/installations"]


async def test_state_belongs_to_the_shop_that_was_opened(
    browser: httpx.AsyncClient, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    opened = await browser.get(link(clock))

    answer = await browser.get(callback_url(opened.headers["location"], clock, shop="other.myshopify.com"))

    assert answer.status_code == 400
    assert fetcher.calls == []


async def test_claim_belongs_to_the_browser_that_consented(
    browser: httpx.AsyncClient,
    other_browser: httpx.AsyncClient,
    acme: int,
    clock: ManualClock,
    fetcher: RecordedFetcher,
) -> None:
    await consent(browser, clock)
    await log_in(other_browser)

    page = await other_browser.get("/install")
    tried = await post(other_browser, SHOPIFY, "/install", shop=SHOP, advertiser="acme")

    assert (page.status_code, tried.status_code) == (410, 410)
    assert "This installation has expired" in page.text
    assert [path for path, _ in fetcher.calls] == ["/v1/installations"]


async def test_claim_is_over_after_an_hour(browser: httpx.AsyncClient, acme: int, clock: ManualClock) -> None:
    await consent(browser, clock)
    await log_in(browser)
    clock.advance(3601)

    page = await browser.get("/install")

    assert page.status_code == 410
    assert "Open the app from your Shopify admin again." in page.text


async def test_claim_that_the_fetcher_refuses_is_told_and_forgotten(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await consent(browser, clock)
    await log_in(browser)
    fetcher.status, fetcher.body = 422, {"code": "claim_refused", "message": "used"}

    answer = await post(browser, "/install", "/install", shop=SHOP, advertiser="acme")

    assert answer.status_code == 410
    assert seed.scalar("SELECT count(*) FROM gateway.install_claims") == 0


async def test_outage_leaves_the_claim_for_another_try(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await consent(browser, clock)
    await log_in(browser)
    fetcher.status = 503

    failed = await post(browser, "/install", "/install", shop=SHOP, advertiser="acme")
    fetcher.status = 200
    again = await post(browser, "/install", "/install", shop=SHOP, advertiser="acme")

    assert (failed.status_code, again.status_code) == (503, 303)


async def test_page_of_another_install_connects_nothing(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    """A form left open in one tab would have connected the shop that was installed in another."""
    await consent(browser, clock)
    await log_in(browser)

    answer = await post(browser, "/install", "/install", shop="other.myshopify.com", advertiser="acme")

    assert answer.status_code == 410
    assert [path for path, _ in fetcher.calls] == ["/v1/installations"]


async def test_member_who_may_not_connect_is_told_what_to_do(
    browser: httpx.AsyncClient, acme: int, database: Database, clock: ManualClock
) -> None:
    await add_member(database, "acme", Role.MEMBER, email="mel@example.com")
    await log_in(browser, email="mel@example.com")
    await consent(browser, clock)

    page = await browser.get("/install")
    out = await post(browser, "/install", "/logout", next="/install")

    assert page.status_code == 403
    assert "You may look at Acme" in page.text
    assert "Connect store" not in page.text
    assert out.headers["location"] == "/login?next=/install"


async def test_person_without_an_advertiser_is_told_what_to_do(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    await log_in(browser)
    seed.execute("DELETE FROM gateway.memberships")
    await consent(browser, clock)

    page = await browser.get("/install")

    assert page.status_code == 403
    assert "belong to an advertiser yet" in page.text


async def test_missing_scopes_of_an_install_are_told(
    browser: httpx.AsyncClient, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    fetcher.status, fetcher.body = 422, {"code": "scopes_missing", "message": "orders"}

    answer = await consent(browser, clock)

    assert answer.status_code == 422
    assert "The store was not connected" in answer.text


async def test_claim_and_cookie_are_nowhere_to_be_read(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, seed: Seed
) -> None:
    opened = await browser.get(link(clock))
    back = await browser.get(callback_url(opened.headers["location"], clock))
    await log_in(browser)
    page = await browser.get("/install")
    secret = browser.cookies["install"]

    cookie = opened.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=3600"} <= set(cookie.split("; "))
    told = [opened.headers["location"], back.headers["location"], page.text]
    assert not any(CLAIM in text or secret in text for text in told)
    state = parse_qs(urlsplit(opened.headers["location"]).query)["state"][0]
    assert state != secret
    assert (
        seed.scalar(
            "SELECT count(*) FROM gateway.install_claims WHERE browser_hash = %(s)s", s=secret.encode()
        )
        == 0
    )
    assert not {"style", "script"} & set(page.text.lower().split("<body>")[1].split("<"))


async def test_redacted_shop_leaves_no_unfinished_install(
    browser: httpx.AsyncClient, acme: int, seed: Seed, database: Database, clock: ManualClock
) -> None:
    store_id = seed.store(acme, SHOP)
    await consent(browser, clock)
    await browser.get(link(clock))

    async with database.transaction(advertiser_id=acme) as tx:
        await stores.erase(tx, store_id)

    assert seed.scalar("SELECT count(*) FROM gateway.install_claims") == 0
    assert seed.scalar("SELECT count(*) FROM gateway.install_states") == 0


async def test_abandoned_installs_are_forgotten(
    browser: httpx.AsyncClient, seed: Seed, clock: ManualClock
) -> None:
    await browser.get(link(clock))
    await consent(browser, clock)
    clock.advance(3601)

    await browser.get(link(clock))

    assert seed.scalar("SELECT count(*) FROM gateway.install_states") == 1
    assert seed.scalar("SELECT count(*) FROM gateway.install_claims") == 0


async def test_typed_connect_works_in_a_browser_that_has_begun_an_install(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await log_in(browser)
    await browser.get(link(clock))

    begun = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")
    back = await browser.get(callback_url(begun.headers["location"], clock))

    assert back.headers["location"] == SHOPIFY
    assert [path for path, _ in fetcher.calls] == ["/v1/connections"]


async def test_callback_that_nobody_began_is_told_without_a_log_in(
    browser: httpx.AsyncClient, clock: ManualClock
) -> None:
    consented = f"http://127.0.0.1:8010/shops/{SHOP}/admin/oauth/authorize?state={'0' * 64}"

    answer = await browser.get(callback_url(consented, clock))

    assert answer.status_code == 400
    assert "This connection has expired" in answer.text
