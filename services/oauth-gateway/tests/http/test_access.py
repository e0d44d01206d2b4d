"""What a stranger's request can do, and what every answer carries."""

import httpx
import pytest
from fastapi.routing import APIRoute

from oauth_gateway.domain.access import Role
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http import actions, checks, install, invitations, members, password_reset, privacy
from oauth_gateway.http import login as login_pages
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from sync_common.db import Database

from ..conftest import PASSWORD, PUBLIC_URL, RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, log_in, post, token_of

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


async def add_user(database: Database, *, email: str, slug: str, role: Role = Role.OWNER) -> None:
    await login.create_user(
        database, email=email, password=PASSWORD, name="Somebody", advertiser=slug, slug=slug, role=role
    )


async def test_foreign_advertiser_is_not_found(
    browser: httpx.AsyncClient, acme: int, database: Database
) -> None:
    await add_user(database, email="eve@example.com", slug="umbrella")
    await log_in(browser)

    foreign = await browser.get("/advertisers/umbrella/integrations/shopify")
    missing = await browser.get("/advertisers/nobody/integrations/shopify")

    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text.replace("nobody", "umbrella")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "syncs/{job}"),
        ("GET", "disconnect?store={store}"),
        ("GET", "stores/{store}/name"),
        ("GET", "stores/{store}/deliveries"),
        ("GET", "stores/{store}/products"),
        ("POST", "stores/{store}/products"),
        ("GET", "stores/{store}/proof"),
        ("POST", "stores/{store}/sync"),
        ("POST", "stores/{store}/check"),
        ("GET", "stores/{store}/deletions?check={check}&resource=orders"),
        ("POST", "stores/{store}/deletions"),
        ("POST", "stores/{store}/cancel"),
        ("POST", "stores/{store}/history"),
        ("POST", "stores/{store}/history/cancel"),
        ("POST", "stores/{store}/frequency"),
        ("POST", "stores/{store}/name"),
        ("POST", "stores/{store}/dismiss"),
        ("POST", "disconnect"),
    ],
)
async def test_foreign_ids_are_not_found(
    browser: httpx.AsyncClient,
    acme: int,
    database: Database,
    seed: Seed,
    fetcher: RecordedFetcher,
    method: str,
    path: str,
) -> None:
    await add_user(database, email="eve@example.com", slug="umbrella")
    umbrella = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    store_id = seed.store(umbrella, "umbrella.myshopify.com")
    job_id, check_id = seed.job(store_id), seed.check(store_id)
    seed.deletions(store_id, check_id, "orders", 1)
    await log_in(browser)
    url = f"{SHOPIFY}/{path.format(store=store_id, job=job_id, check=check_id)}"

    if method == "GET":
        answer = await browser.get(url)
    else:
        fields = {
            "sync_frequency": "daily",
            "products_frequency": "daily",
            "name": "Mine",
            "store": str(store_id),
            "check": str(check_id),
            "resource": "orders",
            "decision": "delete",
        }
        answer = await post(browser, SHOPIFY, url, **fields)

    assert answer.status_code == 404
    assert fetcher.calls == []
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


@pytest.mark.parametrize(
    "path",
    [
        "syncs/abc",
        "syncs/99999999999999999999999",
        "stores/-1/name",
        "stores/0/deliveries",
        "disconnect?store=x",
    ],
)
async def test_odd_ids_are_not_found(browser: httpx.AsyncClient, acme: int, path: str) -> None:
    await log_in(browser)

    answer = await browser.get(f"{SHOPIFY}/{path}")

    assert answer.status_code == 404


async def test_member_looks_but_does_not_change(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await add_user(database, email="mel@example.com", slug="acme", role=Role.MEMBER)
    await log_in(browser, email="mel@example.com")
    routes = [
        route
        for module in (actions, checks)
        for route in module.router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ()) and route.name != "dismiss"
    ]

    page = await browser.get(SHOPIFY)
    proof = await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")
    tried = {
        route.path: await post(
            browser, SHOPIFY, route.path.format(slug="acme", store_id=store_id), store=str(store_id)
        )
        for route in routes
    }

    assert page.status_code == proof.status_code == 200
    for shown in (page, proof):
        assert "Sync Now" not in shown.text
        assert "Settings" not in shown.text
        assert "Check Now" not in shown.text
        assert "Request Historical Access" not in shown.text
    assert len(tried) >= 11
    assert {answer.status_code for answer in tried.values()} == {403}
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "", "referer": ""},
        {"origin": "", "referer": "https://evil.example/"},
    ],
)
async def test_form_from_elsewhere_is_refused(
    browser: httpx.AsyncClient, acme: int, seed: Seed, headers: dict[str, str]
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)
    token = await token_of(browser, SHOPIFY)
    del browser.headers["origin"]
    sent = {name: value for name, value in headers.items() if value}

    answer = await browser.post(f"{SHOPIFY}/stores/{store_id}/sync", data={"csrf": token}, headers=sent)

    assert answer.status_code == 403
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


async def test_referer_of_our_page_stands_in_for_a_missing_origin(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)
    token = await token_of(browser, SHOPIFY)
    del browser.headers["origin"]

    answer = await browser.post(
        f"{SHOPIFY}/stores/{store_id}/sync", data={"csrf": token}, headers={"referer": f"{PUBLIC_URL}/x"}
    )

    assert answer.status_code == 303


