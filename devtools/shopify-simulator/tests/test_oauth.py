import re
from pathlib import Path

import httpx
import pytest

from shopify_simulator.signatures import query_signature

from .merchant import SCOPES, Merchant
from .serving import CALLBACK, SECRET, simulator

AUTHORIZE = "/admin/oauth/authorize"
ASKED = {"client_id": "client", "scope": SCOPES, "redirect_uri": CALLBACK, "state": "f00d"}


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        ({}, "4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20"),
        ({"state": "0.6784241404160823"}, "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"),
    ],
)
def test_callback_signature_equals_shopifys_vectors(parameters: dict[str, str], signature: str) -> None:
    common = {
        "code": "0907a61c0c8d55e99db179b68161bc00",
        "shop": "some-shop.myshopify.com",
        "timestamp": "1337178173",
    }

    signed = query_signature("hush", {**common, **parameters, "hmac": "ignored"})

    assert signed == signature


def test_consent_page_names_the_app_and_every_scope(acme: Merchant) -> None:
    page = acme.shop.get(AUTHORIZE, params=ASKED)

    assert page.status_code == 200
    assert "Install Shopsync" in page.text
    assert all(scope in page.text for scope in SCOPES.split(","))
    assert "<script" not in page.text


def test_consent_leads_back_to_the_app_with_a_signed_code(acme: Merchant) -> None:
    parameters = acme.consent(state="abc123")

    signature = parameters.pop("hmac")
    assert signature == query_signature(SECRET, parameters)
    assert set(parameters) == {"code", "host", "shop", "state", "timestamp"}
    assert (parameters["shop"], parameters["state"]) == ("acme.myshopify.com", "abc123")


@pytest.mark.parametrize("scopes", ["read_all_orders", "read_customers,read_all_orders"])
def test_all_orders_are_only_granted_with_orders(acme: Merchant, scopes: str) -> None:
    asked = acme.shop.post(AUTHORIZE, data={**ASKED, "scope": scopes, "decision": "install"})
    acme.install("read_orders,read_all_orders")
    set_later = acme.admin.post("scopes", json={"scopes": scopes.split(",")})

    assert (asked.status_code, set_later.status_code) == (400, 422)
    assert set_later.json()["message"] == "These scopes are invalid: read_all_orders."


def test_cancelling_leads_to_the_shops_admin_without_a_code(acme: Merchant) -> None:
    answer = acme.shop.post(AUTHORIZE, data={**ASKED, "decision": "cancel"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/shops/acme.myshopify.com/admin?cancelled=1"
    assert acme.look()["installation"] is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"client_id": "other"}, "application_cannot_be_found"),
        ({"redirect_uri": "https://evil.example.com/"}, "redirect_uri is not whitelisted"),
        ({"scope": "read_customers,write_webhooks"}, "These scopes are invalid: write_webhooks"),
    ],
)
def test_a_wrong_authorize_request_gets_an_error_page(
    acme: Merchant, wrong: dict[str, str], message: str
) -> None:
    answers = [acme.shop.get(AUTHORIZE, params={**ASKED, **wrong})]
    answers.append(acme.shop.post(AUTHORIZE, data={**ASKED, **wrong, "decision": "install"}))

    assert [answer.status_code for answer in answers] == [400, 400]
    assert all(message in answer.text for answer in answers)


def test_a_code_is_exchanged_once_for_an_expiring_pair(acme: Merchant) -> None:
    code = acme.consent()["code"]

    first = acme.token_call(code=code, expiring=1)
    second = acme.token_call(code=code, expiring=1)

    pair = first.json()
    assert re.fullmatch(r"shpat_[0-9a-f]{32}", pair["access_token"])
    assert re.fullmatch(r"shprt_[0-9a-f]{32}", pair["refresh_token"])
    assert (pair["expires_in"], pair["refresh_token_expires_in"], pair["scope"]) == (3600, 7_776_000, SCOPES)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_request")


def test_without_expiring_the_token_has_neither_end_nor_refresh_token(acme: Merchant) -> None:
    form = {"client_id": "client", "client_secret": SECRET, "code": acme.consent()["code"]}

    answer = acme.shop.post("/admin/oauth/access_token", data=form)

    assert set(answer.json()) == {"access_token", "scope"}
    assert acme.graphql(answer.json()["access_token"]).status_code == 200


def test_endless_tokens_can_be_refused(tmp_path: Path) -> None:
    with simulator(tmp_path, expiring_tokens_required=True) as address, Merchant(address, "acme") as acme:
        acme.create()
        endless = acme.token_call(code=acme.consent()["code"]).json()["access_token"]

        refused = acme.graphql(endless)

    assert refused.status_code == 403
    assert "Non-expiring access tokens are no longer accepted" in refused.json()["errors"]


