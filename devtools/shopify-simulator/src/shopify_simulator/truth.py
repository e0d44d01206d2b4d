"""Records with their references as GraphQL answers them now: null when the other record is gone."""

from shopify_simulator.shop.model import Record, Resource, Shop


def resolved(shop: Shop, resource: Resource, record: Record) -> Record:
    """The record with its references followed."""
    if resource == "orders":
        return order_resolved(shop, record)
    if resource == "customers":
        return {**record, "lastOrder": _last_order(shop, record)}
    return record


def order_resolved(shop: Shop, record: Record) -> Record:
    """The order; lines that sold a deleted product keep their text and lose the link."""
    customer = record["customer"]
    is_known = customer is not None and int(customer["legacyResourceId"]) in shop.customers
    lines = [_line(shop, line) for line in record["lineItems"]]
    return {**record, "customer": customer if is_known else None, "lineItems": lines}


def _line(shop: Shop, line: Record) -> Record:
    product = line["product"]
    if product is None or int(product["legacyResourceId"]) in shop.products:
        return line
    return {**line, "product": None, "variant": None}


def _last_order(shop: Shop, customer: Record) -> Record | None:
    reference = customer["lastOrder"]
    order = shop.orders.get(int(reference["legacyResourceId"])) if reference else None
    if order is None:
        return None
    return {name: order[name] for name in ("id", "legacyResourceId", "createdAt", "processedAt")}
