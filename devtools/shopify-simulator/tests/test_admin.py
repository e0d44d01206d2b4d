import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shopify_simulator import admin
from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import Record, Resource, Shop
from shopify_simulator.state import HostedShop

from .merchant import Merchant, eventually
from .serving import SECRET, Receiver, simulator

BULK = """
mutation {
  bulkOperationRunQuery(query: "{ customers { edges { node { id } } } }", groupObjects: false) {
    bulkOperation { id status }
    userErrors { field message }
  }
}
"""
STATUS = "query($id: ID!) { bulkOperation(id: $id) { status url } }"


def test_a_shop_tells_its_counts(address: str) -> None:
    with Merchant(address, "acme") as acme:
        created = acme.create(customers=11, orders=40, products=7, plan="plus", name="Acme Ltd")
        listed = acme.http.get("/_admin/shops").json()["shops"]

    assert created["counts"] == {"customers": 11, "orders": 40, "products": 7}
    assert 0 < created["visibleCounts"]["orders"] < 40
    assert (created["name"], created["plan"]) == ("Acme Ltd", "Plus")
    assert [shop["shop"] for shop in listed] == ["acme.myshopify.com"]


def test_the_same_seed_makes_the_same_shop(tmp_path: Path) -> None:
    truths = []
    for _ in range(2):
        with simulator(tmp_path) as address, Merchant(address, "acme") as acme:
            acme.create(seed=5)
            truths.append([product["title"] for product in acme.truth("products")])

    assert truths[0] == truths[1]


def test_truth_holds_every_record_with_its_connections(acme: Merchant) -> None:
    customers, orders, products = (acme.truth(name) for name in ("customers", "orders", "products"))

    assert (len(customers), len(orders), len(products)) == (20, 30, 10)
    assert all(isinstance(order["lineItems"], list) and order["lineItems"] for order in orders)
    assert all(isinstance(product["variants"], list) for product in products)


def test_two_who_want_the_same_name_at_once_do_not_both_get_it(acme: Merchant) -> None:
    body = {"shop": "wanted", "customers": 2_000, "orders": 0, "products": 0}

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: acme.http.post("/_admin/shops", json=body).status_code, range(2)))
    acme.http.delete("/_admin/shops/wanted")

    assert sorted(answers) == [201, 409]


async def test_truth_is_resolved_while_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = generate("acme.myshopify.com", seed=1, now=datetime.now(UTC), customers=500, orders=0, products=0)
    seen: list[Record] = []

    def resolved(_shop: Shop, _resource: Resource, record: Record) -> Record:
        seen.append(record)
        return record

    monkeypatch.setattr(admin, "resolved", resolved)

    answer = await admin.truth(HostedShop(shop), "customers")
    first = await answer.body_iterator.__aiter__().__anext__()

    assert isinstance(first, bytes)
    assert first.count(b"\n") == len(seen) == admin.TRUTH_CHUNK < 500


def test_truth_follows_references_as_graphql_does(acme: Merchant) -> None:
    sold = next(
        line["product"] for order in acme.truth("orders") for line in order["lineItems"] if line["product"]
    )
    acme.control("mutations", kind="product.delete", id=int(sold["legacyResourceId"]))

    orders, customers = acme.truth("orders"), acme.truth("customers")

    links = [line["product"] for order in orders for line in order["lineItems"]]
    lasts = [customer["lastOrder"] for customer in customers if customer["lastOrder"]]
    assert sold not in links
    assert lasts
    assert all(set(last) == {"id", "legacyResourceId", "createdAt", "processedAt"} for last in lasts)


def test_orders_leave_the_window_when_they_are_aged(acme: Merchant) -> None:
    before = {order["id"]: order for order in acme.truth("orders")}
    visible = acme.look()["visibleCounts"]["orders"]

    aged = acme.control("age-orders", orders=visible - 1, days=60)["aged"]

    after = {order["id"]: order for order in acme.truth("orders")}
    moved = {key for key, order in after.items() if order["createdAt"] != before[key]["createdAt"]}
    assert moved == {f"gid://shopify/Order/{number}" for number in aged}
    assert all({**after[key], "createdAt": before[key]["createdAt"]} == before[key] for key in moved)
    assert acme.look()["visibleCounts"]["orders"] == 1
    assert acme.admin.get("deliveries").json()["deliveries"] == []