def test_a_wrong_secret_gets_no_token(acme: Merchant) -> None:
    answer = acme.token_call(code=acme.consent()["code"], client_secret="wrong")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_refreshing_rotates_the_pair(acme: Merchant) -> None:
    pair = acme.install()

    fresh = acme.token_call(grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()

    assert fresh["access_token"] != pair["access_token"]
    assert fresh["refresh_token"] != pair["refresh_token"]
    assert acme.graphql(fresh["access_token"]).status_code == 200


def test_the_previous_refresh_token_can_be_retried_until_its_replacement_is_used(acme: Merchant) -> None:
    first = acme.install()["refresh_token"]
    acme.token_call(grant_type="refresh_token", refresh_token=first)

    retried = acme.token_call(grant_type="refresh_token", refresh_token=first)
    used = acme.token_call(grant_type="refresh_token", refresh_token=retried.json()["refresh_token"])
    too_late = acme.token_call(grant_type="refresh_token", refresh_token=first)

    assert (retried.status_code, used.status_code, too_late.status_code) == (200, 200, 401)
    assert too_late.json() == {
        "error": "invalid_request",
        "error_description": "This request requires an active refresh_token",
    }


def test_refreshes_are_counted_and_so_is_one_after_the_replacement_was_used(acme: Merchant) -> None:
    first = acme.install()["refresh_token"]
    lost = acme.token_call(grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    second = acme.token_call(grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    acme.token_call(grant_type="refresh_token", refresh_token=lost)
    kept = acme.look()["tokens"]

    acme.token_call(grant_type="refresh_token", refresh_token=second)
    acme.install()
    acme.token_call(grant_type="refresh_token", refresh_token=first)

    assert kept == {"refreshes": 2, "refused_refreshes": 1, "reused_after_use": 0}
    assert acme.look()["tokens"] == {"refreshes": 3, "refused_refreshes": 2, "reused_after_use": 1}


def test_a_dead_refresh_token_that_was_never_replaced_is_no_reuse(acme: Merchant) -> None:
    token = acme.install()["refresh_token"]
    acme.control("expire-tokens", refresh_tokens=True)

    acme.token_call(grant_type="refresh_token", refresh_token=token)
    acme.token_call(grant_type="refresh_token", refresh_token="shprt_unknown")

    assert acme.look()["tokens"] == {"refreshes": 0, "refused_refreshes": 2, "reused_after_use": 0}


def test_a_lost_replacement_dies_when_the_refresh_is_retried(acme: Merchant) -> None:
    first = acme.install()["refresh_token"]
    lost = acme.token_call(grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    acme.token_call(grant_type="refresh_token", refresh_token=first)

    answer = acme.token_call(grant_type="refresh_token", refresh_token=lost)

    assert answer.status_code == 401


def test_an_old_token_is_traded_for_an_expiring_pair_and_dies(acme: Merchant) -> None:
    old = acme.token_call(code=acme.consent()["code"]).json()["access_token"]
    offline = "urn:shopify:params:oauth:token-type:offline-access-token"
    asked = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": old,
        "subject_token_type": offline,
        "requested_token_type": offline,
        "expiring": "1",
    }

    traded, retried = acme.token_call(**asked), acme.token_call(**asked)

    assert acme.graphql(old).status_code == 401
    assert acme.graphql(traded.json()["access_token"]).status_code == 401
    assert acme.graphql(retried.json()["access_token"]).status_code == 200
    assert retried.json()["expires_in"] == 3600


def test_a_new_acquisition_replaces_the_earlier_pair(acme: Merchant) -> None:
    earlier = acme.install()

    later = acme.install()

    assert acme.graphql(earlier["access_token"]).status_code == 401
    assert acme.graphql(later["access_token"]).status_code == 200
    assert (
        acme.token_call(grant_type="refresh_token", refresh_token=earlier["refresh_token"]).status_code == 401
    )


def test_bad_and_expired_tokens_get_401_in_shopifys_words(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    acme.control("expire-tokens")

    answers = [acme.graphql(token), acme.graphql("shpat_wrong")]

    message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all(answer.json() == {"errors": message} for answer in answers)


def test_expired_refresh_tokens_cannot_be_revived(acme: Merchant) -> None:
    pair = acme.install()
    acme.control("expire-tokens", refresh_tokens=True)

    answer = acme.token_call(grant_type="refresh_token", refresh_token=pair["refresh_token"])

    assert answer.status_code == 401


def test_granted_scopes_are_listed(acme: Merchant) -> None:
    token = acme.install("read_orders,read_customers")["access_token"]

    answer = acme.shop.get("/admin/oauth/access_scopes.json", headers={"X-Shopify-Access-Token": token})

    assert answer.json() == {"access_scopes": [{"handle": "read_customers"}, {"handle": "read_orders"}]}


def test_an_installed_app_that_asks_for_nothing_new_skips_consent(acme: Merchant) -> None:
    acme.install()

    answer = acme.shop.get(AUTHORIZE, params=ASKED)
    wider = acme.shop.get(AUTHORIZE, params={**ASKED, "scope": f"{SCOPES},read_all_orders"})

    assert (answer.status_code, wider.status_code) == (303, 200)
    assert answer.headers["location"].startswith(f"{CALLBACK}?code=")


def test_the_install_link_is_signed(acme: Merchant) -> None:
    url = httpx.URL(acme.control("install-link", app_url="https://app.example.com/start?from=shopify")["url"])

    parameters = dict(url.params)
    signature = parameters.pop("hmac")
    assert signature == query_signature(SECRET, parameters)
    assert set(parameters) == {"from", "host", "shop", "timestamp"}


def test_an_app_removes_itself(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    answer = acme.shop.delete(
        "/admin/api_permissions/current.json", headers={"X-Shopify-Access-Token": token}
    )

    assert answer.status_code == 200
    assert acme.graphql(token).status_code == 401
    assert acme.look()["installation"] is None
