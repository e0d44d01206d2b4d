"""Orders: read and delivered in full; refunds and edits say only that an order changed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.addresses import GraphqlAddress, RestAddress, address
from record_writer.domain.changes import Change, hint, record
from record_writer.domain.values import (
    Columns,
    Maybe,
    Money,
    carried,
    identifier,
    instant,
    known,
    lower,
    money,
    optional_identifier,
    short_text,
    tags,
    text,
)
from record_writer.errors import InvalidRecord
from sync_common.contracts.resources import Resource

FINANCIAL: dict[str, str | None] = {
    name: name
    for name in (
        "pending",
        "authorized",
        "partially_paid",
        "paid",
        "partially_refunded",
        "refunded",
        "voided",
        "expired",
    )
}
FULFILLMENT: dict[str, str | None] = {
    "fulfilled": "fulfilled",
    "partial": "partial",
    "partially_fulfilled": "partial",
    "fulfillment_not_required": None,
    **dict.fromkeys(
        (
            "unfulfilled",
            "open",
            "in_progress",
            "on_hold",
            "scheduled",
            "pending_fulfillment",
            "request_declined",
            "restocked",
        ),
        "unfulfilled",
    ),
}
PERSONAL = ("customer_external_id", "email", "phone", "shipping_address", "billing_address", "note")
"""Columns that name a person."""


class LineItem(msgspec.Struct):
    """One line of an order, as it is stored."""

    id: str
    product_id: str | None
    variant_id: str | None
    title: str | None
    variant_title: str | None
    quantity: int
    current_quantity: int | None
    price: Decimal | None
    total_discount: Decimal | None
    sku: str | None
    vendor: str | None
    gift_card: bool


class Bag(msgspec.Struct, rename="camel"):
    """MoneyBag of GraphQL; bulk files select the shop's money only, except for the total."""

    shop_money: Money | None = None
    presentment_money: Money | None = None


class Reference(msgspec.Struct, rename="camel"):
    """Another record that is only named."""

    id: str | None = None
    legacy_resource_id: int | str | None = None

    @property
    def external_id(self) -> str | None:
        """Return its number."""
        return optional_identifier(self.legacy_resource_id or self.id)


class GraphqlLine(msgspec.Struct, rename="camel"):
    """LineItem of GraphQL."""

    id: str
    title: str | None = None
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None
    quantity: int = 0
    current_quantity: int | None = None
    is_gift_card: bool | None = None
    original_unit_price_set: Bag | None = None
    total_discount_set: Bag | None = None
    product: Reference | None = None
    variant: Reference | None = None


class Lines(msgspec.Struct):
    """A complete connection of line items."""

    nodes: list[GraphqlLine] = []