@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
async def test_form_without_its_token_is_refused(
    browser: httpx.AsyncClient, acme: int, seed: Seed, token: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    answer = await browser.post(f"{SHOPIFY}/stores/{store_id}/sync", data={"csrf": token})

    assert answer.status_code == 403
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


async def test_form_token_of_one_session_is_worthless_in_another(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)
    token = await token_of(browser, SHOPIFY)
    browser.cookies.clear()
    await log_in(browser)

    answer = await browser.post(f"{SHOPIFY}/stores/{store_id}/sync", data={"csrf": token})

    assert answer.status_code == 403


async def test_every_change_needs_a_form_token(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)
    routes = [
        route
        for module in (actions, checks, install, privacy, login_pages, password_reset, members, invitations)
        for route in module.router.routes
        if isinstance(route, APIRoute)
    ]
    changes = [route.path for route in routes if "POST" in (route.methods or ())]

    answers = {
        path: (
            await browser.post(
                path.format(slug="acme", store_id=store_id, export_id=1, token="t", user_id=1), data={}
            )
        ).status_code
        for path in changes
    }

    assert len(answers) >= 25
    assert set(answers.values()) == {403}


async def test_large_forms_are_refused(browser: httpx.AsyncClient, acme: int) -> None:
    token = await token_of(browser, "/login")

    answer = await browser.post("/login", data={"csrf": token, "email": "x" * 70_000, "password": "y"})

    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/login", "/", SHOPIFY, "/nowhere", "/static/nothing.css"])
async def test_every_answer_carries_the_strict_headers(
    browser: httpx.AsyncClient, acme: int, seed: Seed, path: str
) -> None:
    seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    answer = await browser.get(path)

    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


async def test_redirects_never_name_the_host_that_was_asked_for(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/login/", headers={"host": "evil.example"})

    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_only_the_connect_form_may_lead_to_shopify(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)

    policy = (await browser.get(f"{SHOPIFY}/connect")).headers["content-security-policy"]

    assert "form-action 'self' http://127.0.0.1:8010;" in policy


async def test_https_brings_host_cookies_and_hsts(gateway: Gateway, acme: int) -> None:
    site = Site("https://app.example.com", "https://help.example.com", "https://{shop}")
    transport = httpx.ASGITransport(create_app(gateway, site, Hub(gateway)))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://app.example.com", headers={"origin": "https://app.example.com"}
    ) as browser:
        page = await browser.get("/login")
        answer = await log_in(browser)

    cookie = next(value for value in answer.headers.get_list("set-cookie") if "session=" in value)
    assert cookie.startswith("__Host-session=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert page.headers["strict-transport-security"].startswith("max-age=")


async def test_assets_are_kept_for_a_year(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/login")).text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]

    answer = await browser.get(address)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert "Inter Variable" in answer.text


async def test_theme_goes_round(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)
    seen = []

    for _ in range(3):
        answer = await post(browser, SHOPIFY, "/theme", return_to=SHOPIFY)
        assert answer.headers["location"] == SHOPIFY
        seen.append("data-theme=" in (await browser.get(SHOPIFY)).text)

    assert seen == [True, True, False]


async def test_theme_returns_to_the_page_with_its_query(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)
    page = f"{SHOPIFY}/disconnect?store={seed.store(acme, 'acme.myshopify.com')}"
    shown = (await browser.get(page)).text

    answer = await post(browser, page, "/theme", return_to=page)

    assert f'name="return_to" value="{page}"' in shown
    assert answer.headers["location"] == page


async def test_failure_shows_a_page_without_details(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)
    seed.execute("ALTER TABLE gateway.shopify_stores RENAME TO gone")

    answer = await browser.get(SHOPIFY)

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["cache-control"] == "no-store"
    assert "Something went wrong" in answer.text
    assert "gone" not in answer.text
    assert "Traceback" not in answer.text


async def test_fetcher_down_is_told(
    browser: httpx.AsyncClient, acme: int, seed: Seed, fetcher: RecordedFetcher
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    fetcher.status = 503
    await log_in(browser)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/disconnect", store=str(store_id))

    assert answer.status_code == 503
    assert "We could not reach Shopify just now" in answer.text


async def test_texts_of_people_are_escaped(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    seed.store(acme, "acme.myshopify.com", name='<script>alert("x")</script>')
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_pages_have_no_inline_script_or_style(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.disconnect(seed.store(acme, "acme-eu.myshopify.com"))
    job_id = seed.job(store_id)
    await log_in(browser)

    for path in (
        SHOPIFY,
        f"{SHOPIFY}/connect",
        f"{SHOPIFY}/syncs/{job_id}",
        f"{SHOPIFY}/disconnect?store={store_id}",
        f"{SHOPIFY}/stores/{store_id}/deliveries",
        "/advertisers/acme/privacy",
        "/advertisers/acme/members",
    ):
        page = (await browser.get(path)).text
        assert "<script>" not in page
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert len(page.encode()) < 50_000


async def test_person_without_an_advertiser_is_told_so(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    seed.execute("DELETE FROM gateway.memberships")
    await log_in(browser)

    answer = await browser.get("/")

    assert answer.status_code == 403
    assert "No advertiser yet" in answer.text


async def test_htmx_is_sent_to_log_in_when_the_session_has_ended(
    browser: httpx.AsyncClient, acme: int
) -> None:
    answer = await browser.get(f"{SHOPIFY}/syncs/1", headers={"hx-request": "true"})

    assert answer.headers["hx-redirect"] == "/login"
