"""Customers: GraphQL records are full; webhooks carry identity and addresses, consent or spend, never all of it."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.addresses import Address, GraphqlAddress, RestAddress, address, addresses
from record_writer.domain.changes import Change, hint, record
from record_writer.domain.enums import CUSTOMER_STATES
from record_writer.domain.rows import ContactRow, Maybe, document
from record_writer.domain.values import (
    Money,
    amount,
    count,
    identifier,
    instant,
    known,
    lower,
    optional_identifier,
    short_text,
    tags,
    text,
)

PERSONAL = ("email", "phone", "first_name", "last_name", "default_address", "addresses", "note")
"""Columns that name a person."""

PROTECTED = ("email", "phone", "first_name", "last_name", "default_address", "addresses")
"""Columns that are null for an app without access to protected customer data, level 2."""

NO_ADDRESSES = document([])


class EmailAddress(msgspec.Struct, rename="camel", gc=False):
    """CustomerEmailAddress of GraphQL."""

    email_address: str | None = None
    marketing_state: str | None = None
    marketing_opt_in_level: str | None = None
    marketing_updated_at: datetime | None = None


class PhoneNumber(msgspec.Struct, rename="camel", gc=False):
    """CustomerPhoneNumber of GraphQL; the consent is kept as it is."""

    phone_number: str | None = None
    sms_marketing_consent: msgspec.Raw = msgspec.Raw(b"null")


class LastOrder(msgspec.Struct, rename="camel", gc=False):
    """The customer's last order, in so far as GraphQL shows it."""

    created_at: datetime | None = None
    processed_at: datetime | None = None


class Addresses(msgspec.Struct, gc=False):
    """A complete connection of addresses."""

    nodes: list[GraphqlAddress] = []


class GraphqlCustomer(msgspec.Struct, rename="camel", gc=False):
    """Customer of GraphQL, as selected by our queries."""

    id: str
    legacy_resource_id: int | str | None = None
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    state: Maybe[str] = UNSET
    note: Maybe[str] = UNSET
    tags: Maybe[list[str]] = UNSET
    number_of_orders: Maybe[int | str] = UNSET
    amount_spent: Maybe[Money] = UNSET
    last_order: Maybe[LastOrder] = UNSET
    default_email_address: Maybe[EmailAddress] = UNSET
    default_phone_number: Maybe[PhoneNumber] = UNSET
    default_address: Maybe[GraphqlAddress] = UNSET
    addresses_v2: Maybe[Addresses] = UNSET
    created_at: datetime | None = None
    updated_at: datetime | None = None
    locale: Maybe[str] = UNSET
    tax_exempt: Maybe[bool] = UNSET
    verified_email: Maybe[bool] = UNSET


class Metadata(msgspec.Struct, gc=False):
    """What no column holds."""

    admin_graphql_api_id: Maybe[str] = UNSET
    locale: Maybe[str] = UNSET
    tax_exempt: Maybe[bool] = UNSET
    verified_email: Maybe[bool] = UNSET
    sms_marketing_consent: msgspec.Raw | UnsetType = UNSET


def from_graphql(raw: GraphqlCustomer, *, observed_at: datetime, settles: bool) -> Change:
    """Describe a customer read from the API."""
    row = ContactRow(
        first_name=text(raw.first_name),
        last_name=text(raw.last_name),
        note=text(raw.note),
        tags=tags(raw.tags, "customers.tags"),
        created_at_source=instant(raw.created_at or UNSET, "customers.createdAt"),
    )
    metadata = row.metadata = Metadata(raw.id, raw.locale, raw.tax_exempt, raw.verified_email)
    row.state, row.state_raw = _states(raw.state)
    _note_spend(row, raw)
    if raw.default_email_address is not UNSET:
        email = raw.default_email_address or EmailAddress()
        row.email = short_text(email.email_address, "customers.email")
        _note_consent(row, email.marketing_state, email.marketing_opt_in_level, email.marketing_updated_at)
    if raw.default_phone_number is not UNSET:
        phone = raw.default_phone_number
        row.phone = short_text(phone.phone_number, "customers.phone") if phone else None
        metadata.sms_marketing_consent = phone.sms_marketing_consent if phone else UNSET
    if raw.addresses_v2 is not UNSET and raw.default_address is not UNSET:
        found = addresses(raw.addresses_v2.nodes if raw.addresses_v2 else [])
        row.addresses = document(found)
        row.default_address = document(_default(raw.default_address, found))
    number = raw.legacy_resource_id or raw.id
    return record(row, number, observed_at=observed_at, updated_at=raw.updated_at, settles=settles)


def _note_spend(row: ContactRow, raw: GraphqlCustomer) -> None:
    if raw.number_of_orders is not UNSET:
        row.orders_count = _order_count(raw.number_of_orders)
    if raw.amount_spent is not UNSET:
        spent = raw.amount_spent
        row.total_spent = amount(spent.amount, "customers.amountSpent") if spent else None
        row.currency = spent.currencyCode if spent else None
    if raw.last_order is not UNSET:
        last = raw.last_order
        row.last_order_at = instant(
            (last.processed_at or last.created_at) if last else None, "customers.lastOrder"
        )


def _order_count(value: int | str | None) -> int | None:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return count(number, "customers.orders_count") if isinstance(number, int) else None


def _note_consent(row: ContactRow, state: str | None, level: str | None, moment: datetime | None) -> None:
    row.email_marketing_state = lower(state)
    row.accepts_marketing = row.email_marketing_state == "subscribed"
    row.accepts_marketing_updated_at = instant(moment, "customers.email_marketing_consent")
    row.marketing_opt_in_level = lower(level)


