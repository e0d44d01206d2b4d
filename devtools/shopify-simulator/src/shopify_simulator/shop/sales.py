"""Made-up orders, and what a refund or an edit does to one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from shopify_simulator.shop import samples
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import Record, Shop, gid, timestamp
from shopify_simulator.shop.money import bag, converted, minor_units, money, price_in, shared, shop_minor
from shopify_simulator.shop.people import make_address, make_note
from shopify_simulator.shop.samples import COUNTRY_BY_CODE

TAX_PERCENT = 19
ODD_ARTICLES = 1 / 16
SOLD_VARIANTS = 5
PAYMENT_STATES = ("PAID",) * 7 + ("PENDING", "AUTHORIZED", "PARTIALLY_PAID", "EXPIRED")
FULFILLMENT_STATES = ("FULFILLED",) * 4 + (
    "UNFULFILLED", "UNFULFILLED", "PARTIALLY_FULFILLED", "IN_PROGRESS", "ON_HOLD", "SCHEDULED", "OPEN",
    "PENDING_FULFILLMENT", "REQUEST_DECLINED", "RESTOCKED", "FULFILLMENT_NOT_REQUIRED",
)  # fmt: skip
CURRENT_SUMS = (
    "currentSubtotalPriceSet",
    "currentTotalTaxSet",
    "currentTotalDiscountsSet",
    "currentTotalPriceSet",
)
CANCEL_REASONS = ("CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF")


@dataclass(frozen=True, slots=True)
class Article:
    """Something an order line can sell; its product may be gone, or it may never have had one."""

    product: Record | None
    variant: Record | None
    title: str
    variant_title: str | None
    sku: str | None
    vendor: str | None
    price: int
    is_gift_card: bool = False


def pick_article(shop: Shop, dice: Dice) -> Article:
    """Something that the shop sells; rarely a product that was deleted, or a custom item."""
    products = shop.products.sorted_by("legacyResourceId")
    if products and not dice.chance(ODD_ARTICLES):
        product = shop.products[dice.pick(products)[1]]
        return article_of(product, dice.pick(product["variants"][:SOLD_VARIANTS]), shop)
    price = price_in(12.5, shop.currency)
    if dice.chance(0.5):
        return Article(None, None, "Discontinued Candle", "Large", "OLD-1", "Northwind", price)
    return Article(None, None, "Gift wrapping 🎁", None, None, None, price)


def article_of(product: Record, variant: Record, shop: Shop) -> Article:
    """One variant as an article."""
    has_default = variant["title"] == "Default Title"
    return Article(
        {"id": product["id"], "legacyResourceId": product["legacyResourceId"]},
        {"id": variant["id"], "legacyResourceId": variant["legacyResourceId"]},
        product["title"],
        None if has_default else variant["title"],
        variant["sku"],
        product["vendor"],
        minor_units(variant["price"], shop.currency),
        product["isGiftCard"],
    )


@dataclass(frozen=True, slots=True)
class Currencies:
    """The shop's currency and the one the customer saw."""

    shop: str
    presentment: str

    def bag(self, minor: int) -> dict[str, Any]:
        """A MoneyBag of both."""
        return bag(minor, self.shop, self.presentment)


def make_line(shop: Shop, article: Article, quantity: int, discount: int, currencies: Currencies) -> Record:
    """A LineItem."""
    name = f"{article.title} - {article.variant_title}" if article.variant_title else article.title
    return {
        "id": gid("LineItem", shop.next_id()),
        "title": article.title,
        "name": name,
        "variantTitle": article.variant_title,
        "sku": article.sku,
        "vendor": article.vendor,
        "quantity": quantity,
        "currentQuantity": quantity,
        "isGiftCard": article.is_gift_card,
        "originalUnitPriceSet": currencies.bag(article.price),
        "totalDiscountSet": currencies.bag(discount),
        "discountedTotalSet": currencies.bag(article.price * quantity - discount),
        "product": article.product,
        "variant": article.variant,
    }