class GraphqlOrder(msgspec.Struct, rename="camel"):
    """Order of GraphQL, as selected by our queries."""

    id: str
    legacy_resource_id: int | str | None = None
    name: Maybe[str] = UNSET
    number: int | None | UnsetType = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    customer: Reference | None | UnsetType = UNSET
    display_financial_status: Maybe[str] = UNSET
    display_fulfillment_status: Maybe[str] = UNSET
    return_status: Maybe[str] = UNSET
    currency_code: Maybe[str] = UNSET
    presentment_currency_code: Maybe[str] = UNSET
    taxes_included: bool | None | UnsetType = UNSET
    subtotal_price_set: Bag | None | UnsetType = UNSET
    total_tax_set: Bag | None | UnsetType = UNSET
    total_discounts_set: Bag | None | UnsetType = UNSET
    total_price_set: Bag | None | UnsetType = UNSET
    current_subtotal_price_set: Bag | None | UnsetType = UNSET
    current_total_tax_set: Bag | None | UnsetType = UNSET
    current_total_discounts_set: Bag | None | UnsetType = UNSET
    current_total_price_set: Bag | None | UnsetType = UNSET
    total_refunded_set: Bag | None | UnsetType = UNSET
    discount_codes: list[str] | None | UnsetType = UNSET
    discount_applications: msgspec.Raw | UnsetType = UNSET
    line_items: Lines | UnsetType = UNSET
    shipping_address: GraphqlAddress | None | UnsetType = UNSET
    billing_address: GraphqlAddress | None | UnsetType = UNSET
    customer_locale: Maybe[str] = UNSET
    customer_accepts_marketing: bool | None | UnsetType = UNSET
    tags: list[str] | None | UnsetType = UNSET
    note: Maybe[str] = UNSET
    source_name: Maybe[str] = UNSET
    status_page_url: Maybe[str] = UNSET
    test: bool | None | UnsetType = UNSET
    confirmed: bool | None | UnsetType = UNSET
    edited: bool | None | UnsetType = UNSET
    cancel_reason: Maybe[str] = UNSET
    cancelled_at: datetime | None | UnsetType = UNSET
    closed_at: datetime | None | UnsetType = UNSET
    processed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def from_graphql(raw: GraphqlOrder, *, observed_at: datetime, settles: bool) -> Change:
    """Describe an order read from the API."""
    columns = _texts(raw.name, raw.email, raw.phone, raw.note, raw.customer_locale)
    columns |= carried(
        currency=raw.currency_code,
        presentment_currency=raw.presentment_currency_code,
        subtotal=_shop(raw.subtotal_price_set, "subtotal"),
        total_tax=_shop(raw.total_tax_set, "total_tax"),
        total_discounts=_shop(raw.total_discounts_set, "total_discounts"),
        total_price=_shop(raw.total_price_set, "total_price"),
        presentment_total_price=_presentment(raw.total_price_set),
        current_subtotal_price=_shop(raw.current_subtotal_price_set, "current_subtotal_price"),
        current_total_tax=_shop(raw.current_total_tax_set, "current_total_tax"),
        current_total_discounts=_shop(raw.current_total_discounts_set, "current_total_discounts"),
        current_total_price=_shop(raw.current_total_price_set, "current_total_price"),
        refunded_total=_shop(raw.total_refunded_set, "refunded_total"),
        discount_codes=UNSET if raw.discount_codes is UNSET else sorted(raw.discount_codes or []),
        shipping_address=UNSET if raw.shipping_address is UNSET else address(raw.shipping_address),
        billing_address=UNSET if raw.billing_address is UNSET else address(raw.billing_address),
        tags=UNSET if raw.tags is UNSET else tags(raw.tags, "orders.tags"),
    )
    if raw.customer is not UNSET:
        columns["customer_external_id"] = raw.customer.external_id if raw.customer else None
    if raw.line_items is not UNSET:
        columns |= _lines([_graphql_line(line) for line in raw.line_items.nodes])
    if raw.display_financial_status is not UNSET:
        columns |= _financial(raw.display_financial_status)
    if raw.display_fulfillment_status is not UNSET:
        columns |= _fulfillment(lower(raw.display_fulfillment_status))
    columns |= _times(raw.cancel_reason, raw.cancelled_at, raw.closed_at, raw.processed_at, raw.created_at)
    columns["metadata"] = carried(
        admin_graphql_api_id=raw.id,
        number=raw.number,
        return_status=raw.return_status,
        taxes_included=raw.taxes_included,
        discount_applications=raw.discount_applications,
        customer_accepts_marketing=raw.customer_accepts_marketing,
        source_name=raw.source_name,
        order_status_url=raw.status_page_url,
        test=raw.test,
        confirmed=raw.confirmed,
        edited=raw.edited,
    )
    return _record(raw.legacy_resource_id or raw.id, columns, raw.updated_at, observed_at, settles=settles)


def _record(
    external_id: int | str,
    columns: Columns,
    updated_at: datetime | None,
    observed_at: datetime,
    *,
    settles: bool = False,
) -> Change:
    for name in ("total_price", "currency", "ordered_at"):
        if columns.get(name, UNSET) is None:
            raise InvalidRecord(f"orders.{name}", "missing")
    return record(
        Resource.ORDERS,
        columns,
        external_id=identifier(external_id, "orders.id"),
        observed_at=observed_at,
        updated_at=instant(updated_at, "orders.updated_at"),
        settles=settles,
    )


