"""How orders come: what GraphQL answers, what webhooks carry, and the one form in which lines are stored."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.addresses import GraphqlAddress, RestAddress
from record_writer.domain.rows import Maybe
from record_writer.domain.values import Amount, optional_identifier


class LineItem(msgspec.Struct, gc=False):
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


class Bag(msgspec.Struct, rename="camel", gc=False):
    """MoneyBag of GraphQL; bulk files select the shop's money only, except for the total."""

    shop_money: Amount | None = None
    presentment_money: Amount | None = None


class Reference(msgspec.Struct, rename="camel", gc=False):
    """Another record that is only named."""

    id: str | None = None
    legacy_resource_id: int | str | None = None

    @property
    def external_id(self) -> str | None:
        """Return its number."""
        return optional_identifier(self.legacy_resource_id or self.id)


class GraphqlLine(msgspec.Struct, rename="camel", gc=False):
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


class Lines(msgspec.Struct, gc=False):
    """A complete connection of line items."""

    nodes: list[GraphqlLine] = []


class GraphqlOrder(msgspec.Struct, rename="camel", gc=False):
    """Order of GraphQL, as selected by our queries."""

    id: str
    legacy_resource_id: int | str | None = None
    name: Maybe[str] = UNSET
    number: Maybe[int] = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    customer: Maybe[Reference] = UNSET
    display_financial_status: Maybe[str] = UNSET
    display_fulfillment_status: Maybe[str] = UNSET
    return_status: Maybe[str] = UNSET
    currency_code: Maybe[str] = UNSET
    presentment_currency_code: Maybe[str] = UNSET
    taxes_included: Maybe[bool] = UNSET
    subtotal_price_set: Maybe[Bag] = UNSET
    total_tax_set: Maybe[Bag] = UNSET
    total_discounts_set: Maybe[Bag] = UNSET
    total_price_set: Maybe[Bag] = UNSET
    current_subtotal_price_set: Maybe[Bag] = UNSET
    current_total_tax_set: Maybe[Bag] = UNSET
    current_total_discounts_set: Maybe[Bag] = UNSET
    current_total_price_set: Maybe[Bag] = UNSET
    total_refunded_set: Maybe[Bag] = UNSET
    discount_codes: Maybe[list[str]] = UNSET
    discount_applications: msgspec.Raw | UnsetType = UNSET
    line_items: Lines | UnsetType = UNSET
    shipping_address: Maybe[GraphqlAddress] = UNSET
    billing_address: Maybe[GraphqlAddress] = UNSET
    customer_locale: Maybe[str] = UNSET
    customer_accepts_marketing: Maybe[bool] = UNSET
    tags: Maybe[list[str]] = UNSET
    note: Maybe[str] = UNSET
    source_name: Maybe[str] = UNSET
    status_page_url: Maybe[str] = UNSET
    test: Maybe[bool] = UNSET
    confirmed: Maybe[bool] = UNSET
    edited: Maybe[bool] = UNSET
    cancel_reason: Maybe[str] = UNSET
    cancelled_at: Maybe[datetime] = UNSET
    closed_at: Maybe[datetime] = UNSET
    processed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class RestLine(msgspec.Struct, gc=False):
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
    requires_shipping: bool | None = None


class RestMoney(msgspec.Struct, gc=False):
    """One money of a money set."""

    amount: Decimal | None = None


class RestBag(msgspec.Struct, gc=False):
    """A money set in a webhook."""

    shop_money: RestMoney | None = None
    presentment_money: RestMoney | None = None


class RestTransaction(msgspec.Struct, gc=False):
    """Money that moved in a refund."""

    kind: str | None = None
    status: str | None = None
    amount: Decimal | None = None


class RestRefund(msgspec.Struct, gc=False):
    """A refund in an order webhook."""

    transactions: list[RestTransaction] | UnsetType = UNSET


class RestDiscountCode(msgspec.Struct, gc=False):
    """A discount code with what it was worth."""

    code: str | None = None


class RestCustomerReference(msgspec.Struct, gc=False):
    """The order's customer; only its number is used."""

    id: int | str | None = None


class RestOrder(msgspec.Struct, gc=False):
    """Body of orders/create, /updated and /cancelled (shopify.dev, Webhooks)."""

    id: int | str
    admin_graphql_api_id: Maybe[str] = UNSET
    name: Maybe[str] = UNSET
    order_number: Maybe[int] = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    customer: Maybe[RestCustomerReference] = UNSET
    financial_status: Maybe[str] = UNSET
    fulfillment_status: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    presentment_currency: Maybe[str] = UNSET
    taxes_included: Maybe[bool] = UNSET
    subtotal_price: Maybe[Decimal] = UNSET
    total_tax: Maybe[Decimal] = UNSET
    total_discounts: Maybe[Decimal] = UNSET
    total_price: Maybe[Decimal] = UNSET
    total_price_set: Maybe[RestBag] = UNSET
    current_subtotal_price: Maybe[Decimal] = UNSET
    current_total_tax: Maybe[Decimal] = UNSET
    current_total_discounts: Maybe[Decimal] = UNSET
    current_total_price: Maybe[Decimal] = UNSET
    refunds: Maybe[list[RestRefund]] = UNSET
    discount_codes: Maybe[list[RestDiscountCode]] = UNSET
    discount_applications: msgspec.Raw | UnsetType = UNSET
    line_items: list[RestLine] | UnsetType = UNSET
    shipping_address: Maybe[RestAddress] = UNSET
    billing_address: Maybe[RestAddress] = UNSET
    customer_locale: Maybe[str] = UNSET
    buyer_accepts_marketing: Maybe[bool] = UNSET
    tags: Maybe[str] = UNSET
    note: Maybe[str] = UNSET
    source_name: Maybe[str] = UNSET
    referring_site: Maybe[str] = UNSET
    order_status_url: Maybe[str] = UNSET
    payment_gateway_names: msgspec.Raw | UnsetType = UNSET
    po_number: Maybe[str] = UNSET
    test: Maybe[bool] = UNSET
    confirmed: Maybe[bool] = UNSET
    cancel_reason: Maybe[str] = UNSET
    cancelled_at: Maybe[datetime] = UNSET
    closed_at: Maybe[datetime] = UNSET
    processed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class RefundCreated(msgspec.Struct, gc=False):
    """Body of refunds/create; its `id` is the refund's."""

    order_id: int | str


class OrderEdit(msgspec.Struct, gc=False):
    """What orders/edited says about the order: its number."""

    order_id: int | str


class OrderEdited(msgspec.Struct, gc=False):
    """Body of orders/edited."""

    order_edit: OrderEdit
