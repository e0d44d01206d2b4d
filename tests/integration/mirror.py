"""An independent reading of Shopify's records: what every mapped column must hold, written without our mapper.

The mirror is right when each row equals what `expected_*` makes of the simulator's record, column by column.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from local_stack.platform import Platform, Row

WINDOW = timedelta(days=60)
FULFILLMENT = {
    "FULFILLED": "fulfilled",
    "PARTIALLY_FULFILLED": "partial",
    "FULFILLMENT_NOT_REQUIRED": None,
}
ADDRESS_LINES = (
    "firstName", "lastName", "name", "company", "address1", "address2", "city", "province", "provinceCode",
    "country", "zip", "phone",
)  # fmt: skip


def differences(
    platform: Platform, domain: str, store_id: int, *, orders_since: datetime | None
) -> list[str]:
    """Return how the mirror of a store differs from the shop, up to 20 differences; empty when it is exact."""
    found: list[str] = []
    gone = {str(one["id"]) for one in platform.shop(domain)["tombstones"] if one["resource"] == "products"}
    for resource, table, expected in (
        ("customers", "contacts", partial(expected_customer, orders_since=orders_since)),
        ("orders", "orders", expected_order),
        ("products", "products", expected_product),
    ):
        truth = {record["legacyResourceId"]: record for record in platform.truth(domain, resource)}
        visible = _visible(truth, orders_since) if resource == "orders" else truth
        rows = {
            row["external_id"]: row
            for row in platform.rows(
                f"SELECT * FROM records.{table} WHERE source_id = %s AND deleted_at IS NULL", store_id
            )
        }
        found += [f"{resource}/{one}: missing" for one in visible.keys() - rows.keys()]
        found += [f"{resource}/{one}: not in the shop" for one in rows.keys() - truth.keys()]
        for external_id in visible.keys() & rows.keys():
            row = _without_products(rows[external_id], gone) if resource == "orders" else rows[external_id]
            found += _compare(f"{resource}/{external_id}", expected(truth[external_id]), row)
            if len(found) > 20:
                return found[:20]
    return found


def wrong_links(platform: Platform, store_id: int) -> list[Row]:
    """Return orders whose customer is mirrored but that are not linked to it."""
    return platform.rows(
        """SELECT o.external_id, o.contact_id, c.id AS expected FROM records.orders o
           JOIN records.contacts c ON c.source_id = o.source_id AND c.external_id = o.customer_external_id
           WHERE o.source_id = %s AND o.deleted_at IS NULL AND o.contact_id IS DISTINCT FROM c.id""",
        store_id,
    )


def expected_customer(record: Row, *, orders_since: datetime | None) -> Row:
    """Return the columns of a contact; an order outside the app's window is not shown as the last one either."""
    email = record["defaultEmailAddress"] or {}
    phone = record["defaultPhoneNumber"] or {}
    last = record["lastOrder"]
    if last and orders_since and _instant(last["createdAt"]) < orders_since:
        last = None
    return {
        "email": email.get("emailAddress") or None,
        "phone": phone.get("phoneNumber") or None,
        "first_name": record["firstName"] or None,
        "last_name": record["lastName"] or None,
        "accepts_marketing": email.get("marketingState") == "SUBSCRIBED",
        "accepts_marketing_updated_at": _time(email.get("marketingUpdatedAt")),
        "marketing_opt_in_level": _lower(email.get("marketingOptInLevel")),
        "tags": sorted(set(record["tags"])),
        "note": record["note"] or None,
        "state": _lower(record["state"]),
        "total_spent": Decimal(record["amountSpent"]["amount"]),
        "orders_count": int(record["numberOfOrders"]),
        "last_order_at": _time(last and (last["processedAt"] or last["createdAt"])),
        "default_address": _address(record["defaultAddress"]),
        "addresses": sorted(
            (_address(one) for one in record["addressesV2"]), key=lambda one: (len(one["id"]), one["id"])
        ),
        "created_at_source": _time(record["createdAt"]),
        "updated_at_source": _time(record["updatedAt"]),
    }


