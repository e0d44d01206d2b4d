"""Shopify's signatures, its own examples included, and the checks of a callback."""

from datetime import UTC, datetime, timedelta

import pytest

from oauth_gateway.domain.oauth import (
    Callback,
    authorize_url,
    shop_domain,
    signature,
    typed_shop_domain,
    verify_callback,
    verify_link,
)
from oauth_gateway.errors import CallbackRefused, LinkRefused

SECRET = "hush"
NOW = datetime.fromtimestamp(1337178173, UTC)  # the timestamp of Shopify's example
VALUES = {
    "code": "0907a61c0c8d55e99db179b68161bc00",
    "shop": "some-shop.myshopify.com",
    "state": "0.6784241404160823",
    "timestamp": "1337178173",
}


def signed(values: dict[str, str], secret: str = SECRET) -> list[tuple[str, str]]:
    pairs = list(values.items())
    return [*pairs, ("hmac", signature(pairs, secret))]


def test_signature_of_shopifys_example_without_state() -> None:
    pairs = [(name, value) for name, value in VALUES.items() if name != "state"]

    assert signature(pairs, SECRET) == "4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20"


def test_signature_of_shopifys_example_with_state() -> None:
    assert (
        signature(list(VALUES.items()), SECRET)
        == "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"
    )


def test_signature_covers_every_parameter_but_itself_in_any_order() -> None:
    pairs = list(VALUES.items())

    assert signature([*reversed(pairs), ("hmac", "x"), ("signature", "y")], SECRET) == signature(
        pairs, SECRET
    )
    assert signature([*pairs, ("host", "abc")], SECRET) != signature(pairs, SECRET)


def test_callback_is_verified() -> None:
    assert verify_callback(signed(VALUES), secrets=[SECRET], now=NOW) == Callback(
        VALUES["code"], "some-shop.myshopify.com", VALUES["state"]
    )


def test_callback_signed_with_the_previous_secret_is_verified() -> None:
    assert verify_callback(signed(VALUES, "old"), secrets=[SECRET, "old"], now=NOW).code == VALUES["code"]


def test_unknown_parameters_are_signed_too() -> None:
    values = {**VALUES, "host": "YWRtaW4", "new_one": "1"}

    assert verify_callback(signed(values), secrets=[SECRET], now=NOW).shop_domain == "some-shop.myshopify.com"


@pytest.mark.parametrize("seconds", [-90, 90])
def test_timestamp_within_ninety_seconds_is_recent(seconds: int) -> None:
    callback = verify_callback(signed(VALUES), secrets=[SECRET], now=NOW + timedelta(seconds=seconds))

    assert callback.shop_domain == "some-shop.myshopify.com"