def _default(chosen: GraphqlAddress | None, all_addresses: list[Address]) -> Address | None:
    """Return the default address in full: bulk files and reads by id name only its id."""
    if chosen is None:
        return None
    number = optional_identifier(chosen.id)
    return next((one for one in all_addresses if one.id == number), None) or address(chosen)


def _states(raw: Maybe[str]) -> tuple[Maybe[str], Maybe[str]]:
    """Return the state as the spec knows it and as Shopify wrote it."""
    state = lower(raw)
    return known(state, CUSTOMER_STATES), state


class RestConsent(msgspec.Struct, gc=False):
    """Consent in a webhook."""

    state: str | None = None
    opt_in_level: str | None = None
    consent_updated_at: datetime | None = None


class RestCustomer(msgspec.Struct, gc=False):
    """Body of customers/create, /update, /enable and /disable (shopify.dev, Webhooks)."""

    id: int | str
    admin_graphql_api_id: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    state: Maybe[str] = UNSET
    note: Maybe[str] = UNSET
    addresses: Maybe[list[RestAddress]] = UNSET
    default_address: Maybe[RestAddress] = UNSET
    tax_exempt: Maybe[bool] = UNSET
    verified_email: Maybe[bool] = UNSET
    created_at: datetime | None = None
    updated_at: datetime | None = None


def from_webhook(raw: RestCustomer, *, observed_at: datetime) -> Change:
    """Describe a customer webhook: since version 2025-01 it lacks tags, consent and spend."""
    row = ContactRow(
        email=short_text(raw.email, "customers.email"),
        phone=short_text(raw.phone, "customers.phone"),
        first_name=text(raw.first_name),
        last_name=text(raw.last_name),
        note=text(raw.note),
        addresses=UNSET if raw.addresses is UNSET else document(addresses(raw.addresses or [])),
        default_address=UNSET if raw.default_address is UNSET else document(address(raw.default_address)),
        created_at_source=instant(raw.created_at or UNSET, "customers.created_at"),
        metadata=Metadata(
            raw.admin_graphql_api_id, tax_exempt=raw.tax_exempt, verified_email=raw.verified_email
        ),
    )
    row.state, row.state_raw = _states(raw.state)
    if not any(getattr(row, name) not in (None, UNSET, NO_ADDRESSES) for name in PROTECTED):
        for name in PROTECTED:  # hidden by Shopify's data protection, not emptied
            setattr(row, name, UNSET)
    return record(row, raw.id, observed_at=observed_at, updated_at=raw.updated_at)


class PurchasingSummary(msgspec.Struct, rename="camel", gc=False):
    """Body of customers/purchasing_summary."""

    customer_id: int | str
    number_of_orders: Maybe[int | str] = UNSET
    amount_spent: Maybe[Money] = UNSET


def from_purchasing_summary(raw: PurchasingSummary, *, observed_at: datetime) -> Change:
    """Describe a customer's new spend and number of orders."""
    row = ContactRow()
    if raw.number_of_orders is not UNSET and raw.number_of_orders is not None:
        row.orders_count = _order_count(raw.number_of_orders)
    if raw.amount_spent is not UNSET and raw.amount_spent is not None:
        row.total_spent = amount(raw.amount_spent.amount, "customers.amountSpent")
        row.currency = raw.amount_spent.currencyCode
    return hint(identifier(raw.customer_id, "customers.customerId"), row, observed_at=observed_at)


class TagsChanged(msgspec.Struct, rename="camel", gc=False):
    """Body of customer.tags_added and customer.tags_removed. The tags are deltas: only a new read is safe."""

    customer_id: int | str


def from_tags(raw: TagsChanged, *, observed_at: datetime) -> Change:
    """Describe that a customer's tags changed."""
    return hint(identifier(raw.customer_id, "customers.customerId"), ContactRow(), observed_at=observed_at)


class EmailConsentChanged(msgspec.Struct, gc=False):
    """Body of customers_email_marketing_consent/update."""

    customer_id: int | str
    email_address: str | None = None
    email_marketing_consent: RestConsent | None = None


def from_email_consent(raw: EmailConsentChanged, *, observed_at: datetime) -> Change:
    """Describe a customer's new e-mail consent; it holds for the address that it names."""
    row, given_for = ContactRow(), None
    consent = raw.email_marketing_consent
    if consent is not None and raw.email_address:
        _note_consent(row, consent.state, consent.opt_in_level, consent.consent_updated_at)
        given_for = short_text(raw.email_address, "customers.email_address")
    return hint(
        identifier(raw.customer_id, "customers.customer_id"),
        row,
        observed_at=observed_at,
        consent_email=given_for,
    )


class SmsConsentChanged(msgspec.Struct, gc=False):
    """Body of customers_marketing_consent/update."""

    id: int | str


def from_sms_consent(raw: SmsConsentChanged, *, observed_at: datetime) -> Change:
    """Describe that a customer's SMS consent changed; it lives in metadata, which a new read fills."""
    return hint(identifier(raw.id, "customers.id"), ContactRow(), observed_at=observed_at)


class Merged(msgspec.Struct, gc=False):
    """Body of customers/merge."""

    admin_graphql_api_customer_kept_id: str
    admin_graphql_api_customer_deleted_id: str


def from_merge(raw: Merged, *, observed_at: datetime) -> Change:
    """Describe a merge of two customers: the one kept and the one gone are both read again."""
    kept = identifier(raw.admin_graphql_api_customer_kept_id, "customers.kept_id")
    gone = identifier(raw.admin_graphql_api_customer_deleted_id, "customers.deleted_id")
    return hint(kept, ContactRow(), observed_at=observed_at, refetch=(gone,))
