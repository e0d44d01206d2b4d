"""Orders: read and delivered in full; refunds and edits say only that an order changed."""

from datetime import datetime
from decimal import Decimal

from msgspec import UNSET, UnsetType

from record_writer.domain.addresses import Address, GraphqlAddress, RestAddress, address
from record_writer.domain.changes import Change, hint, record
from record_writer.domain.order_shapes import (
    Bag,
    GraphqlLine,
    GraphqlOrder,
    LineItem,
    OrderEdited,
    RefundCreated,
    RestBag,
    RestDiscountCode,
    RestLine,
    RestOrder,
    RestRefund,
)
from record_writer.domain.values import (
    Columns,
    Maybe,
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
        shipping_address=_order_address(raw.shipping_address),
        billing_address=_order_address(raw.billing_address),
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


def _shop(bag: Maybe[Bag], name: str) -> Maybe[Decimal]:
    if bag is UNSET:
        return UNSET
    return money(bag.shop_money.amount, f"orders.{name}") if bag and bag.shop_money else None


def _presentment(bag: Maybe[Bag]) -> Maybe[Decimal]:
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
    cancelled_at: Maybe[datetime],
    closed_at: Maybe[datetime],
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
        shipping_address=_order_address(raw.shipping_address),
        billing_address=_order_address(raw.billing_address),
        tags=UNSET if raw.tags is UNSET else tags(raw.tags, "orders.tags"),
    )
    if raw.customer is not UNSET:
        columns["customer_external_id"] = optional_identifier(raw.customer.id) if raw.customer else None
    if raw.line_items is not UNSET:
        columns |= _lines([_rest_line(line) for line in raw.line_items])
    if raw.financial_status is not UNSET:
        columns |= _financial(raw.financial_status)
    columns |= _rest_fulfillment(raw)
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


def _rest_fulfillment(raw: RestOrder) -> Columns:
    """Return the status; null means that nothing is fulfilled yet, or that nothing has to be.

    Lines that need no shipping tell the two apart, except gift cards, which never do: then nothing is carried.
    """
    if raw.fulfillment_status is UNSET:
        return {}
    if raw.fulfillment_status:
        return _fulfillment(lower(raw.fulfillment_status))
    lines = raw.line_items or []
    if not lines or any(line.requires_shipping is not False for line in lines):
        return _fulfillment("unfulfilled")
    return {} if all(line.gift_card for line in lines) else _fulfillment("fulfillment_not_required")


def _amount(value: Maybe[Decimal], name: str) -> Maybe[Decimal]:
    return value if value is UNSET else money(value, f"orders.{name}")


def _rest_presentment(bag: Maybe[RestBag]) -> Maybe[Decimal]:
    if bag is UNSET or bag is None or bag.presentment_money is None:
        return UNSET
    return money(bag.presentment_money.amount, "orders.total_price_set")


def _refunded(refunds: Maybe[list[RestRefund]]) -> Decimal | UnsetType:
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


def _order_address(raw: Maybe[RestAddress | GraphqlAddress]) -> Maybe[Address]:
    return raw if raw is UNSET else address(raw, with_id=False)


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


def from_refund(raw: RefundCreated, *, observed_at: datetime) -> Change:
    """Describe that an order was refunded: which sums changed only a new read tells."""
    return hint(identifier(raw.order_id, "orders.order_id"), observed_at=observed_at)


def from_edit(raw: OrderEdited, *, observed_at: datetime) -> Change:
    """Describe that an order was edited."""
    return hint(identifier(raw.order_edit.order_id, "orders.order_edit.order_id"), observed_at=observed_at)