def _texts(
    name: Maybe[str], email: Maybe[str], phone: Maybe[str], note: Maybe[str], locale: Maybe[str]
) -> Columns:
    return carried(
        order_number=name if name is UNSET else text(name),
        email=email if email is UNSET else short_text(email, "orders.email"),
        phone=phone if phone is UNSET else text(phone),
        note=note if note is UNSET else text(note),
        customer_locale=locale if locale is UNSET else text(locale),
    )


def _shop(bag: Bag | None | UnsetType, name: str) -> Decimal | None | UnsetType:
    if bag is UNSET:
        return UNSET
    return money(bag.shop_money.amount, f"orders.{name}") if bag and bag.shop_money else None


def _presentment(bag: Bag | None | UnsetType) -> Decimal | None | UnsetType:
    if bag is UNSET or (bag is not None and bag.presentment_money is None):
        return UNSET
    return (
        money(bag.presentment_money.amount, "orders.total_price") if bag and bag.presentment_money else None
    )


def _financial(raw: str | None) -> Columns:
    status = lower(raw)
    return {"financial_status": known(status, FINANCIAL), "financial_status_raw": status}


def _fulfillment(status: str | None) -> Columns:
    return {"fulfillment_status": known(status, FULFILLMENT), "fulfillment_status_raw": status}


def _times(
    reason: Maybe[str],
    cancelled_at: datetime | None | UnsetType,
    closed_at: datetime | None | UnsetType,
    processed_at: datetime | None,
    created_at: datetime | None,
) -> Columns:
    columns = carried(
        cancel_reason=reason if reason is UNSET else lower(reason),
        cancelled_at=cancelled_at if cancelled_at is UNSET else instant(cancelled_at, "orders.cancelled_at"),
        closed_at=closed_at if closed_at is UNSET else instant(closed_at, "orders.closed_at"),
        ordered_at=instant(processed_at or created_at, "orders.processed_at"),
    )
    if created_at is not None:
        columns["created_at_source"] = instant(created_at, "orders.created_at")
    return columns


def _lines(items: list[LineItem]) -> Columns:
    products = dict.fromkeys(item.product_id for item in items if item.product_id is not None)
    return {"line_items": items, "product_ids": sorted(products)}


def _graphql_line(raw: GraphqlLine) -> LineItem:
    price, discount = (
        _shop(raw.original_unit_price_set, "line_items"),
        _shop(raw.total_discount_set, "line_items"),
    )
    return LineItem(
        id=identifier(raw.id, "orders.line_items.id"),
        product_id=raw.product.external_id if raw.product else None,
        variant_id=raw.variant.external_id if raw.variant else None,
        title=text(raw.title),
        variant_title=text(raw.variant_title),
        quantity=raw.quantity,
        current_quantity=raw.current_quantity,
        price=None if price is UNSET else price,
        total_discount=None if discount is UNSET else discount,
        sku=text(raw.sku),
        vendor=text(raw.vendor),
        gift_card=bool(raw.is_gift_card),
    )


class RestLine(msgspec.Struct):
    """A line item in a webhook."""

    id: int | str
    product_id: int | str | None = None
    variant_id: int | str | None = None
    title: str | None = None
    variant_title: str | None = None
    quantity: int = 0
    current_quantity: int | None = None
    price: Decimal | None = None
    total_discount: Decimal | None = None
    sku: str | None = None
    vendor: str | None = None
    gift_card: bool | None = None


class RestMoney(msgspec.Struct):
    """One money of a money set."""

    amount: Decimal | None = None


class RestBag(msgspec.Struct):
    """A money set in a webhook."""

    shop_money: RestMoney | None = None
    presentment_money: RestMoney | None = None


class RestTransaction(msgspec.Struct):
    """Money that moved in a refund."""

    kind: str | None = None
    status: str | None = None
    amount: Decimal | None = None


class RestRefund(msgspec.Struct):
    """A refund in an order webhook."""

    transactions: list[RestTransaction] | UnsetType = UNSET