@pytest.mark.parametrize("seconds", [-91, 91])
def test_timestamp_beyond_ninety_seconds_is_refused(seconds: int) -> None:
    with pytest.raises(CallbackRefused, match="timestamp is not recent"):
        verify_callback(signed(VALUES), secrets=[SECRET], now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-1337178173", "1337178173.0", "1_337_178_173", "１３３７１７８１７３"]
)
def test_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    with pytest.raises(CallbackRefused, match="timestamp"):
        verify_callback(signed({**VALUES, "timestamp": timestamp}), secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("name", ["code", "shop", "state", "timestamp", "hmac", "host"])
def test_duplicate_parameters_are_refused(name: str) -> None:
    pairs = signed({**VALUES, "host": "abc"})
    repeated = [*pairs, (name, dict(pairs)[name])]

    with pytest.raises(CallbackRefused, match="twice"):
        verify_callback(repeated, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("name", ["code", "shop", "state", "timestamp", "hmac"])
def test_missing_parameters_are_refused(name: str) -> None:
    pairs = [pair for pair in signed(VALUES) if pair[0] != name]

    with pytest.raises(CallbackRefused, match=name):
        verify_callback(pairs, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    "given", ["", "0" * 64, "ü", "700E2DADB827FCC8609E9D5CE208B2E9CDAAB9DF07390D2CBCA10D7C328FC4BF"]
)
def test_wrong_hmac_is_refused(given: str) -> None:
    with pytest.raises(CallbackRefused, match="hmac"):
        verify_callback([*VALUES.items(), ("hmac", given)], secrets=[SECRET], now=NOW)


LINK = {"shop": "some-shop.myshopify.com", "timestamp": "1337178173"}


@pytest.mark.parametrize("more", [{}, {"host": "YWRtaW4"}, {"embedded": "0"}])
@pytest.mark.parametrize("secret", [SECRET, "old"])
def test_link_is_verified_with_any_parameters_and_any_active_secret(
    more: dict[str, str], secret: str
) -> None:
    shop = verify_link(signed({**LINK, **more}, secret), secrets=[SECRET, "old"], now=NOW)

    assert shop == "some-shop.myshopify.com"


@pytest.mark.parametrize("seconds", [-91, 91])
def test_link_beyond_ninety_seconds_is_refused(seconds: int) -> None:
    with pytest.raises(LinkRefused, match="timestamp is not recent"):
        verify_link(signed(LINK), secrets=[SECRET], now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("name", ["shop", "timestamp", "hmac"])
def test_link_with_a_parameter_missing_or_twice_is_refused(name: str) -> None:
    pairs = signed(LINK)

    with pytest.raises(LinkRefused, match=name):
        verify_link([pair for pair in pairs if pair[0] != name], secrets=[SECRET], now=NOW)
    with pytest.raises(LinkRefused, match="twice"):
        verify_link([*pairs, (name, dict(pairs)[name])], secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"shop": "some-shop.myshopify.com\n"}, "shop is not a shop domain"),
        ({"shop": "some-shop.myshopify.com.evil.com"}, "shop is not a shop domain"),
        ({"shop": "other.myshopify.com"}, "hmac does not match"),
        ({"host": "added-later"}, "hmac does not match"),
    ],
)
def test_changed_link_is_refused(changed: dict[str, str], check: str) -> None:
    values = {**dict(signed(LINK)), **changed}

    with pytest.raises(LinkRefused, match=check):
        verify_link(list(values.items()), secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    "shop",
    [
        "some-shop.myshopify.com\n",
        "some-shop.myshopify.com.evil.com",
        "evil.com/some-shop.myshopify.com",
        "some_shop.myshopify.com",
        "-shop.myshopify.com",
        ".myshopify.com",
        "a" * 100 + ".myshopify.com",
        "şhop.myshopify.com",
    ],
)
def test_shop_that_is_no_shop_is_refused_even_when_signed(shop: str) -> None:
    with pytest.raises(CallbackRefused, match="shop is not a shop domain"):
        verify_callback(signed({**VALUES, "shop": shop}), secrets=[SECRET], now=NOW)


def test_shop_domain_is_lower_cased() -> None:
    assert shop_domain("Some-Shop.MyShopify.com") == "some-shop.myshopify.com"


@pytest.mark.parametrize(
    "typed",
    [
        "acme",
        " Acme ",
        "acme.myshopify.com",
        "https://acme.myshopify.com/",
        "http://ACME.myshopify.com/admin/orders?x=1",
        "https://admin.shopify.com/store/acme/settings",
    ],
)
def test_typed_shops_are_understood(typed: str) -> None:
    assert typed_shop_domain(typed) == "acme.myshopify.com"


@pytest.mark.parametrize(
    "typed", ["", "acme.com", "https://acme.com", "acme shop", "acme.myshopify.com.evil.com", "a\nb"]
)
def test_other_typed_texts_are_not(typed: str) -> None:
    assert typed_shop_domain(typed) is None


def test_authorize_url_asks_for_an_offline_token() -> None:
    url = authorize_url(
        "https://acme.myshopify.com",
        client_id="app",
        scopes="read_customers,read_orders",
        redirect_uri="https://app.example.com/auth/shopify/callback",
        state="00ff",
    )

    assert url == (
        "https://acme.myshopify.com/admin/oauth/authorize?client_id=app&scope=read_customers%2Cread_orders"
        "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Fshopify%2Fcallback&state=00ff"
    )
