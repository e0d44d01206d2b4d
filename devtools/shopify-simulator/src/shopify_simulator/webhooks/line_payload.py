"""Line items, as orders and refunds carry them."""

from shopify_simulator.shop.model import Record
from shopify_simulator.webhooks.rest import money_set, number_of, shop_amount


def line_item(line: Record, record: Record) -> Record:
    """One line of an order."""
    product, variant = line["product"], line["variant"]
    needs_shipping = (
        record["displayFulfillmentStatus"] != "FULFILLMENT_NOT_REQUIRED" and not line["isGiftCard"]
    )
    is_fulfilled = record["displayFulfillmentStatus"] == "FULFILLED"
    return {
        "id": number_of(line["id"]),
        "admin_graphql_api_id": line["id"],
        "attributed_staffs": [],
        "current_quantity": line["currentQuantity"],
        "fulfillable_quantity": 0 if is_fulfilled else line["currentQuantity"],
        "fulfillment_service": "manual",
        "fulfillment_status": "fulfilled" if is_fulfilled else None,
        "gift_card": line["isGiftCard"],
        "grams": 0,
        "name": line["name"],
        "price": shop_amount(line["originalUnitPriceSet"]),
        "price_set": money_set(line["originalUnitPriceSet"]),
        "product_exists": product is not None,
        "product_id": int(product["legacyResourceId"]) if product else None,
        "properties": [],
        "quantity": line["quantity"],
        "requires_shipping": needs_shipping,
        "sales_line_item_group_id": None,
        "sku": line["sku"],
        "taxable": True,
        "title": line["title"],
        "total_discount": shop_amount(line["totalDiscountSet"]),
        "total_discount_set": money_set(line["totalDiscountSet"]),
        "variant_id": int(variant["legacyResourceId"]) if variant else None,
        "variant_inventory_management": "shopify" if variant else None,
        "variant_title": line["variantTitle"],
        "vendor": line["vendor"],
        "tax_lines": [],
        "duties": [],
        "discount_allocations": [],
    }
