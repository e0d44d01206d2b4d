"""From a change of a record to the body of a webhook, by topic, in the shape of API version 2026-10."""

from collections.abc import Callable
from datetime import datetime

from shopify_simulator.shop.model import Change, ProtectedData, Record, Shop, gid
from shopify_simulator.truth import order_resolved
from shopify_simulator.webhooks import customer_payload, order_payload, product_payload
from shopify_simulator.webhooks.redaction import is_protected, redacted
from shopify_simulator.webhooks.refund_payload import refund
from shopify_simulator.webhooks.rest import local_time, lower, utc_milliseconds
from shopify_simulator.webhooks.shop_payload import shop_facts
from shopify_simulator.webhooks.topics import CUSTOMER_TOPICS, ORDER_TOPICS, PRODUCT_TOPICS

Builder = Callable[[Shop, Change, datetime], Record]


def of_change(shop: Shop, change: Change, topic: str, now: datetime) -> Record:
    """The body of one topic of a change, as much of it as the app may know."""
    body = BUILDERS[topic](shop, change, now)
    is_hidden = shop.protected_data is not ProtectedData.FULL and is_protected(topic)
    return redacted(body) if is_hidden else body


def scopes_update(shop: Shop, previous: list[str], current: list[str], now: datetime) -> Record:
    """The body of app/scopes_update."""
    return {
        "id": 1,
        "shop_id": gid("Shop", shop.id),
        "previous": previous,
        "current": current,
        "updated_at": utc_milliseconds(now),
    }


def bulk_operation(shop: Shop, operation: Record) -> Record:
    """The body of bulk_operations/finish, which carries no address of the file."""
    return {
        "admin_graphql_api_id": operation["id"],
        "completed_at": local_time(operation["completedAt"], shop.zone),
        "created_at": local_time(operation["createdAt"], shop.zone),
        "error_code": lower(operation["errorCode"]),
        "status": lower(operation["status"]),
        "type": "query",
    }


def customer_reference(shop: Shop, customer: Record) -> Record:
    """Whom a compliance webhook is about."""
    return {
        "shop_id": shop.id,
        "shop_domain": shop.domain,
        "customer": {
            "id": int(customer["legacyResourceId"]),
            "email": customer_payload.email_of(customer),
            "phone": customer_payload.phone_of(customer),
        },
    }


def _record(change: Change) -> Record:
    """The record that a topic is about: as it is now, or as it was before it went."""
    record = change.after or change.before
    if record is None:
        raise ValueError(f"{change.kind} has neither a record before nor after")
    return record


def _customer(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.customer(shop, _record(change))


def _order(shop: Shop, change: Change, now: datetime) -> Record:
    return order_payload.order(shop, order_resolved(shop, _record(change)))


def _product(shop: Shop, change: Change, now: datetime) -> Record:
    return product_payload.product(shop, _record(change))


def _customer_deleted(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.customer_deleted(_record(change))


def _merged(shop: Shop, change: Change, now: datetime) -> Record:
    return {
        "admin_graphql_api_customer_kept_id": change.details["keptId"],
        "admin_graphql_api_customer_deleted_id": change.details["deletedId"],
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }


def _deleted(shop: Shop, change: Change, now: datetime) -> Record:
    return {"id": change.id}


def _purchasing_summary(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.purchasing_summary(_record(change), utc_milliseconds(now))


def _tags_added(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.tags_changed(_record(change), change.details["tagsAdded"], utc_milliseconds(now))


def _tags_removed(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.tags_changed(
        _record(change), change.details["tagsRemoved"], utc_milliseconds(now)
    )


def _email_consent(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.email_consent(shop, _record(change))


def _sms_consent(shop: Shop, change: Change, now: datetime) -> Record:
    return customer_payload.sms_consent(shop, _record(change))


def _order_edited(shop: Shop, change: Change, now: datetime) -> Record:
    return order_payload.order_edited(shop, _record(change), change.details.get("orderEdit", {}))


def _refund(shop: Shop, change: Change, now: datetime) -> Record:
    return refund(shop, order_resolved(shop, _record(change)), change.details["refund"])


def _inventory_level(shop: Shop, change: Change, now: datetime) -> Record:
    level = change.details["inventoryLevel"]
    item, location = level["inventoryItemId"], level["locationId"]
    return {
        "inventory_item_id": item,
        "location_id": location,
        "available": level["available"],
        "updated_at": local_time(_record(change)["updatedAt"], shop.zone),
        "admin_graphql_api_id": f"{gid('InventoryLevel', location)}?inventory_item_id={item}",
    }


def _shop(shop: Shop, change: Change, now: datetime) -> Record:
    return shop_facts(shop, now)


BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(CUSTOMER_TOPICS, _customer),
    **dict.fromkeys(ORDER_TOPICS, _order),
    **dict.fromkeys(PRODUCT_TOPICS, _product),
    "customers/delete": _customer_deleted,
    "customers/merge": _merged,
    "customers/purchasing_summary": _purchasing_summary,
    "customer.tags_added": _tags_added,
    "customer.tags_removed": _tags_removed,
    "customers_email_marketing_consent/update": _email_consent,
    "customers_marketing_consent/update": _sms_consent,
    "orders/edited": _order_edited,
    "orders/delete": _deleted,
    "refunds/create": _refund,
    "products/delete": _deleted,
    "inventory_levels/update": _inventory_level,
    "shop/update": _shop,
}