def make_discount(dice: Dice, subtotal: int, currencies: Currencies) -> tuple[int, list[str], list[Record]]:
    """An order-level discount: its sum, its codes and its application."""
    if not dice.chance(0.25):
        return 0, [], []
    percent = dice.pick((5, 10, 15, 25))
    discount = subtotal * percent // 100
    value: Record = {"__typename": "PricingPercentageValue", "percentage": float(percent)}
    if dice.chance(0.3):
        value = {"__typename": "MoneyV2", **money(discount, currencies.shop)}
    application: Record = {
        "__typename": "DiscountCodeApplication",
        "index": 0,
        "allocationMethod": "ACROSS",
        "targetType": "LINE_ITEM",
        "targetSelection": "ALL",
        "value": value,
    }
    if dice.chance(0.7):
        code = dice.pick(samples.DISCOUNT_CODES)
        return discount, [code], [{**application, "code": code}]
    kind = dice.pick(("ManualDiscountApplication", "AutomaticDiscountApplication"))
    return discount, [], [{**application, "__typename": kind, "title": "Loyal customers"}]


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """What is decided about an order before it is made."""

    number: int
    created: datetime
    updated: datetime
    customer: Record | None
    line_count: int


def make_order(shop: Shop, dice: Dice, plan: OrderPlan) -> Record:
    """An order as it was placed: neither edited nor refunded nor cancelled."""
    country = COUNTRY_BY_CODE[dice.pick(("US", "US", "DE", "FR", "JP", "GB", "CA", "SA", "VN", "KW"))]
    currencies = Currencies(shop.currency, country.currency if dice.chance(0.1) else shop.currency)
    lines = []
    for _ in range(plan.line_count):
        article, quantity = pick_article(shop, dice), dice.pick((1, 1, 1, 2, 3))
        discount = article.price * quantity // 10 if dice.chance(0.1) else 0
        lines.append(make_line(shop, article, quantity, discount, currencies))
    return _assemble(shop, dice, plan, currencies, lines, country)


def _sums(dice: Dice, lines: Sequence[Record], currencies: Currencies, *, taxes_included: bool) -> Record:
    goods = sum(shop_minor(line["discountedTotalSet"]) for line in lines)
    line_discounts = sum(shop_minor(line["totalDiscountSet"]) for line in lines)
    discount, codes, applications = make_discount(dice, goods, currencies)
    subtotal = goods - discount
    shipping = price_in(dice.pick((0.0, 4.9, 9.9)), currencies.shop)
    tax = _tax(subtotal, included=taxes_included)
    total = subtotal + shipping + (0 if taxes_included else tax)
    minors = {
        "Subtotal": subtotal,
        "TotalTax": tax,
        "TotalDiscounts": line_discounts + discount,
        "Total": total,
    }
    names = {
        "Subtotal": "ubtotalPriceSet",
        "TotalTax": "otalTaxSet",
        "TotalDiscounts": "otalDiscountsSet",
        "Total": "otalPriceSet",
    }
    result: Record = {"discountCodes": codes, "discountApplications": applications}
    for key, minor in minors.items():
        value = currencies.bag(minor)
        result[key[0].lower() + names[key]] = value
        result["current" + key[0] + names[key]] = value
    return result


