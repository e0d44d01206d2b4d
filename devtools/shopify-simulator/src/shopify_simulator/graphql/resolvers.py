"""How fields are read: most are keys of a record, the rest are here by (type, field)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from shopify_simulator.graphql.access import is_visible_order
from shopify_simulator.graphql.context import Execution
from shopify_simulator.graphql.errors import InputTooLarge, InvalidId
from shopify_simulator.graphql.lists import count_records, page_of_records, read_search
from shopify_simulator.graphql.mutations import MUTATIONS
from shopify_simulator.graphql.paging import Page, page_of_list
from shopify_simulator.graphql.protected import seen
from shopify_simulator.shop.model import (
    API_VERSION,
    CANDIDATE_VERSION,
    RESOURCES,
    SUPPORTED_VERSIONS,
    Record,
    Resource,
    gid,
    parse_gid,
)

Resolver = Callable[[Any, Execution, Mapping[str, Any]], Any]

INPUT_SIZE_MAX = 250


def find_record(run: Execution, resource: Resource, key: int) -> Record | None:
    """The record as the app sees it, if it exists and the app may see it."""
    record = run.context.shop.records(resource).get(key)
    if record is None or (resource == "orders" and not is_visible_order(run.context, record)):
        return None
    return seen(run.context.shop, resource, record)


def find_reference(run: Execution, resource: Resource, reference: Record | None) -> Record | None:
    """The record that another one refers to; null when it was deleted."""
    if reference is None:
        return None
    return find_record(run, resource, int(reference["id"].rpartition("/")[2]))


def _by_id(resource: Resource, type_name: str) -> Resolver:
    def resolve(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record | None:
        parsed = parse_gid(arguments["id"])
        if parsed is None or parsed[0] != type_name:
            raise InvalidId(arguments["id"])
        return find_record(run, resource, parsed[1])

    return resolve


def _list(resource: Resource) -> Resolver:
    return lambda _source, run, arguments: page_of_records(run, resource, arguments)


def _count(resource: Resource) -> Resolver:
    return lambda _source, run, arguments: count_records(run, resource, arguments)


def _reference(resource: Resource, name: str) -> Resolver:
    return lambda source, run, _arguments: find_reference(run, resource, source[name])


def find_node(run: Execution, identifier: str) -> Record | None:
    """Whatever object a gid names, or null."""
    parsed = parse_gid(identifier)
    if parsed is None:
        raise InvalidId(identifier)
    type_name, key = parsed
    finder = NODE_FINDERS.get(type_name)
    return finder(run, key) if finder else None


def _nodes(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> list[Record | None]:
    identifiers = arguments["ids"]
    if len(identifiers) > INPUT_SIZE_MAX:
        raise InputTooLarge(len(identifiers), INPUT_SIZE_MAX)
    return [find_node(run, identifier) for identifier in identifiers]


def _find_variant(run: Execution, key: int) -> Record | None:
    wanted = gid("ProductVariant", key)
    variants = (variant for product in run.context.shop.products.values() for variant in product["variants"])
    return next((variant for variant in variants if variant["id"] == wanted), None)


def _find_shop(run: Execution, key: int) -> Record | None:
    return run.context.shop.facts if run.context.shop.id == key else None


NODE_FINDERS: dict[str, Callable[[Execution, int], Record | None]] = {
    "Customer": lambda run, key: find_record(run, "customers", key),
    "Order": lambda run, key: find_record(run, "orders", key),
    "Product": lambda run, key: find_record(run, "products", key),
    "ProductVariant": _find_variant,
    "Shop": _find_shop,
    "BulkOperation": lambda run, key: run.context.app.bulk_operations.get(gid("BulkOperation", key)),
    "WebhookSubscription": lambda run, key: run.context.app.subscriptions.get(
        gid("WebhookSubscription", key)
    ),
}


def _variant_of_line(line: Record, run: Execution, _arguments: Mapping[str, Any]) -> Record | None:
    product = find_reference(run, "products", line["product"])
    reference = line["variant"]
    if product is None or reference is None:
        return None
    return next((variant for variant in product["variants"] if variant["id"] == reference["id"]), None)


def _variant_title(variant: Record, run: Execution, _arguments: Mapping[str, Any]) -> str:
    product = find_reference(run, "products", variant["product"])
    return f"{product['title']} - {variant['title']}" if product else str(variant["title"])


def _current_installation(_source: Any, run: Execution, _arguments: Mapping[str, Any]) -> Record:
    app = run.context.app
    return {
        "id": gid("AppInstallation", app.installation_id),
        "accessScopes": _access_scopes(sorted(run.context.scopes)),
        "app": {
            "id": gid("App", app.app_id),
            "apiKey": app.client_id,
            "handle": app.handle,
            "title": app.handle.replace("-", " ").capitalize(),
            "requestedAccessScopes": _access_scopes(app.requested_scopes),
        },
    }


def _access_scopes(handles: Iterable[str]) -> list[Record]:
    return [{"handle": handle, "description": handle.replace("_", " ").capitalize()} for handle in handles]


def api_version(handle: str) -> Record:
    """One version of the API as `publicApiVersions` shows it."""
    names = {
        API_VERSION: f"{API_VERSION} (Latest)",
        CANDIDATE_VERSION: f"{CANDIDATE_VERSION} (Release candidate)",
    }
    return {
        "handle": handle,
        "displayName": names.get(handle, handle),
        "supported": handle in SUPPORTED_VERSIONS,
    }


def _public_versions(_source: Any, _run: Execution, _arguments: Mapping[str, Any]) -> list[Record]:
    return [api_version(handle) for handle in (*SUPPORTED_VERSIONS, CANDIDATE_VERSION, "unstable")]


def _local_now(run: Execution) -> datetime:
    return run.context.now().astimezone(run.context.shop.zone)


def _offset_minutes(_source: Any, run: Execution, _arguments: Mapping[str, Any]) -> int:
    offset = _local_now(run).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def _sorted_state(items: Iterable[Record], arguments: Mapping[str, Any], fields: Mapping[str, str]) -> Page:
    """Page through objects of the installation; sorted before the connection's own reversal."""
    name = fields[arguments["sortKey"]]
    ordered = sorted(items, key=lambda item: (item[name] or "", int(item["id"].rpartition("/")[2])))
    return page_of_list(ordered, arguments)


