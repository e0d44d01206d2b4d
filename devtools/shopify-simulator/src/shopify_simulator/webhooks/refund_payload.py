"""Refund bodies, alone in refunds/create and inside an order's `refunds`."""

from shopify_simulator.shop.model import Record, Shop, gid
from shopify_simulator.shop.money import bag
from shopify_simulator.webhooks.line_payload import line_item
from shopify_simulator.webhooks.rest import local_time, lower, money_set, number_of, shop_amount

ORDER_ONLY_KEYS = ("attributed_staffs", "current_quantity", "sales_line_item_group_id")
NOTHING_UNSETTLED = {"amount": "0.0", "currency": "XXX"}


def refund(shop: Shop, order: Record, record: Record) -> Record:
    """One refund with its lines. Its `id` is the refund's; the order's is `order_id`."""
    nothing = bag(0, order["currencyCode"], order["presentmentCurrencyCode"])
    created_at = local_time(record["createdAt"], shop.zone)
    lines = {line["id"]: line for line in order["lineItems"]}
    return {
        "id": int(record["legacyResourceId"]),
        "order_id": int(order["legacyResourceId"]),
        "created_at": created_at,
        "note": record["note"],
        "user_id": None,
        "processed_at": created_at,
        "duties": [],
        "total_duties_set": money_set(nothing),
        "return": None,
        "refund_shipping_lines": [],
        "restock": any(line["restockType"] != "NO_RESTOCK" for line in record["refundLineItems"]),
        "admin_graphql_api_id": record["id"],
        "order_adjustments": [],
        "refund_line_items": [_refund_line(line, lines, order) for line in record["refundLineItems"]],
        "transactions": [_transaction(record, order, created_at)],
    }


def _refund_line(line: Record, lines: dict[str, Record], order: Record) -> Record:
    refunded = lines.get(line["lineItem"]["id"])
    return {
        "id": number_of(line["id"]),
        "quantity": line["quantity"],
        "line_item_id": number_of(line["lineItem"]["id"]),
        "location_id": None,
        "restock_type": lower(line["restockType"]),
        # JSON numbers, unlike every other sum: Shopify's own example has them so.
        "subtotal": float(shop_amount(line["subtotalSet"])),
        "total_tax": float(shop_amount(line["totalTaxSet"])),
        "subtotal_set": money_set(line["subtotalSet"]),
        "total_tax_set": money_set(line["totalTaxSet"]),
        "line_item": _without_order_keys(line_item(refunded, order)) if refunded else None,
    }


def _without_order_keys(line: Record) -> Record:
    return {name: value for name, value in line.items() if name not in ORDER_ONLY_KEYS}


def _transaction(record: Record, order: Record, created_at: str | None) -> Record:
    number = int(record["legacyResourceId"])
    return {
        "id": number,
        "order_id": int(order["legacyResourceId"]),
        "kind": "refund",
        "gateway": "bogus",
        "status": "success",
        "message": None,
        "created_at": created_at,
        "test": False,
        "authorization": None,
        "location_id": None,
        "user_id": None,
        "parent_id": None,
        "processed_at": created_at,
        "device_id": None,
        "error_code": None,
        "source_name": "web",
        "receipt": {},
        "amount": shop_amount(record["totalRefundedSet"]),
        "currency": record["totalRefundedSet"]["shopMoney"]["currencyCode"],
        "payment_id": f"{order['name']}.1",
        "total_unsettled_set": {"presentment_money": NOTHING_UNSETTLED, "shop_money": NOTHING_UNSETTLED},
        "manual_payment_gateway": False,
        "amount_rounding": None,
        "admin_graphql_api_id": gid("OrderTransaction", number),
    }
