"""Records as Shopify writes them down, in both shapes, and the messages that carry them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sync_common.contracts.resources import Resource


def at(seconds: float) -> datetime:
    """Return an instant of the tests' one day."""
    return datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """Return an instant as GraphQL writes it."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def graphql_customer(number: int = 1, updated: float = 0, **fields: Any) -> dict[str, Any]:
    address = {
        "id": f"gid://shopify/MailingAddress/{number}?model_name=CustomerAddress",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "name": "Ada Lovelace",
        "company": None,
        "address1": "1 Main St",
        "address2": None,
        "city": "London",
        "province": None,
        "provinceCode": None,
        "country": "United Kingdom",
        "countryCodeV2": "GB",
        "zip": "N1",
        "phone": None,
    }
    return {
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "firstName": "Ada",
        "lastName": "Lovelace",
        "displayName": "Ada Lovelace",
        "state": "ENABLED",
        "note": None,
        "tags": ["vip", "b2b"],
        "locale": "en",
        "taxExempt": False,
        "verifiedEmail": True,
        "numberOfOrders": "2",
        "amountSpent": {"amount": "12.5", "currencyCode": "USD"},
        "lastOrder": {"id": "gid://shopify/Order/1", "createdAt": stamp(-60), "processedAt": stamp(-60)},
        "defaultEmailAddress": {
            "emailAddress": f"ada{number}@example.com",
            "validFormat": True,
            "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN",
            "marketingUpdatedAt": stamp(-3600),
        },
        "defaultPhoneNumber": {"phoneNumber": "+4412345678", "smsMarketingConsent": None},
        "defaultAddress": {"id": address["id"]},
        "addressesV2": {"nodes": [address]},
        "createdAt": stamp(-86400),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_customer(number: int = 1, updated: float = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{number}",
        "email": f"ada{number}@example.com",
        "phone": "+4412345678",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "state": "enabled",
        "note": None,
        "verified_email": True,
        "tax_exempt": False,
        "addresses": [],
        "default_address": None,
        "created_at": stamp(-86400),
        "updated_at": stamp(updated),
        **fields,
    }


def _bag(amount: str) -> dict[str, Any]:
    money = {"amount": amount, "currencyCode": "USD"}
    return {"shopMoney": money, "presentmentMoney": money}


def graphql_order(
    number: int = 100, updated: float = 0, customer: int | None = 1, **fields: Any
) -> dict[str, Any]:
    line = {
        "id": f"gid://shopify/LineItem/{number}1",
        "title": "Shirt",
        "name": "Shirt - L",
        "variantTitle": "L",
        "sku": "S-L",
        "vendor": "Acme",
        "quantity": 2,
        "currentQuantity": 2,
        "isGiftCard": False,
        "originalUnitPriceSet": _bag("10.0"),
        "totalDiscountSet": _bag("0.0"),
        "discountedTotalSet": _bag("20.0"),
        "product": {"id": "gid://shopify/Product/7", "legacyResourceId": "7"},
        "variant": {"id": "gid://shopify/ProductVariant/8", "legacyResourceId": "8"},
    }
    reference = {"id": f"gid://shopify/Customer/{customer}", "legacyResourceId": str(customer)}
    sums = {
        name: _bag(amount)
        for name, amount in {
            "subtotalPriceSet": "20.0",
            "totalTaxSet": "0.0",
            "totalDiscountsSet": "0.0",
            "totalPriceSet": "20.0",
            "currentSubtotalPriceSet": "20.0",
            "currentTotalTaxSet": "0.0",
            "currentTotalDiscountsSet": "0.0",
            "currentTotalPriceSet": "20.0",
            "totalRefundedSet": "0.0",
        }.items()
    }
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "name": f"#{number}",
        "number": number,
        "email": f"ada{customer}@example.com" if customer else None,
        "phone": None,
        "customer": reference if customer else None,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "returnStatus": "NO_RETURN",
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "taxesIncluded": False,
        **sums,
        "discountCodes": ["TEN"],
        "lineItems": {"nodes": [line]},
        "shippingAddress": None,
        "billingAddress": None,
        "customerLocale": "en",
        "customerAcceptsMarketing": True,
        "tags": ["b", "a"],
        "note": None,
        "sourceName": "web",
        "statusPageUrl": "https://acme.example/orders/1",
        "test": False,
        "confirmed": True,
        "edited": False,
        "cancelReason": None,
        "cancelledAt": None,
        "closedAt": None,
        "processedAt": stamp(-100),
        "createdAt": stamp(-90),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_order(
    number: int = 100, updated: float = 0, customer: int | None = 1, **fields: Any
) -> dict[str, Any]:
    """Return the order webhook that says the same as `graphql_order`."""
    line = {
        "id": int(f"{number}1"),
        "title": "Shirt",
        "variant_title": "L",
        "sku": "S-L",
        "vendor": "Acme",
        "quantity": 2,
        "current_quantity": 2,
        "gift_card": False,
        "price": "10.00",
        "total_discount": "0.00",
        "product_id": 7,
        "variant_id": 8,
    }
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "order_number": number,
        "email": f"ada{customer}@example.com" if customer else "",
        "phone": None,
        "customer": {"id": customer} if customer else None,
        "financial_status": "paid",
        "fulfillment_status": None,
        "currency": "USD",
        "presentment_currency": "USD",
        "taxes_included": False,
        "subtotal_price": "20.00",
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "total_price": "20.00",
        "total_price_set": {"shop_money": {"amount": "20.00"}, "presentment_money": {"amount": "20.00"}},
        "current_subtotal_price": "20.00",
        "current_total_tax": "0.00",
        "current_total_discounts": "0.00",
        "current_total_price": "20.00",
        "refunds": [],
        "discount_codes": [{"code": "TEN", "amount": "0.00", "type": "percentage"}],
        "line_items": [line],
        "shipping_address": None,
        "billing_address": None,
        "customer_locale": "en",
        "buyer_accepts_marketing": True,
        "tags": "a, b",
        "note": "",
        "source_name": "web",
        "order_status_url": "https://acme.example/orders/1",
        "test": False,
        "confirmed": True,
        "cancel_reason": None,
        "cancelled_at": None,
        "closed_at": None,
        "processed_at": at(-100).astimezone(ZoneInfo("America/New_York")).isoformat(),
        "created_at": at(-90).astimezone(ZoneInfo("America/New_York")).isoformat(),
        "updated_at": at(updated).astimezone(ZoneInfo("America/New_York")).isoformat(),
        **fields,
    }


def graphql_product(number: int = 7, updated: float = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Product/{number}",
        "legacyResourceId": str(number),
        "title": "Shirt",
        "handle": "shirt",
        "descriptionHtml": "<p>Soft <b>cotton</b></p>",
        "productType": "Shirts",
        "vendor": "Acme",
        "tags": ["cotton", "mens"],
        "status": "ACTIVE",
        "isGiftCard": False,
        "totalInventory": 3,
        "tracksInventory": True,
        "onlineStoreUrl": None,
        "options": [],
        "media": {
            "nodes": [
                {
                    "alt": "front",
                    "mediaContentType": "IMAGE",
                    "image": {
                        "url": "https://cdn.example/1.png",
                        "altText": "front",
                        "width": 10,
                        "height": 20,
                    },
                }
            ]
        },
        "variants": {
            "nodes": [
                {
                    "id": "gid://shopify/ProductVariant/8",
                    "legacyResourceId": "8",
                    "title": "L",
                    "position": 1,
                    "sku": "S-L",
                    "barcode": "",
                    "price": "10.0",
                    "compareAtPrice": None,
                    "inventoryQuantity": 3,
                    "inventoryPolicy": "DENY",
                    "availableForSale": True,
                    "selectedOptions": [{"name": "Size", "value": "L"}],
                }
            ]
        },
        "publishedAt": stamp(-500),
        "createdAt": stamp(-1000),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_product(number: int = 7, updated: float = 0, **fields: Any) -> dict[str, Any]:
    """Return the product webhook that says the same as `graphql_product`."""
    return {
        "id": number,
        "title": "Shirt",
        "handle": "shirt",
        "body_html": "<p>Soft <b>cotton</b></p>",
        "product_type": "Shirts",
        "vendor": "Acme",
        "tags": "mens, cotton",
        "status": "active",
        "options": [],
        "images": [
            {"src": "https://cdn.example/1.png", "alt": "front", "width": 10, "height": 20, "position": 1}
        ],
        "variants": [
            {
                "id": 8,
                "title": "L",
                "position": 1,
                "sku": "S-L",
                "barcode": None,
                "price": "10.00",
                "compare_at_price": None,
                "inventory_quantity": 3,
                "inventory_policy": "deny",
                "option1": "L",
                "option2": None,
                "option3": None,
            }
        ],
        "variant_gids": [{"admin_graphql_api_id": "gid://shopify/ProductVariant/8"}],
        "published_at": stamp(-500),
        "created_at": stamp(-1000),
        "updated_at": stamp(updated),
        **fields,
    }


SHOP = "acme.myshopify.com"
OF_TOPIC = {
    "customer": Resource.CUSTOMERS,
    "order": Resource.ORDERS,
    "refund": Resource.ORDERS,
    "product": Resource.PRODUCTS,
}


class Records:
    """Records of an imaginary shop, in both dialects; a pair of builders says the same thing twice."""

    at = staticmethod(at)
    stamp = staticmethod(stamp)
    graphql_customer = staticmethod(graphql_customer)
    rest_customer = staticmethod(rest_customer)
    graphql_order = staticmethod(graphql_order)
    rest_order = staticmethod(rest_order)
    graphql_product = staticmethod(graphql_product)
    rest_product = staticmethod(rest_product)
