"""Order bodies: sums as strings and as `*_set`, the customer without tags, consent and spend, the refunds inside."""

from shopify_simulator.shop.model import FIRST_ORDER_NUMBER, Record, Shop
from shopify_simulator.shop.money import bag, shop_minor
from shopify_simulator.webhooks.customer_payload import customer_without_addresses
from shopify_simulator.webhooks.line_payload import line_item
from shopify_simulator.webhooks.refund_payload import refund
from shopify_simulator.webhooks.rest import (
    amount_of,
    joined,
    local_time,
    lower,
    money_set,
    number_of,
    shop_amount,
)

FULFILLMENT_STATUS = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
UNPAID = ("PENDING", "AUTHORIZED")
APPLICATION_TYPES = {
    "DiscountCodeApplication": "discount_code",
    "ManualDiscountApplication": "manual",
    "AutomaticDiscountApplication": "automatic",
    "ScriptDiscountApplication": "script",
}


def order(shop: Shop, record: Record) -> Record:
    """The body of orders/create, orders/updated and orders/cancelled."""
    return {
        **_identity(shop, record),
        **_states(shop, record),
        **_sums(record),
        **_origin(record),
        "tags": joined(record["tags"]),
        "discount_codes": discount_codes(record),
        "discount_applications": [discount_application(one) for one in record["discountApplications"]],
        "billing_address": order_address(record["billingAddress"]),
        "shipping_address": order_address(record["shippingAddress"]),
        "customer": _customer(shop, record),
        "line_items": [line_item(line, record) for line in record["lineItems"]],
        "refunds": [refund(shop, record, one) for one in record["refunds"]],
        "shipping_lines": [],
        "fulfillments": [],
        "tax_lines": [],
        "note_attributes": [],
        "payment_gateway_names": ["bogus"],
        "payment_terms": None,
        "returns": [],
        "line_item_groups": [],
    }


def order_edited(shop: Shop, record: Record, details: Record) -> Record:
    """The body of orders/edited: the edit alone."""
    edited_at = local_time(record["updatedAt"], shop.zone)
    return {
        "order_edit": {
            "id": details.get("id", int(record["legacyResourceId"])),
            "app_id": None,
            "created_at": edited_at,
            "committed_at": edited_at,
            "notify_customer": False,
            "order_id": int(record["legacyResourceId"]),
            "staff_note": "",
            "user_id": None,
            "line_items": {
                "additions": [_edited_line(one) for one in details.get("additions", [])],
                "removals": [_edited_line(one) for one in details.get("removals", [])],
            },
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {"additions": [], "removals": []},
        }
    }


def order_address(address: Record | None) -> Record | None:
    """An address of an order, which has no id."""
    if address is None:
        return None
    return {
        "first_name": address["firstName"],
        "address1": address["address1"],
        "phone": address["phone"],
        "city": address["city"],
        "zip": address["zip"],
        "province": address["province"],
        "country": address["country"],
        "last_name": address["lastName"],
        "address2": address["address2"],
        "company": address["company"],
        "latitude": None,
        "longitude": None,
        "name": address["name"],
        "country_code": address["countryCodeV2"],
        "province_code": address["provinceCode"],
    }


def discount_codes(record: Record) -> list[Record]:
    """The codes with what each took off."""
    by_code = {one.get("code"): one for one in record["discountApplications"]}
    return [_discount_code(code, by_code.get(code), record) for code in record["discountCodes"]]


def discount_application(application: Record) -> Record:
    """One discount as the order's list tells it."""
    value = application["value"]
    is_percentage = "percentage" in value
    body: Record = {
        "target_type": lower(application["targetType"]),
        "type": APPLICATION_TYPES[application["__typename"]],
        "value": str(value["percentage"]) if is_percentage else amount_of(value),
        "value_type": "percentage" if is_percentage else "fixed_amount",
        "allocation_method": lower(application["allocationMethod"]),
        "target_selection": lower(application["targetSelection"]),
    }
    if "code" in application:
        return {**body, "code": application["code"]}
    title = application.get("title")
    return {**body, "title": title, "description": title}


def _identity(shop: Shop, record: Record) -> Record:
    return {
        "id": int(record["legacyResourceId"]),
        "admin_graphql_api_id": record["id"],
        "name": record["name"],
        "number": record["number"] - FIRST_ORDER_NUMBER + 1,
        "order_number": record["number"],
        "email": record["email"],
        "contact_email": record["email"],
        "phone": record["phone"],
        "note": record["note"],
        "created_at": local_time(record["createdAt"], shop.zone),
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "processed_at": local_time(record["processedAt"], shop.zone),
    }