def _assemble(
    shop: Shop,
    dice: Dice,
    plan: OrderPlan,
    currencies: Currencies,
    lines: list[Record],
    country: samples.Country,
) -> Record:
    key, customer = shop.next_id(), plan.customer
    created, updated = timestamp(plan.created), timestamp(plan.updated)
    is_imported = dice.chance(0.03)
    processed = timestamp(plan.created - timedelta(days=dice.whole(30, 400))) if is_imported else created
    is_archived = dice.chance(0.3)
    address = _address_of(shop, dice, customer, country)
    taxes_included = bool(shop.facts["taxesIncluded"])
    email = customer["defaultEmailAddress"] if customer else None
    phone = customer["defaultPhoneNumber"] if customer else None
    return {
        "id": gid("Order", key),
        "legacyResourceId": str(key),
        "name": f"#{plan.number}",
        "number": plan.number,
        "email": _order_email(dice, email, plan.number, is_guest=customer is None),
        "phone": phone["phoneNumber"] if phone else None,
        "customer": {"id": customer["id"], "legacyResourceId": customer["legacyResourceId"]}
        if customer
        else None,
        "displayFinancialStatus": dice.pick(PAYMENT_STATES),
        "displayFulfillmentStatus": dice.pick(FULFILLMENT_STATES),
        "returnStatus": "NO_RETURN",
        "currencyCode": currencies.shop,
        "presentmentCurrencyCode": currencies.presentment,
        "taxesIncluded": taxes_included,
        **_sums(dice, lines, currencies, taxes_included=taxes_included),
        "totalRefundedSet": currencies.bag(0),
        "lineItems": lines,
        "refunds": [],
        "shippingAddress": address,
        "billingAddress": address if dice.chance(0.9) else _address_of(shop, dice, None, country),
        "customerLocale": country.locale if dice.chance(0.9) else None,
        "customerAcceptsMarketing": dice.chance(0.4),
        "tags": sorted(dice.some(samples.ORDER_TAGS, 2)),
        "note": make_note(dice),
        "sourceName": dice.pick(samples.SOURCES),
        "statusPageUrl": f"https://{shop.domain}/{shop.id}/orders/{key:x}/authenticate?key={key * 7919:x}",
        "test": dice.chance(0.01),
        "confirmed": True,
        "edited": False,
        "cancelReason": None,
        "cancelledAt": None,
        "closedAt": updated if is_archived else None,
        "processedAt": processed,
        "createdAt": created,
        "updatedAt": updated,
    }


def _order_email(dice: Dice, email: Record | None, number: int, *, is_guest: bool) -> str | None:
    if email is not None:
        return str(email["emailAddress"])
    return f"guest.{number}@example.org" if is_guest and dice.chance(0.8) else None


def _address_of(shop: Shop, dice: Dice, customer: Record | None, country: samples.Country) -> Record | None:
    if customer is not None and customer["defaultAddress"] is not None:
        return dict(customer["defaultAddress"])
    if dice.chance(0.1):
        return None
    return make_address(shop, dice, country, dice.pick(country.first_names), dice.pick(country.last_names))


def _goods(lines: Iterable[Record]) -> int:
    """What the units that are left cost in minor units, before the discount of the whole order."""
    return sum(
        shop_minor(line["discountedTotalSet"]) * line["currentQuantity"] // line["quantity"] for line in lines
    )


def _tax(goods: int, *, included: bool) -> int:
    return goods * TAX_PERCENT // (100 + TAX_PERCENT if included else 100)


def _recalculated(order: Record, lines: list[Record], added: Sequence[Record] = ()) -> Record:
    """The order with these lines: current sums shrink with its goods and grow with what was added."""
    subtotal, tax, discounts, total = (shop_minor(order[name]) for name in CURRENT_SUMS)
    untaxed = 0 if order["taxesIncluded"] else 1
    shipping = total - subtotal - tax * untaxed
    kept = Fraction(_goods(lines), _goods(order["lineItems"]) or 1)
    gained = _goods(added)
    subtotal = int(subtotal * kept) + gained
    tax = int(tax * kept) + _tax(gained, included=order["taxesIncluded"])
    all_lines = [*lines, *added]
    is_empty = not any(line["currentQuantity"] for line in all_lines)
    total = 0 if is_empty else subtotal + shipping + tax * untaxed
    currencies = Currencies(order["currencyCode"], order["presentmentCurrencyCode"])
    sums = zip(CURRENT_SUMS, (subtotal, tax, int(discounts * kept), total), strict=True)
    return {**order, "lineItems": all_lines, **{name: currencies.bag(minor) for name, minor in sums}}