class RestDiscountCode(msgspec.Struct):
    """A discount code with what it was worth."""

    code: str | None = None


class RestCustomerReference(msgspec.Struct):
    """The order's customer; only its number is used."""

    id: int | str | None = None


class RestOrder(msgspec.Struct):
    """Body of orders/create, /updated and /cancelled (shopify.dev, Webhooks)."""

    id: int | str
    admin_graphql_api_id: Maybe[str] = UNSET
    name: Maybe[str] = UNSET
    order_number: int | None | UnsetType = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    customer: RestCustomerReference | None | UnsetType = UNSET
    financial_status: Maybe[str] = UNSET
    fulfillment_status: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    presentment_currency: Maybe[str] = UNSET
    taxes_included: bool | None | UnsetType = UNSET
    subtotal_price: Decimal | None | UnsetType = UNSET
    total_tax: Decimal | None | UnsetType = UNSET
    total_discounts: Decimal | None | UnsetType = UNSET
    total_price: Decimal | None | UnsetType = UNSET
    total_price_set: RestBag | None | UnsetType = UNSET
    current_subtotal_price: Decimal | None | UnsetType = UNSET
    current_total_tax: Decimal | None | UnsetType = UNSET
    current_total_discounts: Decimal | None | UnsetType = UNSET
    current_total_price: Decimal | None | UnsetType = UNSET
    refunds: list[RestRefund] | None | UnsetType = UNSET
    discount_codes: list[RestDiscountCode] | None | UnsetType = UNSET
    discount_applications: msgspec.Raw | UnsetType = UNSET
    line_items: list[RestLine] | UnsetType = UNSET
    shipping_address: RestAddress | None | UnsetType = UNSET
    billing_address: RestAddress | None | UnsetType = UNSET
    customer_locale: Maybe[str] = UNSET
    buyer_accepts_marketing: bool | None | UnsetType = UNSET
    tags: str | None | UnsetType = UNSET
    note: Maybe[str] = UNSET
    source_name: Maybe[str] = UNSET
    referring_site: Maybe[str] = UNSET
    order_status_url: Maybe[str] = UNSET
    payment_gateway_names: msgspec.Raw | UnsetType = UNSET
    po_number: Maybe[str] = UNSET
    test: bool | None | UnsetType = UNSET
    confirmed: bool | None | UnsetType = UNSET
    cancel_reason: Maybe[str] = UNSET
    cancelled_at: datetime | None | UnsetType = UNSET
    closed_at: datetime | None | UnsetType = UNSET
    processed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def from_webhook(raw: RestOrder, *, observed_at: datetime) -> Change:
    """Describe an order webhook."""
    columns = _texts(raw.name, raw.email, raw.phone, raw.note, raw.customer_locale)
    columns |= carried(
        currency=raw.currency,
        presentment_currency=raw.presentment_currency,
        subtotal=_amount(raw.subtotal_price, "subtotal_price"),
        total_tax=_amount(raw.total_tax, "total_tax"),
        total_discounts=_amount(raw.total_discounts, "total_discounts"),
        total_price=_amount(raw.total_price, "total_price"),
        presentment_total_price=_rest_presentment(raw.total_price_set),
        current_subtotal_price=_amount(raw.current_subtotal_price, "current_subtotal_price"),
        current_total_tax=_amount(raw.current_total_tax, "current_total_tax"),
        current_total_discounts=_amount(raw.current_total_discounts, "current_total_discounts"),
        current_total_price=_amount(raw.current_total_price, "current_total_price"),
        refunded_total=_refunded(raw.refunds),
        discount_codes=UNSET if raw.discount_codes is UNSET else _codes(raw.discount_codes),
        shipping_address=UNSET if raw.shipping_address is UNSET else _order_address(raw.shipping_address),
        billing_address=UNSET if raw.billing_address is UNSET else _order_address(raw.billing_address),
        tags=UNSET if raw.tags is UNSET else tags(raw.tags, "orders.tags"),
    )
    if raw.customer is not UNSET:
        columns["customer_external_id"] = optional_identifier(raw.customer.id) if raw.customer else None
    if raw.line_items is not UNSET:
        columns |= _lines([_rest_line(line) for line in raw.line_items])
    if raw.financial_status is not UNSET:
        columns |= _financial(raw.financial_status)
    if raw.fulfillment_status is not UNSET:  # null means that nothing is fulfilled yet
        columns |= _fulfillment(lower(raw.fulfillment_status) or "unfulfilled")
    columns |= _times(raw.cancel_reason, raw.cancelled_at, raw.closed_at, raw.processed_at, raw.created_at)
    columns["metadata"] = carried(
        admin_graphql_api_id=raw.admin_graphql_api_id,
        number=raw.order_number,
        taxes_included=raw.taxes_included,
        discount_applications=raw.discount_applications,
        customer_accepts_marketing=raw.buyer_accepts_marketing,
        source_name=raw.source_name,
        referring_site=raw.referring_site,
        order_status_url=raw.order_status_url,
        payment_gateway_names=raw.payment_gateway_names,
        po_number=raw.po_number,
        test=raw.test,
        confirmed=raw.confirmed,
    )
    return _record(raw.id, columns, raw.updated_at, observed_at)


