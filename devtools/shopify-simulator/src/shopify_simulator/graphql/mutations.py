"""The mutations an app uses on its own installation: webhook subscriptions, bulk operations and its uninstallation."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from shopify_simulator.graphql.access import has_scope
from shopify_simulator.graphql.context import Execution
from shopify_simulator.graphql.filters import read_filter
from shopify_simulator.graphql.protected import PROTECTED_TOPICS, denies
from shopify_simulator.graphql.search import SearchError
from shopify_simulator.shop.model import Record, gid, timestamp

SUBSCRIPTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
QUEUE_SCHEMES = ("pubsub://", "arn:aws:events:")
# Shopify takes https only; what runs on the same machine needs no certificate here.
PLAIN_HOSTS = {"127.0.0.1", "localhost"}
INVALID_FILTER = (
    "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on."
)
NOT_APPROVED = "This app is not approved to subscribe to webhook topics containing protected customer data"
# Only topics whose resource needs a scope; shopify.dev/docs/api/webhooks lists the scope of each topic.
TOPIC_SCOPES = (
    ("CUSTOMERS_MERGE", "read_customer_merge"),
    ("CUSTOMERS_", "read_customers"),
    ("CUSTOMER_", "read_customers"),
    ("ORDERS_", "read_orders"),
    ("REFUNDS_", "read_orders"),
    ("PRODUCTS_", "read_products"),
    ("INVENTORY_", "read_inventory"),
)


def _error(message: str, *path: str) -> Record:
    return {"field": list(path) or None, "message": message}


def _address_problem(uri: str) -> str | None:
    """What is wrong with an HTTP address, read as the sender will read it."""
    try:
        url = httpx.URL(uri)
        scheme, host = url.scheme, url.host
    except (httpx.InvalidURL, UnicodeError):
        return "Address is invalid"
    if scheme != "https" and not (scheme == "http" and host in PLAIN_HOSTS):
        return f"Address protocol {scheme}:// is not supported"
    return None if host else "Address is invalid"


def _is_filter(text: str | None) -> bool:
    try:
        read_filter(text)
    except SearchError:
        return False
    return True


def _subscription_error(
    run: Execution, topic: str, entry: Mapping[str, Any], own_id: str | None
) -> Record | None:
    """What is wrong with a subscription, or nothing."""
    uri, name = entry.get("uri"), entry.get("name")
    if not uri:
        return _error("Address can't be blank", "webhookSubscription", "callbackUrl")
    if not uri.startswith(QUEUE_SCHEMES) and (problem := _address_problem(uri)):
        return _error(problem, "webhookSubscription", "callbackUrl")
    if name is not None and not SUBSCRIPTION_NAME.fullmatch(name):
        return _error("Name is invalid", "webhookSubscription", "name")
    if not _is_filter(entry.get("filter")):
        return _error(INVALID_FILTER, "webhookSubscription", "filter")
    scope = next((scope for prefix, scope in TOPIC_SCOPES if topic.startswith(prefix)), None)
    if scope is not None and not has_scope(run.context.scopes, scope):
        return _error(f"The app does not have the required access scope to subscribe to {topic}.", "topic")
    if denies(run.context.shop) and topic.startswith(PROTECTED_TOPICS):
        return _error(NOT_APPROVED, "topic")
    others = (item for key, item in run.context.app.subscriptions.items() if key != own_id)
    if any(item["topic"] == topic and item["uri"] == uri for item in others):
        return _error("Address for this topic has already been taken", "webhookSubscription", "callbackUrl")
    return None


def _create_subscription(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record:
    topic, entry = arguments["topic"], arguments["webhookSubscription"]
    problem = _subscription_error(run, topic, entry, None)
    if problem:
        return {"webhookSubscription": None, "userErrors": [problem]}
    app, now = run.context.app, timestamp(run.context.now())
    number = next(app.numbers)
    subscription = {
        "id": gid("WebhookSubscription", number),
        "legacyResourceId": str(number),
        "topic": topic,
        "uri": entry["uri"],
        "format": entry.get("format") or "JSON",
        "filter": entry.get("filter"),
        "includeFields": entry.get("includeFields") or [],
        "metafieldNamespaces": entry.get("metafieldNamespaces") or [],
        "metafields": entry.get("metafields") or [],
        "name": entry.get("name"),
        "createdAt": now,
        "updatedAt": now,
    }
    app.subscriptions[subscription["id"]] = subscription
    return {"webhookSubscription": subscription, "userErrors": []}


def _update_subscription(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record:
    app, identifier = run.context.app, arguments["id"]
    known = app.subscriptions.get(identifier)
    if known is None:
        return {
            "webhookSubscription": None,
            "userErrors": [_error("Webhook subscription does not exist", "id")],
        }
    changed = {**known, **arguments["webhookSubscription"], "updatedAt": timestamp(run.context.now())}
    problem = _subscription_error(run, known["topic"], changed, identifier)
    if problem:
        return {"webhookSubscription": None, "userErrors": [problem]}
    app.subscriptions[identifier] = changed
    return {"webhookSubscription": changed, "userErrors": []}


def _delete_subscription(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record:
    app, identifier = run.context.app, arguments["id"]
    if app.subscriptions.pop(identifier, None) is None:
        problem = _error("Webhook subscription does not exist", "id")
        return {"deletedWebhookSubscriptionId": None, "userErrors": [problem]}
    return {"deletedWebhookSubscriptionId": identifier, "userErrors": []}


def _uninstall(_source: Any, run: Execution, _arguments: Mapping[str, Any]) -> Record:
    app = run.context.app
    answer = {
        "id": gid("App", app.app_id),
        "apiKey": app.client_id,
        "handle": app.handle,
        "title": app.handle,
        "requestedAccessScopes": [],
    }
    run.context.on_uninstall(run.context.shop, app)
    return {"app": answer, "userErrors": []}


def _run_bulk_query(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record:
    operation, problem = run.context.bulk.start(
        run.context, arguments["query"], group_objects=bool(arguments["groupObjects"])
    )
    return {"bulkOperation": operation, "userErrors": [problem] if problem else []}


def _cancel_bulk_operation(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record:
    operation, problem = run.context.bulk.cancel(run.context.app, arguments["id"])
    return {"bulkOperation": operation, "userErrors": [_error(problem, "id")] if problem else []}


MUTATIONS: dict[tuple[str, str], Callable[[Any, Execution, Mapping[str, Any]], Any]] = {
    ("Mutation", "webhookSubscriptionCreate"): _create_subscription,
    ("Mutation", "webhookSubscriptionUpdate"): _update_subscription,
    ("Mutation", "webhookSubscriptionDelete"): _delete_subscription,
    ("Mutation", "appUninstall"): _uninstall,
    ("Mutation", "bulkOperationRunQuery"): _run_bulk_query,
    ("Mutation", "bulkOperationCancel"): _cancel_bulk_operation,
}