def test_a_named_act_changes_the_truth(acme: Merchant) -> None:
    number = int(acme.truth("customers")[3]["legacyResourceId"])

    result = acme.control("mutations", kind="customer.update", id=number, changes={"last_name": "Ünïq"})

    change = result["changes"][0]
    customer = next(one for one in acme.truth("customers") if int(one["legacyResourceId"]) == number)
    assert (change["kind"], change["id"], change["topics"]) == (
        "customer.update",
        number,
        ["customers/update"],
    )
    assert (customer["lastName"], customer["updatedAt"]) == ("Ünïq", change["updatedAt"])


def test_random_acts_are_answered_with_what_they_changed(acme: Merchant) -> None:
    changes = acme.control("mutations", random=25, seed=3)["changes"]

    assert len(changes) >= 25
    assert all(change["topics"] and change["id"] for change in changes)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/shops/nobody", None, 404, "unknown_shop"),
        ("POST", "/shops", {"shop": "acme"}, 409, "shop_exists"),
        ("POST", "/shops", {"shop": "Bad Name"}, 422, "invalid_request"),
        ("POST", "/shops", {"shop": "new", "plan": "gold"}, 422, "unknown_plan"),
        ("POST", "/shops", {"shop": "new", "timezone": "Mars/Base"}, 422, "unknown_timezone"),
        ("POST", "/shops/acme/mutations", {}, 422, "invalid_request"),
        ("POST", "/shops/acme/mutations", {"kind": "order.frobnicate", "id": 1}, 422, "unknown_kind"),
        ("POST", "/shops/acme/mutations", {"kind": "order.cancel", "id": 1}, 404, "unknown_record"),
        ("POST", "/shops/acme/mutations", {"kind": "order.cancel"}, 422, "invalid_changes"),
        ("POST", "/shops/acme/mutations", {"kind": "order.edit", "id": 1, "changes": {"x": 1}}, 422, "invalid_changes"),
        ("POST", "/shops/acme/uninstall", None, 409, "not_installed"),
        ("POST", "/shops/acme/compliance", {"topic": "shop/redact"}, 409, "no_address"),
        ("POST", "/shops/acme/faults", [{"effect": "explode"}], 422, "invalid_request"),
        ("GET", "/shops/acme/truth/invoices", None, 422, "invalid_request"),
    ],
)  # fmt: skip
def test_mistakes_get_a_clear_answer(
    acme: Merchant, method: str, path: str, body: Any, status: int, error: str
) -> None:
    answer = acme.http.request(method, f"/_admin{path}", json=body)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_deleted_shop_is_gone(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    answer = acme.http.delete("/_admin/shops/acme")

    assert answer.status_code == 204
    assert acme.graphql(token).status_code == 404


def test_every_secret_ever_issued_is_known_and_shown_nowhere_else(acme: Merchant) -> None:
    first = acme.install()
    second = acme.token_call(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()

    secrets = acme.http.get("/_admin/secrets").json()
    overview = json.dumps(acme.look())

    tokens = {pair[key] for pair in (first, second) for key in ("access_token", "refresh_token")}
    assert tokens <= set(secrets["issued"])
    assert secrets["client_secret"] == SECRET
    assert not any(secret in overview for secret in tokens)


def test_calls_are_logged_with_operation_and_cost(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    acme.graphql(token, "query Facts { shop { name } }")

    call = acme.admin.get("calls").json()["calls"][-1]
    assert (call["method"], call["operation"], call["status"]) == ("POST", "Facts", 200)
    assert call["requested_cost"] == call["cost"] == 1
    assert call["available"] in (1_999, 2_000)
    assert not call["throttled"]


def test_the_log_tells_points_spent_and_who_was_throttled(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    path = {"path": "/graphql.json"}
    throttled = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    faults = [{**path, "effect": "throttled"}, {**path, "status": 429}, {**path, "status": 502},
              {**path, "status": 200, "body": throttled}, {**path, "effect": "replaced", "status": 429}]  # fmt: skip
    acme.admin.post("faults", json=faults)
    for _ in range(6):
        acme.graphql(token)
    acme.http.patch("/_admin/shops/acme", json={"api_points_left": 0})
    acme.graphql(token, "{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { id } } } } }")

    calls = acme.admin.get("calls", params={"limit": 7}).json()["calls"]

    assert [call["throttled"] for call in calls] == [True, True, False, True, True, False, True]
    assert [call["cost"] for call in calls] == [None, None, None, None, 1, 1, 0]
    assert calls[-1]["requested_cost"] > 100 > calls[-1]["available"]
    assert all(datetime.fromisoformat(call["time"]).tzinfo is not None for call in calls)


def test_the_log_of_calls_is_long(acme: Merchant) -> None:
    hosted = HostedShop(
        generate("acme.myshopify.com", seed=1, now=datetime.now(UTC), customers=0, orders=0, products=0)
    )

    assert (hosted.calls.maxlen or 0) >= 50_000
    assert acme.admin.get("calls", params={"limit": 50_000}).status_code == 200


def test_faults_strike_in_order_and_only_so_often(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    acme.admin.post(
        "faults",
        json=[
            {"operation": "Facts", "status": 503, "headers": {"Retry-After": "1"}, "times": 2},
            {"path": "/graphql.json", "effect": "throttled"},
        ],
    )

    untouched = acme.shop.get("/admin/oauth/access_scopes.json", headers={"X-Shopify-Access-Token": token})
    answers = [acme.graphql(token, "query Facts { shop { name } }") for _ in range(4)]

    assert untouched.status_code == 200
    assert [answer.status_code for answer in answers] == [503, 503, 200, 200]
    assert answers[0].headers["retry-after"] == "1"
    acme.http.patch("/_admin/shops/acme", json={"api_points_left": 0})
    spent = acme.graphql(token, "{ orders(first: 100) { nodes { id } } }").json()
    assert answers[2].json()["errors"] == spent["errors"]
    assert set(answers[2].json()["extensions"]["cost"]) == set(spent["extensions"]["cost"])
    assert answers[3].json()["data"] == {"shop": {"name": "Acme"}}


def test_a_dropped_answer_still_has_its_effect(acme: Merchant) -> None:
    first = acme.install()["refresh_token"]
    before = len(acme.http.get("/_admin/secrets").json()["issued"])
    acme.admin.post("faults", json=[{"path": "/admin/oauth/access_token", "effect": "drop"}])

    with pytest.raises(httpx.RemoteProtocolError):
        acme.token_call(grant_type="refresh_token", refresh_token=first)
    retried = acme.token_call(grant_type="refresh_token", refresh_token=first)

    after = acme.http.get("/_admin/secrets").json()["issued"][before:]
    assert retried.status_code == 200
    assert len([value for value in after if value.startswith("shprt_")]) == 2


def test_a_fault_lets_some_requests_pass_first(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    acme.admin.post("faults", json=[{"path": "/graphql.json", "skip": 2, "status": 500}])

    answers = [acme.graphql(token).status_code for _ in range(4)]

    assert answers == [200, 200, 500, 200]


def test_a_bulk_file_can_break_off(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    started = acme.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]
    operation = eventually(lambda: finished(acme, started["id"]))
    path = f"/bulk/{operation['url'].rsplit('/', 1)[1]}"
    acme.http.post("/_admin/faults", json=[{"path": path, "effect": "drop", "after_bytes": 30}])

    parts: list[bytes] = []

    with acme.http.stream("GET", path) as broken, pytest.raises(httpx.RemoteProtocolError):
        parts.extend(broken.iter_bytes())

    assert sum(map(len, parts)) == 30
    assert acme.http.get(path).status_code == 200


def test_the_address_of_a_bulk_file_expires(tmp_path: Path) -> None:
    with simulator(tmp_path) as address, Merchant(address, "acme") as acme:
        acme.create()
        token = acme.install()["access_token"]
        started = acme.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]
        path = urlsplit(eventually(lambda: finished(acme, started["id"]))["url"]).path
        before = acme.http.get(path).status_code

        changed = acme.http.patch("/_admin/bulk", json={"url_lifetime_seconds": 0}).json()

        after = acme.http.get(path)
        asked = acme.graphql(token, STATUS, {"id": started["id"]}).json()["data"]["bulkOperation"]
        assert changed["url_lifetime_seconds"] == 0
        assert (before, after.status_code) == (200, 403)
        assert "expired" in after.text
        assert asked == {"status": "COMPLETED", "url": None}


def test_the_files_of_a_shop_go_with_it(address: str) -> None:
    with Merchant(address, "gone") as shop:
        shop.create()
        token = shop.install()["access_token"]
        started = shop.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]
        path = urlsplit(eventually(lambda: finished(shop, started["id"]))["url"]).path
        before = shop.http.get(path).status_code

        shop.control("uninstall")
        shop.http.delete("/_admin/shops/gone")

        assert (before, shop.http.get(path).status_code) == (200, 404)


def test_a_bulk_operation_can_be_made_to_fail(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    acme.http.patch("/_admin/bulk", json={"fail_next": "TIMEOUT"})

    started = acme.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]

    operation = eventually(lambda: finished(acme, started["id"]))
    assert (operation["status"], operation["errorCode"]) == ("FAILED", "TIMEOUT")


def test_a_spent_budget_throttles_the_next_call(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    acme.http.patch("/_admin/shops/acme", json={"api_points_left": 0})

    answer = acme.graphql(token, "{ orders(first: 100) { nodes { id } } }")

    assert answer.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert acme.admin.get("calls").json()["calls"][-1]["throttled"]


def test_another_plan_is_another_budget(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    acme.control("mutations", kind="shop.update", changes={"plan": "plus"})

    status = acme.graphql(token).json()["extensions"]["cost"]["throttleStatus"]
    assert (status["maximumAvailable"], status["restoreRate"]) == (20_000, 1_000)
    assert acme.look()["plan"] == "Plus"


def test_a_bulk_operation_leaves_a_file_and_is_told(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    acme.subscribe(token, "BULK_OPERATIONS_FINISH", hooks.address)
    started = acme.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]

    operation = eventually(lambda: finished(acme, started["id"]))
    whole = acme.http.get(f"/bulk/{operation['url'].rsplit('/', 1)[1]}")
    part = acme.http.get(whole.url, headers={"Range": "bytes=0-9"})
    missing = acme.http.get("/bulk/nothing.jsonl")
    acme.settle()

    assert len(whole.text.splitlines()) == 20
    assert (part.status_code, part.content) == (206, whole.content[:10])
    assert missing.status_code == 404
    assert [json.loads(one.body)["admin_graphql_api_id"] for one in hooks.received] == [started["id"]]


def finished(acme: Merchant, number: str) -> dict[str, Any] | None:
    operation = next(one for one in acme.look()["bulkOperations"] if one["id"] == number)
    return None if operation["status"] in ("CREATED", "RUNNING") else dict(operation)


def test_uninstalling_by_graphql_ends_the_installation(acme: Merchant) -> None:
    token = acme.install()["access_token"]

    answer = acme.graphql(token, "mutation { appUninstall { userErrors { code message } } }")

    assert answer.json()["data"]["appUninstall"]["userErrors"] == []
    assert acme.graphql(token).status_code == 401
    assert acme.look()["installation"] is None


def test_health_is_told(address: str) -> None:
    assert httpx.get(f"{address}/healthz").json() == {"status": "ok"}
