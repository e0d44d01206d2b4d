from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .worlds import SCOPES, World, make_world, stored_query

CREATE = stored_query("webhook_subscription_create")
LIST = stored_query("webhook_subscriptions")
UPDATE = """
mutation Update($id: ID!, $webhookSubscription: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $webhookSubscription) {
    webhookSubscription { id uri name topic }
    userErrors { field message }
  }
}
"""
URI = "https://hooks.example.com/webhooks"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def create(world: World, topic: str = "ORDERS_CREATE", **entry: Any) -> dict[str, Any]:
    answer = world.data(CREATE, topic=topic, webhookSubscription={"uri": URI, **entry})
    return dict(answer["webhookSubscriptionCreate"])


def test_created_subscription_is_listed(world: World) -> None:
    created = create(world, name="sync", filter="id:*")["webhookSubscription"]

    listed = world.data(LIST, first=10)["webhookSubscriptions"]["nodes"]

    assert [item["id"] for item in listed] == [created["id"]]
    assert listed[0] | {"createdAt": "", "updatedAt": ""} == {
        "id": created["id"],
        "topic": "ORDERS_CREATE",
        "uri": URI,
        "format": "JSON",
        "filter": "id:*",
        "includeFields": [],
        "name": "sync",
        "apiVersion": {"handle": "2026-10", "supported": True},
        "createdAt": "",
        "updatedAt": "",
    }


def test_equal_subscription_is_refused(world: World) -> None:
    create(world)

    second = create(world)

    assert second["webhookSubscription"] is None
    assert second["userErrors"][0]["message"] == "Address for this topic has already been taken"


def test_other_topic_or_address_is_another_subscription(world: World) -> None:
    create(world)

    others = [create(world, "ORDERS_UPDATED"), create(world, uri=f"{URI}/other")]

    assert all(other["userErrors"] == [] for other in others)
    assert len(world.app.subscriptions) == 3


@pytest.mark.parametrize(
    "entry",
    [
        {"uri": ""},
        {"uri": "http://hooks.example.com"},
        {"uri": "http://127.0.0.1.evil.example"},
        {"uri": "https://"},
        {"uri": "https://xn--a/"},
        {"uri": "https://[::1/"},
        {"uri": "hooks.example.com"},
        {"name": "no spaces"},
        {"name": "x" * 51},
    ],
)
def test_bad_address_or_name_is_refused(world: World, entry: dict[str, str]) -> None:
    answer = create(world, **entry)

    assert answer["userErrors"]
    assert not world.app.subscriptions


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:8000/hooks", "http://localhost/hooks", "pubsub://project:topic", "arn:aws:events:x"],
)
def test_local_addresses_and_queues_are_taken(world: World, uri: str) -> None:
    assert create(world, uri=uri)["userErrors"] == []


@pytest.mark.parametrize("text", ["(id:1", "AND", "snowboard", "id:1 OR", "status:active snowboard"])
def test_invalid_filter_is_a_user_error(world: World, text: str) -> None:
    problem = create(world, filter=text)["userErrors"][0]

    assert problem["field"] == ["webhookSubscription", "filter"]
    assert problem["message"].startswith("The specified filter is invalid")


@pytest.mark.parametrize("topic", ["CUSTOMERS_MERGE", "ORDERS_CREATE", "REFUNDS_CREATE"])
def test_topic_needs_the_scope_of_its_resource(world: World, topic: str) -> None:
    world.granted(SCOPES - {"read_orders"})

    assert create(world, topic)["userErrors"][0]["field"] == ["topic"]


@pytest.mark.parametrize("topic", ["ORDERS_INVENTED", "CUSTOMERS_REDACT"])
def test_unknown_or_compliance_topic_is_an_invalid_variable(world: World, topic: str) -> None:
    answer = world.ask(CREATE, topic=topic, webhookSubscription={"uri": URI})

    assert answer["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"


def test_subscriptions_are_paged(world: World) -> None:
    for topic in ("ORDERS_CREATE", "ORDERS_UPDATED", "PRODUCTS_UPDATE"):
        create(world, topic)

    first = world.data(LIST, first=2)["webhookSubscriptions"]
    second = world.data(LIST, first=2, after=first["pageInfo"]["endCursor"])["webhookSubscriptions"]

    topics = [item["topic"] for page in (first, second) for item in page["nodes"]]
    assert topics == ["ORDERS_CREATE", "ORDERS_UPDATED", "PRODUCTS_UPDATE"]
    assert second["pageInfo"]["hasNextPage"] is False


def test_subscription_is_updated(world: World) -> None:
    created = create(world)["webhookSubscription"]

    answer = world.data(UPDATE, id=created["id"], webhookSubscription={"uri": f"{URI}/new", "name": "moved"})

    changed = answer["webhookSubscriptionUpdate"]["webhookSubscription"]
    assert changed == {"id": created["id"], "uri": f"{URI}/new", "name": "moved", "topic": "ORDERS_CREATE"}
    assert world.app.subscriptions[created["id"]]["uri"] == f"{URI}/new"


def test_deleted_subscription_is_gone_and_deleting_again_is_an_error(world: World) -> None:
    created = create(world)["webhookSubscription"]
    delete = stored_query("webhook_subscription_delete")

    answers = [world.data(delete, id=created["id"])["webhookSubscriptionDelete"] for _ in range(2)]

    assert [answer["deletedWebhookSubscriptionId"] for answer in answers] == [created["id"], None]
    assert answers[1]["userErrors"][0]["message"] == "Webhook subscription does not exist"


def test_version_of_a_subscription_is_the_apps_whatever_the_request_asks_by(world: World) -> None:
    created = create(world)["webhookSubscription"]
    world.context = replace(world.context, api_version="2026-01")

    listed = world.data(LIST, first=10)["webhookSubscriptions"]["nodes"]

    assert [(one["id"], one["apiVersion"]["handle"]) for one in listed] == [(created["id"], "2026-10")]


def test_uninstall_is_told_and_names_the_app(world: World) -> None:
    told: list[str] = []
    world.context = replace(world.context, on_uninstall=lambda shop, _app: told.append(shop.domain))

    answer = world.data(stored_query("app_uninstall"))["appUninstall"]

    assert answer == {"app": {"id": "gid://shopify/App/11"}, "userErrors": []}
    assert told == ["acme.myshopify.com"]