def expected_order(record: Row) -> Row:
    """Return the columns of an order."""
    lines = [_line(one) for one in record["lineItems"]]
    return {
        "customer_external_id": record["customer"] and record["customer"]["legacyResourceId"],
        "order_number": record["name"],
        "email": record["email"] or None,
        "phone": record["phone"] or None,
        "financial_status": _lower(record["displayFinancialStatus"]),
        "fulfillment_status": FULFILLMENT.get(record["displayFulfillmentStatus"], "unfulfilled"),
        "currency": record["currencyCode"],
        "presentment_currency": record["presentmentCurrencyCode"],
        "subtotal": _shop_money(record["subtotalPriceSet"]),
        "total_tax": _shop_money(record["totalTaxSet"]),
        "total_discounts": _shop_money(record["totalDiscountsSet"]),
        "total_price": _shop_money(record["totalPriceSet"]),
        "presentment_total_price": Decimal(record["totalPriceSet"]["presentmentMoney"]["amount"]),
        "current_subtotal_price": _shop_money(record["currentSubtotalPriceSet"]),
        "current_total_tax": _shop_money(record["currentTotalTaxSet"]),
        "current_total_discounts": _shop_money(record["currentTotalDiscountsSet"]),
        "current_total_price": _shop_money(record["currentTotalPriceSet"]),
        "refunded_total": _shop_money(record["totalRefundedSet"]),
        "line_items": lines,
        "product_ids": sorted({line["product_id"] for line in lines if line["product_id"]}),
        "discount_codes": sorted(record["discountCodes"]),
        "shipping_address": _address(record["shippingAddress"], with_id=False),
        "billing_address": _address(record["billingAddress"], with_id=False),
        "customer_locale": record["customerLocale"] or None,
        "tags": sorted(set(record["tags"])),
        "note": record["note"] or None,
        "cancelled_at": _time(record["cancelledAt"]),
        "cancel_reason": _lower(record["cancelReason"]),
        "closed_at": _time(record["closedAt"]),
        "ordered_at": _time(record["processedAt"]),
        "created_at_source": _time(record["createdAt"]),
        "updated_at_source": _time(record["updatedAt"]),
    }


def expected_product(record: Row) -> Row:
    """Return the columns of a product."""
    return {
        "title": record["title"],
        "description": record["descriptionHtml"] or None,
        "product_type": record["productType"] or None,
        "vendor": record["vendor"] or None,
        "tags": sorted(set(record["tags"])),
        "status": "active" if record["status"] == "UNLISTED" else _lower(record["status"]),
        "status_raw": _lower(record["status"]),
        "variants": [
            _variant(one)
            for one in sorted(
                record["variants"], key=lambda one: (one["position"], int(one["legacyResourceId"]))
            )
        ],
        "images": [
            {"url": one["image"]["url"], "alt": one["image"]["altText"] or one["alt"] or None}
            for one in record["media"]
            if one["mediaContentType"] == "IMAGE" and one["image"]
        ],
        "handle": record["handle"],
        "published_at": _time(record["publishedAt"]),
        "created_at_source": _time(record["createdAt"]),
        "updated_at_source": _time(record["updatedAt"]),
    }


def _visible(truth: dict[str, Row], since: datetime | None) -> dict[str, Row]:
    if since is None:
        return truth
    return {one: record for one, record in truth.items() if _instant(record["createdAt"]) >= since}


def _without_products(row: Row, gone: set[str]) -> Row:
    """Forget deleted products: Shopify drops them from old orders without touching `updatedAt`."""
    lines = [
        line | {"product_id": None, "variant_id": None} if line["product_id"] in gone else line
        for line in row["line_items"]
    ]
    return row | {"line_items": lines, "product_ids": [one for one in row["product_ids"] if one not in gone]}


def _compare(name: str, expected: Row, row: Row) -> list[str]:
    return [
        f"{name}.{column}: expected {value!r}, found {row[column]!r}"
        for column, value in expected.items()
        if not _same(value, row[column])
    ]


def _same(expected: Any, found: Any) -> bool:
    """Compare deeply; a stored object may hold more keys than are expected, and amounts are texts in JSON."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(_same(value, found.get(key)) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, Decimal) and found is not None:
        return expected == Decimal(found)
    return bool(expected == found)


def _line(line: Row) -> Row:
    return {
        "id": _number(line["id"]),
        "product_id": line["product"] and line["product"]["legacyResourceId"],
        "variant_id": line["variant"] and line["variant"]["legacyResourceId"],
        "title": line["title"] or None,
        "variant_title": line["variantTitle"] or None,
        "quantity": line["quantity"],
        "current_quantity": line["currentQuantity"],
        "price": _shop_money(line["originalUnitPriceSet"]),
        "total_discount": _shop_money(line["totalDiscountSet"]),
        "sku": line["sku"] or None,
    }


def _variant(variant: Row) -> Row:
    options: list[str | None] = [option["value"] for option in variant["selectedOptions"]]
    options += [None] * (3 - len(options))
    return {
        "id": variant["legacyResourceId"],
        "title": variant["title"],
        "sku": variant["sku"] or None,
        "price": Decimal(variant["price"]),
        "compare_at_price": variant["compareAtPrice"] and Decimal(variant["compareAtPrice"]),
        "inventory_quantity": variant["inventoryQuantity"],
        "inventory_policy": _lower(variant["inventoryPolicy"]),
        "option1": options[0],
        "option2": options[1],
        "option3": options[2],
    }


def _address(address: Row | None, *, with_id: bool = True) -> Any:
    if address is None:
        return None
    stored = {_snake(line): address.get(line) or None for line in ADDRESS_LINES}
    stored["country_code"] = address.get("countryCodeV2") or None
    return stored | {"id": _number(address["id"])} if with_id else stored


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _number(gid: str) -> str:
    return gid.partition("?")[0].rpartition("/")[2]


def _shop_money(bag: Row | None) -> Decimal | None:
    return Decimal(bag["shopMoney"]["amount"]) if bag else None


def _lower(value: str | None) -> str | None:
    return value.lower() if value else None


def _instant(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _time(value: str | None) -> datetime | None:
    return _instant(value) if value else None