def _states(shop: Shop, record: Record) -> Record:
    return {
        "financial_status": lower(record["displayFinancialStatus"]),
        "fulfillment_status": FULFILLMENT_STATUS.get(record["displayFulfillmentStatus"]),
        "cancel_reason": lower(record["cancelReason"]),
        "cancelled_at": local_time(record["cancelledAt"], shop.zone),
        "closed_at": local_time(record["closedAt"], shop.zone),
        "confirmed": record["confirmed"],
        "test": record["test"],
        "taxes_included": record["taxesIncluded"],
        "buyer_accepts_marketing": record["customerAcceptsMarketing"],
        "customer_locale": record["customerLocale"],
        "currency": record["currencyCode"],
        "presentment_currency": record["presentmentCurrencyCode"],
    }


def _sums(record: Record) -> Record:
    total = record["totalPriceSet"]
    zero = _bag(record, 0)
    lines = [shop_minor(line["originalUnitPriceSet"]) * line["quantity"] for line in record["lineItems"]]
    sums = {
        "current_subtotal_price": record["currentSubtotalPriceSet"],
        "current_total_discounts": record["currentTotalDiscountsSet"],
        "current_total_price": record["currentTotalPriceSet"],
        "current_total_tax": record["currentTotalTaxSet"],
        "subtotal_price": record["subtotalPriceSet"],
        "total_discounts": record["totalDiscountsSet"],
        "total_line_items_price": _bag(record, sum(lines)),
        "total_price": total,
        "total_tax": record["totalTaxSet"],
    }
    body: Record = {name: shop_amount(value) for name, value in sums.items()}
    body |= {f"{name}_set": money_set(value) for name, value in sums.items()}
    return body | {
        "current_shipping_price_set": money_set(_shipping(record, "currentT", "currentS")),
        "total_shipping_price_set": money_set(_shipping(record, "t", "s")),
        "total_cash_rounding_payment_adjustment_set": money_set(zero),
        "total_cash_rounding_refund_adjustment_set": money_set(zero),
        "current_total_additional_fees_set": None,
        "current_total_duties_set": None,
        "original_total_additional_fees_set": None,
        "original_total_duties_set": None,
        "total_outstanding": _outstanding(record, zero),
        "total_tip_received": shop_amount(zero),
        "total_weight": 0,
    }


def _shipping(record: Record, total: str, subtotal: str) -> Record:
    """What is left of the total after the goods and, where it is not included, the tax."""
    rest = shop_minor(record[f"{total}otalPriceSet"]) - shop_minor(record[f"{subtotal}ubtotalPriceSet"])
    if not record["taxesIncluded"]:
        rest -= shop_minor(record[f"{total}otalTaxSet"])
    return _bag(record, max(rest, 0))


def _bag(record: Record, minor: int) -> Record:
    return bag(minor, record["currencyCode"], record["presentmentCurrencyCode"])


def _outstanding(record: Record, zero: Record) -> str:
    unpaid = record["displayFinancialStatus"] in UNPAID and record["cancelledAt"] is None
    return shop_amount(record["currentTotalPriceSet"] if unpaid else zero)


def _origin(record: Record) -> Record:
    return {
        "app_id": None,
        "browser_ip": None,
        "cart_token": None,
        "checkout_token": None,
        "client_details": None,
        "confirmation_number": None,
        "device_id": None,
        "duties_included": False,
        "estimated_taxes": False,
        "landing_site": None,
        "landing_site_ref": None,
        "location_id": None,
        "merchant_business_entity_id": None,
        "merchant_of_record_app_id": None,
        "order_status_url": record["statusPageUrl"],
        "po_number": None,
        "reference": None,
        "referring_site": None,
        "source_identifier": None,
        "source_name": record["sourceName"],
        "source_url": None,
        "tax_exempt": False,
        "token": f"{int(record['legacyResourceId']):032x}",
        "user_id": None,
    }


def _customer(shop: Shop, record: Record) -> Record | None:
    reference = record["customer"]
    known = shop.customers.get(int(reference["legacyResourceId"])) if reference else None
    return customer_without_addresses(shop, known) if known else None


def _discount_code(code: str, application: Record | None, record: Record) -> Record:
    total = shop_amount(record["totalDiscountsSet"])
    if application is None:
        return {"code": code, "amount": total, "type": "fixed_amount"}
    value = application["value"]
    is_percentage = "percentage" in value
    kind = "percentage" if is_percentage else "fixed_amount"
    if application["targetType"] == "SHIPPING_LINE":
        kind = "shipping"
    alone = len(record["discountApplications"]) == 1
    return {"code": code, "amount": total if alone or is_percentage else amount_of(value), "type": kind}


def _edited_line(entry: Record) -> Record:
    line_id = entry["lineItemId"]
    return {"id": number_of(line_id) if isinstance(line_id, str) else line_id, "delta": entry["delta"]}
