import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .merchant import Merchant, eventually
from .serving import SECRET, Receiver, simulator


def delivered(acme: Merchant, topic: str) -> dict[str, Any] | None:
    found = acme.admin.get("deliveries", params={"topic": topic, "state": "delivered"}).json()["deliveries"]
    return dict(found[0]) if found else None


def test_a_change_is_delivered_signed_with_every_header(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "CUSTOMERS_UPDATE", hooks.address, name="sync")
    customer = acme.truth("customers")[0]

    acme.control(
        "mutations", kind="customer.update", id=int(customer["legacyResourceId"]), changes={"note": "hi"}
    )
    acme.settle()

    delivery = next(one for one in hooks.received if one.headers["x-shopify-topic"] == "customers/update")
    expected = base64.b64encode(hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).digest()).decode()
    assert delivery.headers["x-shopify-hmac-sha256"] == expected
    assert delivery.headers["x-shopify-shop-domain"] == "acme.myshopify.com"
    assert delivery.headers["x-shopify-api-version"] == "2026-10"
    assert delivery.headers["x-shopify-name"] == "sync"
    assert re.fullmatch(r"[0-9T:-]{19}\.\d{9}Z", delivery.headers["x-shopify-triggered-at"])
    assert {"x-shopify-webhook-id", "x-shopify-event-id"} <= set(delivery.headers)
    body = json.loads(delivery.body)
    assert (body["id"], body["note"]) == (int(customer["legacyResourceId"]), "hi")


def test_only_what_passes_the_filter_is_delivered(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "CUSTOMERS_UPDATE", hooks.address, filter="note:vip*", includeFields=["id"])
    acme.subscribe(token, "CUSTOMERS_UPDATE", f"{hooks.address}?all")
    first, second = (int(one["legacyResourceId"]) for one in acme.truth("customers")[:2])

    acme.control("mutations", kind="customer.update", id=first, changes={"note": "none"})
    acme.control("mutations", kind="customer.update", id=second, changes={"note": "VIP since May"})
    acme.settle()

    filtered = [json.loads(one.body) for one in hooks.received if len(json.loads(one.body)) == 1]
    assert filtered == [{"id": second}]
    assert len(hooks.received) == 1 + 2


def test_one_event_has_one_id_and_each_delivery_its_own(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "CUSTOMERS_UPDATE", hooks.address)
    acme.subscribe(token, "CUSTOMERS_UPDATE", f"{hooks.address}?second")
    customer = acme.truth("customers")[0]

    acme.control(
        "mutations", kind="customer.update", id=int(customer["legacyResourceId"]), changes={"note": "hi"}
    )
    acme.settle()

    assert len(hooks.received) == 2
    assert len({one.headers["x-shopify-event-id"] for one in hooks.received}) == 1
    assert len({one.headers["x-shopify-webhook-id"] for one in hooks.received}) == 2


def test_a_refused_delivery_is_repeated_unchanged_until_it_is_taken(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "ORDERS_DELETE", hooks.address)
    hooks.statuses = [500, 302, 404]
    order = acme.truth("orders")[0]

    acme.control("mutations", kind="order.delete", id=int(order["legacyResourceId"]))
    acme.settle()

    assert len(hooks.received) == 4
    assert len({(one.headers["x-shopify-webhook-id"], one.body) for one in hooks.received}) == 1
    log = acme.admin.get("deliveries").json()["deliveries"][-1]
    assert [attempt["status"] for attempt in log["attempts"]] == [500, 302, 404, 200]
    assert log["state"] == "delivered"


def test_a_subscription_whose_eight_retries_fail_is_deleted(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "ORDERS_DELETE", hooks.address)
    kept = acme.subscribe(token, "PRODUCTS_DELETE", hooks.address)
    hooks.status = 500
    order = acme.truth("orders")[0]

    acme.control("mutations", kind="order.delete", id=int(order["legacyResourceId"]))
    acme.settle()

    assert len(hooks.received) == 1 + 8
    assert [one["id"] for one in acme.look()["subscriptions"]] == [kept]
    assert acme.admin.get("deliveries", params={"state": "failed"}).json()["total"] == 1


def test_ids_of_subscriptions_are_unique_over_shops_and_reinstallations(address: str) -> None:
    found = []
    for name in ("first", "second"):
        with Merchant(address, name) as shop:
            shop.create()
            for _ in range(2):
                token = shop.install()["access_token"]
                found.append(shop.subscribe(token, "ORDERS_DELETE", "https://hooks.example.com"))
                shop.control("uninstall")

    assert len(set(found)) == 4


def test_held_deliveries_go_out_shuffled_and_twice(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "ORDERS_DELETE", hooks.address)
    ids = [int(order["legacyResourceId"]) for order in acme.truth("orders")]
    acme.control("deliveries/hold")

    for number in ids:
        acme.control("mutations", kind="order.delete", id=number)
    before = len(hooks.received)
    result = acme.control("deliveries/release", shuffle=True, duplicate=1.0, seed=5, in_sequence=True)
    acme.settle()

    arrived = [json.loads(one.body)["id"] for one in hooks.received]
    assert before == 0
    assert result == {"released": len(ids), "duplicated": len(ids), "dropped": 0}
    assert Counter(arrived) == dict.fromkeys(ids, 2)
    assert arrived not in (ids * 2, sorted(ids * 2))
    assert len({one.headers["x-shopify-webhook-id"] for one in hooks.received}) == len(ids)


