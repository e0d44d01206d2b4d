from pathlib import Path
from typing import Any

import pytest

from .merchant import Merchant
from .serving import CALLBACK, simulator

QUERY = {"query": "{ shop { myshopifyDomain } }"}


@pytest.mark.parametrize("prefix", ["/shops/acme.myshopify.com", "/shops/acme", "/shops/ACME.myshopify.com"])
def test_a_shop_is_reached_by_path(acme: Merchant, prefix: str) -> None:
    token = acme.install()["access_token"]

    answer = acme.http.post(
        f"{prefix}/admin/api/2026-10/graphql.json",
        json=QUERY,
        headers={"X-Shopify-Access-Token": token},
    )

    assert answer.json()["data"] == {"shop": {"myshopifyDomain": "acme.myshopify.com"}}


@pytest.mark.parametrize("host", ["acme.myshopify.com", "acme.myshopify.com:8010"])
def test_a_shop_is_reached_by_host(acme: Merchant, host: str) -> None:
    token = acme.install()["access_token"]

    answer = acme.http.post(
        "/admin/api/2026-10/graphql.json",
        json=QUERY,
        headers={"X-Shopify-Access-Token": token, "Host": host},
    )

    assert answer.json()["data"] == {"shop": {"myshopifyDomain": "acme.myshopify.com"}}


@pytest.mark.parametrize("path", ["/shops/other/admin", "/admin", "/shops/acme.evil.com/admin"])
def test_an_unknown_shop_is_not_found(acme: Merchant, path: str) -> None:
    answer = acme.http.get(f"{path}")

    assert answer.status_code == 404


def test_a_token_works_on_its_own_shop_only(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    with Merchant(acme.address, "other") as other:
        other.create()

        assert other.graphql(token).status_code == 401


@pytest.mark.parametrize(
    ("asked", "answering"),
    [("2026-10", "2026-10"), ("2024-07", "2026-01"), ("unstable", "unstable"), ("2031-01", "2026-10")],
)
def test_any_version_is_answered_and_the_answering_one_is_named(
    acme: Merchant, asked: str, answering: str
) -> None:
    token = acme.install()["access_token"]

    answer = acme.shop.post(
        f"/admin/api/{asked}/graphql.json", json=QUERY, headers={"X-Shopify-Access-Token": token}
    )

    assert answer.headers["X-Shopify-API-Version"] == answering
    assert {"date", "x-request-id"} <= set(answer.headers)


def test_the_version_that_answers_can_be_another(tmp_path: Path) -> None:
    with simulator(tmp_path) as address, Merchant(address, "acme") as acme:
        acme.create()
        token = acme.install()["access_token"]
        named = []
        for version in ("2027-01", None):
            acme.http.patch("/_admin/api", json={"answers_as": version})
            named.append(acme.graphql(token).headers["X-Shopify-API-Version"])
        refused = [acme.http.patch("/_admin/api", json=body) for body in ({}, {"answers_as": "new"})]

    assert named == ["2027-01", "2026-10"]
    assert [answer.status_code for answer in refused] == [422, 422]


@pytest.mark.parametrize(
    ("status", "code"), [("frozen", 402), ("forbidden", 403), ("closed", 404), ("locked", 423)]
)
def test_the_state_of_a_shop_decides_the_answer(acme: Merchant, status: str, code: int) -> None:
    token = acme.install()["access_token"]
    acme.http.patch("/_admin/shops/acme", json={"status": status})

    refused = acme.graphql(token)
    acme.http.patch("/_admin/shops/acme", json={"status": "active"})
    answered = acme.graphql(token)

    assert (refused.status_code, answered.status_code) == (code, 200)
    assert "errors" in refused.json()


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"query": 1}', '{"query": "{ shop { id } }", "variables": 1}']
)
def test_a_body_that_is_no_graphql_request_gets_400(acme: Merchant, body: str) -> None:
    token = acme.install()["access_token"]

    answer = acme.shop.post(
        "/admin/api/2026-10/graphql.json", content=body, headers={"X-Shopify-Access-Token": token}
    )

    assert answer.status_code == 400


def test_the_rest_shop_answers_clients_that_ask_for_it_first(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    answer = acme.shop.get("/admin/api/2025-07/shop.json", headers={"X-Shopify-Access-Token": token})

    assert answer.json()["shop"]["myshopify_domain"] == "acme.myshopify.com"
    assert answer.headers["X-Shopify-API-Version"] == "2026-01"


def test_the_index_lists_the_shops(acme: Merchant) -> None:
    index = acme.http.get("/")
    shop = acme.shop.get("/")

    assert "/shops/acme.myshopify.com/admin" in index.text
    assert shop.headers["location"] == "/shops/acme.myshopify.com/admin"


def test_links_into_the_admin_open_a_page(acme: Merchant) -> None:
    order: dict[str, Any] = acme.truth("orders")[0]

    pages = [
        acme.shop.get(path)
        for path in (
            "/admin",
            "/admin/orders",
            f"/admin/orders/{order['legacyResourceId']}",
            "/admin/products",
        )
    ]
    missing = acme.shop.get("/admin/customers/1")
    stylesheet = acme.shop.get("/assets/simulator.css")

    assert [page.status_code for page in [*pages, missing, stylesheet]] == [200, 200, 200, 200, 404, 200]
    assert order["name"] in pages[2].text


def test_pages_lead_back_by_the_way_the_shop_was_reached(acme: Merchant) -> None:
    by_path = acme.shop.get("/admin").text
    by_host = acme.http.get("/admin", headers={"Host": "acme.myshopify.com"}).text

    assert 'href="/shops/acme.myshopify.com/admin/orders"' in by_path
    assert 'href="/admin/orders"' in by_host


def test_the_consent_form_works_by_host(acme: Merchant) -> None:
    form = {"client_id": "client", "scope": "read_orders", "redirect_uri": CALLBACK, "decision": "install"}

    answer = acme.http.post("/admin/oauth/authorize", data=form, headers={"Host": "acme.myshopify.com"})

    assert answer.status_code == 303