def _amount(value: Decimal | None | UnsetType, name: str) -> Decimal | None | UnsetType:
    return value if value is UNSET else money(value, f"orders.{name}")


def _rest_presentment(bag: RestBag | None | UnsetType) -> Decimal | None | UnsetType:
    if bag is UNSET or bag is None or bag.presentment_money is None:
        return UNSET
    return money(bag.presentment_money.amount, "orders.total_price_set")


def _refunded(refunds: list[RestRefund] | None | UnsetType) -> Decimal | UnsetType:
    """Return the money given back, or UNSET where a refund does not list its transactions: then it is read again."""
    if refunds is UNSET:
        return UNSET
    total = Decimal("0.00")
    for refund in refunds or []:
        if not refund.transactions:
            return UNSET
        total += sum(
            (
                one.amount or Decimal()
                for one in refund.transactions
                if one.kind == "refund" and one.status in ("success", None)
            ),
            Decimal(),
        )
    return money(total, "orders.refunds") or Decimal("0.00")


def _codes(codes: list[RestDiscountCode] | None) -> list[str]:
    return sorted(one.code for one in codes or [] if one.code)


def _order_address(raw: RestAddress | None) -> Any:
    found = address(raw)
    if found is not None:
        found.id = None
    return found


def _rest_line(raw: RestLine) -> LineItem:
    return LineItem(
        id=identifier(raw.id, "orders.line_items.id"),
        product_id=optional_identifier(raw.product_id),
        variant_id=optional_identifier(raw.variant_id),
        title=text(raw.title),
        variant_title=text(raw.variant_title),
        quantity=raw.quantity,
        current_quantity=raw.current_quantity,
        price=money(raw.price, "orders.line_items.price"),
        total_discount=money(raw.total_discount, "orders.line_items.total_discount"),
        sku=text(raw.sku),
        vendor=text(raw.vendor),
        gift_card=bool(raw.gift_card),
    )


class RefundCreated(msgspec.Struct):
    """Body of refunds/create; its `id` is the refund's."""

    order_id: int | str


def from_refund(raw: RefundCreated, *, observed_at: datetime) -> Change:
    """Describe that an order was refunded: which sums changed only a new read tells."""
    return hint(identifier(raw.order_id, "orders.order_id"), observed_at=observed_at)


class OrderEdit(msgspec.Struct):
    """What orders/edited says about the order: its number."""

    order_id: int | str


class OrderEdited(msgspec.Struct):
    """Body of orders/edited."""

    order_edit: OrderEdit


def from_edit(raw: OrderEdited, *, observed_at: datetime) -> Change:
    """Describe that an order was edited."""
    return hint(identifier(raw.order_edit.order_id, "orders.order_edit.order_id"), observed_at=observed_at)