def test_a_share_of_held_deliveries_is_lost(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "ORDERS_DELETE", hooks.address)
    acme.control("deliveries/hold")
    for order in acme.truth("orders"):
        acme.control("mutations", kind="order.delete", id=int(order["legacyResourceId"]))

    result = acme.control("deliveries/release", drop=0.5, seed=5)
    acme.settle()

    assert result["dropped"] > 0
    assert len(hooks.received) == result["released"] == 30 - result["dropped"]


def test_random_acts_reach_the_app_as_changes_of_what_it_subscribed_to(
    acme: Merchant, hooks: Receiver
) -> None:
    token = acme.install()["access_token"]
    for topic in ("CUSTOMERS_UPDATE", "ORDERS_CREATE", "ORDERS_UPDATED", "PRODUCTS_UPDATE"):
        acme.subscribe(token, topic, hooks.address)

    changes = acme.control("mutations", random=40, seed=11)["changes"]
    acme.settle()

    subscribed = {"customers/update", "orders/create", "orders/updated", "products/update"}
    expected = Counter(topic for change in changes for topic in change["topics"] if topic in subscribed)
    assert Counter(hooks.topics()) == expected
    assert sum(expected.values()) > 0


def test_an_address_that_cannot_be_called_stops_no_worker(tmp_path: Path, hooks: Receiver) -> None:
    with (
        simulator(tmp_path, app_webhook_uri="https://xn--a/", delivery_workers=1) as address,
        Merchant(address, "acme") as acme,
    ):
        acme.create()
        acme.subscribe(acme.install()["access_token"], "ORDERS_DELETE", hooks.address)

        acme.control("compliance", topic="shop/redact")
        acme.control("mutations", kind="order.delete", id=int(acme.truth("orders")[0]["legacyResourceId"]))
        acme.settle()
        failed = acme.admin.get("deliveries", params={"state": "failed"}).json()["deliveries"]

    assert hooks.topics() == ["orders/delete"]
    assert [len(one["attempts"]) for one in failed] == [1 + 8]


def test_uninstalling_is_told_and_shop_redact_follows(tmp_path: Path, hooks: Receiver) -> None:
    with (
        simulator(tmp_path, app_webhook_uri=f"{hooks.address}?app") as address,
        Merchant(address, "acme") as acme,
    ):
        acme.create()
        token = acme.install()["access_token"]
        acme.subscribe(token, "APP_UNINSTALLED", hooks.address)

        acme.control("uninstall")
        acme.settle()
        redact = eventually(lambda: delivered(acme, "shop/redact"))
        told = delivered(acme, "app/uninstalled")

    assert sorted(hooks.topics()) == ["app/uninstalled", "shop/redact"]
    assert redact["uri"].endswith("?app")
    assert told is not None
    # 48 hours on the scaled clock.
    apart = datetime.fromisoformat(redact["triggeredAt"]) - datetime.fromisoformat(told["triggeredAt"])
    assert apart >= timedelta(seconds=0.17)
    assert hooks.received[-1].headers["x-shopify-triggered-at"] == redact["triggeredAt"]
    assert json.loads(hooks.received[-1].body)["shop_domain"] == "acme.myshopify.com"


def test_a_change_of_scopes_is_told(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install("read_orders")["access_token"]
    acme.subscribe(token, "APP_SCOPES_UPDATE", hooks.address)

    acme.control("scopes", scopes=["read_customers", "read_orders"])
    acme.settle()

    body = json.loads(hooks.received[0].body)
    assert (body["previous"], body["current"]) == (["read_orders"], ["read_customers", "read_orders"])


def test_compliance_webhooks_go_to_the_configured_address(tmp_path: Path, hooks: Receiver) -> None:
    with simulator(tmp_path, app_webhook_uri=hooks.address) as address, Merchant(address, "acme") as acme:
        acme.create()
        order = next(one for one in acme.truth("orders") if one["customer"])
        customer_id = int(order["customer"]["legacyResourceId"])

        acme.control("compliance", topic="customers/redact", customer_id=customer_id)
        acme.settle()

    body = json.loads(hooks.received[0].body)
    assert hooks.topics() == ["customers/redact"]
    assert body["customer"]["id"] == customer_id
    assert int(order["legacyResourceId"]) in body["orders_to_redact"]


def test_a_deleted_customer_is_redacted_as_it_was_last(tmp_path: Path, hooks: Receiver) -> None:
    with simulator(tmp_path, app_webhook_uri=hooks.address) as address, Merchant(address, "acme") as acme:
        acme.create()
        customer = next(
            one for one in acme.truth("customers") if one["lastOrder"] is None and one["defaultEmailAddress"]
        )
        customer_id = int(customer["legacyResourceId"])
        acme.control("mutations", kind="customer.delete", id=customer_id)

        acme.control("compliance", topic="customers/redact", customer_id=customer_id)
        acme.settle()

    body = json.loads(hooks.received[0].body)
    assert body["customer"]["id"] == customer_id
    assert body["customer"]["email"] == customer["defaultEmailAddress"]["emailAddress"]
    assert body["orders_to_redact"] == []