def _bulk_operations(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Page:
    search = read_search(run, "bulkOperations", arguments.get("query"))
    operations = [item for item in run.context.app.bulk_operations.values() if search.matches(item)]
    return _sorted_state(operations, arguments, {"CREATED_AT": "createdAt", "COMPLETED_AT": "completedAt"})


def _bulk_operation(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record | None:
    return run.context.app.bulk_operations.get(arguments["id"])


def _current_bulk_operation(_source: Any, run: Execution, _arguments: Mapping[str, Any]) -> Record | None:
    operations = list(run.context.app.bulk_operations.values())
    return operations[-1] if operations else None


def _live_address(name: str) -> Resolver:
    return lambda operation, run, _arguments: run.context.bulk.live_address(
        operation[name], run.context.now()
    )


def _webhook_subscription(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Record | None:
    return run.context.app.subscriptions.get(arguments["id"])


def _webhook_subscriptions(_source: Any, run: Execution, arguments: Mapping[str, Any]) -> Page:
    search = read_search(run, "webhookSubscriptions", arguments.get("query"))
    topics, uri, format_ = arguments.get("topics"), arguments.get("uri"), arguments.get("format")
    wanted = [
        item
        for item in run.context.app.subscriptions.values()
        if (not topics or item["topic"] in topics)
        and (uri is None or item["uri"] == uri)
        and (format_ is None or item["format"] == format_)
        and search.matches(item)
    ]
    return _sorted_state(wanted, arguments, {"CREATED_AT": "createdAt", "ID": "createdAt"})


def _webhook_subscriptions_count(_source: Any, run: Execution, _arguments: Mapping[str, Any]) -> Record:
    return {"count": len(run.context.app.subscriptions), "precision": "EXACT"}


RESOLVERS: dict[tuple[str, str], Resolver] = {
    ("QueryRoot", "node"): lambda _source, run, arguments: find_node(run, arguments["id"]),
    ("QueryRoot", "nodes"): _nodes,
    ("QueryRoot", "shop"): lambda _source, run, _arguments: run.context.shop.facts,
    ("QueryRoot", "currentAppInstallation"): _current_installation,
    ("QueryRoot", "publicApiVersions"): _public_versions,
    ("QueryRoot", "customer"): _by_id("customers", "Customer"),
    ("QueryRoot", "order"): _by_id("orders", "Order"),
    ("QueryRoot", "product"): _by_id("products", "Product"),
    **{("QueryRoot", resource): _list(resource) for resource in RESOURCES},
    **{("QueryRoot", f"{resource}Count"): _count(resource) for resource in RESOURCES},
    ("QueryRoot", "bulkOperation"): _bulk_operation,
    ("QueryRoot", "bulkOperations"): _bulk_operations,
    ("QueryRoot", "currentBulkOperation"): _current_bulk_operation,
    ("BulkOperation", "url"): _live_address("url"),
    ("BulkOperation", "partialDataUrl"): _live_address("partialDataUrl"),
    ("QueryRoot", "webhookSubscription"): _webhook_subscription,
    ("QueryRoot", "webhookSubscriptions"): _webhook_subscriptions,
    ("QueryRoot", "webhookSubscriptionsCount"): _webhook_subscriptions_count,
    ("Shop", "timezoneOffsetMinutes"): _offset_minutes,
    ("Shop", "timezoneOffset"): lambda _source, run, _arguments: _local_now(run).strftime("%z"),
    ("Shop", "timezoneAbbreviation"): lambda _source, run, _arguments: _local_now(run).strftime("%Z"),
    ("Customer", "email"): lambda source, _run, _arguments: (source["defaultEmailAddress"] or {}).get(
        "emailAddress"
    ),
    ("Customer", "phone"): lambda source, _run, _arguments: (source["defaultPhoneNumber"] or {}).get(
        "phoneNumber"
    ),
    ("Customer", "lastOrder"): _reference("orders", "lastOrder"),
    ("Order", "customer"): _reference("customers", "customer"),
    ("Order", "closed"): lambda source, _run, _arguments: source["closedAt"] is not None,
    ("Order", "discountCode"): lambda source, _run, _arguments: next(iter(source["discountCodes"]), None),
    ("Refund", "order"): _reference("orders", "order"),
    ("LineItem", "product"): _reference("products", "product"),
    ("LineItem", "variant"): _variant_of_line,
    ("ProductVariant", "product"): _reference("products", "product"),
    ("ProductVariant", "displayName"): _variant_title,
    # Set once per app, whatever version a request asks by.
    ("WebhookSubscription", "apiVersion"): lambda _source, _run, _arguments: api_version(API_VERSION),
    **MUTATIONS,
}
