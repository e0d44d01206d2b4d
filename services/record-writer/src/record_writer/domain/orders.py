"""Orders: read and delivered in full; refunds and edits say only that an order changed."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.addresses import GraphqlAddress, RestAddress, address
from record_writer.domain.changes import Change, Kind, hint, record
from record_writer.domain.enums import FINANCIAL, FULFILLMENT
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
from record_writer.domain.rows import Document, Maybe, OrderRow, document
from record_writer.domain.values import (
    amount,
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

PERSONAL = ("customer_external_id", "email", "phone", "shipping_address", "billing_address", "note")
"""Columns that name a person."""

PROTECTED = ("email", "phone", "shipping_address", "billing_address")
"""Columns that are null for an app without access to protected customer data, level 2."""


class Metadata(msgspec.Struct, gc=False):
    """What no column holds."""

    admin_graphql_api_id: Maybe[str] = UNSET
    number: Maybe[int] = UNSET
    taxes_included: Maybe[bool] = UNSET
    discount_applications: msgspec.Raw | UnsetType = UNSET
    customer_accepts_marketing: Maybe[bool] = UNSET
    source_name: Maybe[str] = UNSET
    order_status_url: Maybe[str] = UNSET
    test: Maybe[bool] = UNSET
    confirmed: Maybe[bool] = UNSET
    return_status: Maybe[str] = UNSET
    edited: Maybe[bool] = UNSET
    referring_site: Maybe[str] = UNSET
    payment_gateway_names: msgspec.Raw | UnsetType = UNSET
    po_number: Maybe[str] = UNSET


def from_graphql(raw: GraphqlOrder, *, observed_at: datetime, settles: bool) -> Change:
    """Describe an order read from the API."""
    row = OrderRow(
        order_number=text(raw.name),
        email=short_text(raw.email, "orders.email"),
        phone=text(raw.phone),
        currency=raw.currency_code,
        presentment_currency=raw.presentment_currency_code,
        subtotal=_shop(raw.subtotal_price_set, "orders.subtotal"),
        total_tax=_shop(raw.total_tax_set, "orders.total_tax"),
        total_discounts=_shop(raw.total_discounts_set, "orders.total_discounts"),
        total_price=_shop(raw.total_price_set, "orders.total_price"),
        presentment_total_price=_presentment(raw.total_price_set),
        current_subtotal_price=_shop(raw.current_subtotal_price_set, "orders.current_subtotal_price"),
        current_total_tax=_shop(raw.current_total_tax_set, "orders.current_total_tax"),
        current_total_discounts=_shop(raw.current_total_discounts_set, "orders.current_total_discounts"),
        current_total_price=_shop(raw.current_total_price_set, "orders.current_total_price"),
        refunded_total=_shop(raw.total_refunded_set, "orders.refunded_total"),
        customer_locale=text(raw.customer_locale),
        tags=tags(raw.tags, "orders.tags"),
        note=text(raw.note),
        metadata=Metadata(
            raw.id,
            raw.number,
            raw.taxes_included,
            raw.discount_applications,
            raw.customer_accepts_marketing,
            raw.source_name,
            raw.status_page_url,
            raw.test,
            raw.confirmed,
            raw.return_status,
            raw.edited,
        ),
    )
    row.shipping_address, row.billing_address = _addresses(raw)
    if raw.customer is not UNSET:
        row.customer_external_id = raw.customer.external_id if raw.customer else None
    if raw.discount_codes is not UNSET:
        row.discount_codes = document(sorted(raw.discount_codes or []))
    if raw.line_items is not UNSET:
        _note_lines(row, [_graphql_line(line) for line in raw.line_items.nodes])
    _note_financial(row, raw.display_financial_status)
    _note_fulfillment(row, lower(raw.display_fulfillment_status))
    _note_times(row, raw)
    number = raw.legacy_resource_id or raw.id
    return record(row, number, observed_at=observed_at, updated_at=raw.updated_at, settles=settles)


def _shop(bag: Maybe[Bag], field: str) -> Maybe[Decimal]:
    return UNSET if bag is UNSET else _inner(bag, field)


def _inner(bag: Bag | None, field: str) -> Decimal | None:
    return amount(bag.shop_money.amount, field) if bag and bag.shop_money else None


def _presentment(bag: Maybe[Bag]) -> Maybe[Decimal]:
    if bag is None:
        return None
    if bag is UNSET or bag.presentment_money is None:
        return UNSET
    return amount(bag.presentment_money.amount, "orders.total_price")


def _note_financial(row: OrderRow, raw: Maybe[str]) -> None:
    status = row.financial_status_raw = lower(raw)
    row.financial_status = known(status, FINANCIAL)


def _note_fulfillment(row: OrderRow, status: Maybe[str]) -> None:
    row.fulfillment_status_raw = status
    row.fulfillment_status = known(status, FULFILLMENT)


def _note_times(row: OrderRow, raw: GraphqlOrder | RestOrder) -> None:
    row.cancel_reason = lower(raw.cancel_reason)
    row.cancelled_at = instant(raw.cancelled_at, "orders.cancelled_at")
    row.closed_at = instant(raw.closed_at, "orders.closed_at")
    row.ordered_at = instant(raw.processed_at or raw.created_at, "orders.processed_at")
    row.created_at_source = instant(raw.created_at or UNSET, "orders.created_at")


def _note_lines(row: OrderRow, items: list[LineItem]) -> None:
    row.line_items = document(items)
    row.product_ids = sorted({item.product_id for item in items if item.product_id is not None})


def _graphql_line(raw: GraphqlLine) -> LineItem:
    return LineItem(
        id=identifier(raw.id, "orders.line_items.id"),
        product_id=raw.product.external_id if raw.product else None,
        variant_id=raw.variant.external_id if raw.variant else None,
        title=text(raw.title),
        variant_title=text(raw.variant_title),
        quantity=raw.quantity,
        current_quantity=raw.current_quantity,
        price=_inner(raw.original_unit_price_set, "orders.line_items.price"),
        total_discount=_inner(raw.total_discount_set, "orders.line_items.total_discount"),
        sku=text(raw.sku),
        vendor=text(raw.vendor),
        gift_card=bool(raw.is_gift_card),
    )


def from_webhook(raw: RestOrder, *, observed_at: datetime) -> Change:
    """Describe an order webhook."""
    row = OrderRow(
        order_number=text(raw.name),
        email=short_text(raw.email, "orders.email"),
        phone=text(raw.phone),
        currency=raw.currency,
        presentment_currency=raw.presentment_currency,
        subtotal=money(raw.subtotal_price, "orders.subtotal_price"),
        total_tax=money(raw.total_tax, "orders.total_tax"),
        total_discounts=money(raw.total_discounts, "orders.total_discounts"),
        total_price=money(raw.total_price, "orders.total_price"),
        presentment_total_price=_rest_presentment(raw.total_price_set),
        current_subtotal_price=money(raw.current_subtotal_price, "orders.current_subtotal_price"),
        current_total_tax=money(raw.current_total_tax, "orders.current_total_tax"),
        current_total_discounts=money(raw.current_total_discounts, "orders.current_total_discounts"),
        current_total_price=money(raw.current_total_price, "orders.current_total_price"),
        refunded_total=_refunded(raw.refunds),
        customer_locale=text(raw.customer_locale),
        tags=tags(raw.tags, "orders.tags"),
        note=text(raw.note),
        metadata=Metadata(
            raw.admin_graphql_api_id,
            raw.order_number,
            raw.taxes_included,
            raw.discount_applications,
            raw.buyer_accepts_marketing,
            raw.source_name,
            raw.order_status_url,
            raw.test,
            raw.confirmed,
            referring_site=raw.referring_site,
            payment_gateway_names=raw.payment_gateway_names,
            po_number=raw.po_number,
        ),
    )
    row.shipping_address, row.billing_address = _addresses(raw)
    if raw.customer is not UNSET:
        row.customer_external_id = optional_identifier(raw.customer.id) if raw.customer else None
    if raw.discount_codes is not UNSET:
        row.discount_codes = document(_codes(raw.discount_codes))
    if raw.line_items is not UNSET:
        _note_lines(row, [_rest_line(line) for line in raw.line_items])
    _note_financial(row, raw.financial_status)
    _note_fulfillment(row, _rest_fulfillment(raw))
    _note_times(row, raw)
    change = record(row, raw.id, observed_at=observed_at, updated_at=raw.updated_at)
    if change.kind is Kind.FULL or any(getattr(row, name) not in (None, UNSET) for name in PROTECTED):
        return change
    for name in (
        PROTECTED
    ):  # hidden by Shopify's data protection, not emptied; a full record is judged when it is stored
        setattr(row, name, UNSET)
    return record(row, raw.id, observed_at=observed_at, updated_at=raw.updated_at)


def _rest_fulfillment(raw: RestOrder) -> Maybe[str]:
    """Return the status; null means that nothing is fulfilled yet, or that nothing has to be.

    Lines that need no shipping tell the two apart, except gift cards, which never do: then nothing is carried.
    """
    if raw.fulfillment_status is UNSET or raw.fulfillment_status:
        return lower(raw.fulfillment_status)
    lines = raw.line_items or []
    if not lines or any(line.requires_shipping is not False for line in lines):
        return "unfulfilled"
    return UNSET if all(line.gift_card for line in lines) else "fulfillment_not_required"


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


def _addresses(raw: GraphqlOrder | RestOrder) -> tuple[Document, Document]:
    """Return where an order goes and who pays; in most it is the same."""
    shipping = _order_address(raw.shipping_address)
    is_same = raw.billing_address == raw.shipping_address
    return shipping, shipping if is_same else _order_address(raw.billing_address)


def _order_address(raw: Maybe[RestAddress | GraphqlAddress]) -> Document:
    return UNSET if raw is UNSET else document(address(raw, with_id=False))


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
    return hint(identifier(raw.order_id, "orders.order_id"), OrderRow(), observed_at=observed_at)


def from_edit(raw: OrderEdited, *, observed_at: datetime) -> Change:
    """Describe that an order was edited."""
    order_id = identifier(raw.order_edit.order_id, "orders.order_edit.order_id")
    return hint(order_id, OrderRow(), observed_at=observed_at)