def _lines_without(order: Record, quantities: dict[str, int]) -> list[Record]:
    """The lines with units taken away, at most those that are left."""
    return [
        {**line, "currentQuantity": max(0, line["currentQuantity"] - quantities[line["id"]])}
        if line["id"] in quantities
        else line
        for line in order["lineItems"]
    ]


def refunded(
    shop: Shop, order: Record, quantities: dict[str, int], note: str | None, now: str
) -> tuple[Record, Record]:
    """The order after units were refunded, and the refund; the last unit takes the shipping with it."""
    after = _recalculated(order, _lines_without(order, quantities))
    lost = {name: shop_minor(order[name]) - shop_minor(after[name]) for name in CURRENT_SUMS}
    currencies = Currencies(order["currencyCode"], order["presentmentCurrencyCode"])
    key = shop.next_id()
    refund = {
        "id": gid("Refund", key),
        "legacyResourceId": str(key),
        "note": note,
        "createdAt": now,
        "processedAt": now,
        "updatedAt": now,
        "totalRefundedSet": currencies.bag(lost["currentTotalPriceSet"]),
        "order": {"id": order["id"], "legacyResourceId": order["legacyResourceId"]},
        "refundLineItems": _refund_lines(shop, order, quantities, lost, currencies),
    }
    is_all = not any(line["currentQuantity"] for line in after["lineItems"])
    after["refunds"] = [*order["refunds"], refund]
    after["totalRefundedSet"] = currencies.bag(
        shop_minor(order["totalRefundedSet"]) + lost["currentTotalPriceSet"]
    )
    after["displayFinancialStatus"] = "REFUNDED" if is_all else "PARTIALLY_REFUNDED"
    return after, refund


def _refund_lines(
    shop: Shop, order: Record, quantities: dict[str, int], lost: dict[str, int], currencies: Currencies
) -> list[Record]:
    """One line for each that lost units; together they cost what the order lost."""
    lines = [line for line in order["lineItems"] if line["id"] in quantities]
    worths = [_goods([{**line, "currentQuantity": quantities[line["id"]]}]) for line in lines]
    subtotals = shared(lost["currentSubtotalPriceSet"], worths)
    taxes = shared(lost["currentTotalTaxSet"], worths)
    return [
        {
            "id": gid("RefundLineItem", shop.next_id()),
            "lineItem": {"id": line["id"]},
            "quantity": quantities[line["id"]],
            "restockType": "RETURN",
            "subtotalSet": currencies.bag(subtotal),
            "totalTaxSet": currencies.bag(tax),
        }
        for line, subtotal, tax in zip(lines, subtotals, taxes, strict=True)
    ]


def edited(order: Record, removals: dict[str, int], additions: Sequence[Record]) -> Record:
    """The order after its lines were edited; the original sums stay."""
    return {**_recalculated(order, _lines_without(order, removals), additions), "edited": True}


def cancelled(order: Record, reason: str, now: str) -> Record:
    """The order after its cancellation; unpaid ones become void."""
    is_paid = order["displayFinancialStatus"] in ("PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED", "REFUNDED")
    status = order["displayFinancialStatus"] if is_paid else "VOIDED"
    return {
        **order,
        "cancelReason": reason,
        "cancelledAt": now,
        "closedAt": now,
        "displayFinancialStatus": status,
    }


def purchases(orders: Iterable[Record], currency: str) -> Record:
    """What a customer's orders say of the customer; test orders do not count, cancelled ones have no worth."""
    real = [order for order in orders if not order["test"]]
    spent = sum(
        converted(shop_minor(order["currentTotalPriceSet"]), order["currencyCode"], currency)
        for order in real
        if order["cancelledAt"] is None
    )
    last = max(real, key=lambda order: (order["processedAt"], int(order["legacyResourceId"])), default=None)
    return {
        "numberOfOrders": str(len(real)),
        "amountSpent": money(spent, currency),
        "lastOrder": {"id": last["id"], "legacyResourceId": last["legacyResourceId"]} if last else None,
    }
