"""Customers: GraphQL records are full; webhooks carry identity and addresses, consent or spend, never all of it."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from record_writer.domain.addresses import Address, GraphqlAddress, RestAddress, address, addresses
from record_writer.domain.changes import Change, hint, record
from record_writer.domain.values import (
    Columns,
    Maybe,
    Money,
    carried,
    count,
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
from sync_common.contracts.resources import Resource

STATES: dict[str, str | None] = {name: name for name in ("enabled", "disabled", "invited", "declined")}
PERSONAL = ("email", "phone", "first_name", "last_name", "default_address", "addresses", "note")
"""Columns that name a person."""

PROTECTED = ("email", "phone", "first_name", "last_name", "default_address", "addresses")
"""Columns that are null for an app without access to protected customer data, level 2."""


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


def from_graphql(raw: GraphqlCustomer, *, observed_at: datetime, settles: bool) -> Change:
    """Describe a customer read from the API."""
    columns = carried(
        first_name=raw.first_name if raw.first_name is UNSET else text(raw.first_name),
        last_name=raw.last_name if raw.last_name is UNSET else text(raw.last_name),
        note=raw.note if raw.note is UNSET else text(raw.note),
        tags=UNSET if raw.tags is UNSET else tags(raw.tags, "customers.tags"),
        **_spend(raw),
        **_email(raw.default_email_address),
        **_addresses(raw),
        **_state(raw.state),
    )
    if raw.default_phone_number is not UNSET:
        number = raw.default_phone_number
        columns["phone"] = short_text(number.phone_number, "customers.phone") if number else None
    if raw.created_at is not None:
        columns["created_at_source"] = instant(raw.created_at, "customers.createdAt")
    columns["metadata"] = _metadata(raw)
    return record(
        Resource.CUSTOMERS,
        columns,
        external_id=identifier(raw.legacy_resource_id or raw.id, "customers.id"),
        observed_at=observed_at,
        updated_at=instant(raw.updated_at, "customers.updatedAt"),
        settles=settles,
    )


def _spend(raw: GraphqlCustomer) -> Columns:
    columns: Columns = {}
    if raw.number_of_orders is not UNSET:
        columns["orders_count"] = _order_count(raw.number_of_orders)
    if raw.amount_spent is not UNSET:
        columns["total_spent"] = money(
            raw.amount_spent.amount if raw.amount_spent else None, "customers.amountSpent"
        )
        columns["currency"] = raw.amount_spent.currencyCode if raw.amount_spent else None
    if raw.last_order is not UNSET:
        last = raw.last_order
        moment = (last.processed_at or last.created_at) if last else None
        columns["last_order_at"] = instant(moment, "customers.lastOrder")
    return columns


def _order_count(value: int | str | None) -> int | None:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return count(number, "customers.orders_count") if isinstance(number, int) else None


def _email(raw: Maybe[EmailAddress]) -> Columns:
    if raw is UNSET:
        return {}
    found = raw or EmailAddress()
    email = {"email": short_text(found.email_address, "customers.email")}
    return email | _consent(found.marketing_state, found.marketing_opt_in_level, found.marketing_updated_at)


def _consent(state: str | None, level: str | None, moment: datetime | None) -> Columns:
    return {
        "accepts_marketing": lower(state) == "subscribed",
        "accepts_marketing_updated_at": instant(moment, "customers.email_marketing_consent"),
        "marketing_opt_in_level": lower(level),
        "email_marketing_state": lower(state),
    }


def _addresses(raw: GraphqlCustomer) -> Columns:
    if raw.addresses_v2 is UNSET or raw.default_address is UNSET:
        return {}
    found = addresses(raw.addresses_v2.nodes if raw.addresses_v2 else [])
    return {"addresses": found, "default_address": _default(raw.default_address, found)}


def _default(chosen: GraphqlAddress | None, all_addresses: list[Address]) -> Address | None:
    """Return the default address in full: bulk files and reads by id name only its id."""
    if chosen is None:
        return None
    number = optional_identifier(chosen.id)
    return next((one for one in all_addresses if one.id == number), None) or address(chosen)


def _state(raw: Maybe[str]) -> Columns:
    if raw is UNSET:
        return {}
    state = lower(raw if isinstance(raw, str) else None)
    return {"state": known(state, STATES), "state_raw": state}


def _metadata(raw: GraphqlCustomer) -> Columns:
    sms = raw.default_phone_number.sms_marketing_consent if raw.default_phone_number else UNSET
    return carried(
        admin_graphql_api_id=raw.id,
        locale=raw.locale,
        tax_exempt=raw.tax_exempt,
        verified_email=raw.verified_email,
        sms_marketing_consent=sms,
    )


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
    columns = carried(
        email=raw.email if raw.email is UNSET else short_text(raw.email, "customers.email"),
        phone=raw.phone if raw.phone is UNSET else short_text(raw.phone, "customers.phone"),
        first_name=raw.first_name if raw.first_name is UNSET else text(raw.first_name),
        last_name=raw.last_name if raw.last_name is UNSET else text(raw.last_name),
        note=raw.note if raw.note is UNSET else text(raw.note),
        addresses=UNSET if raw.addresses is UNSET else addresses(raw.addresses or []),
        default_address=UNSET if raw.default_address is UNSET else address(raw.default_address),
        **_state(raw.state),
    )
    if not any(columns.get(name) for name in PROTECTED):  # hidden by Shopify's data protection, not emptied
        columns = {name: value for name, value in columns.items() if name not in PROTECTED}
    if raw.created_at is not None:
        columns["created_at_source"] = instant(raw.created_at, "customers.created_at")
    columns["metadata"] = carried(
        admin_graphql_api_id=raw.admin_graphql_api_id,
        tax_exempt=raw.tax_exempt,
        verified_email=raw.verified_email,
    )
    return record(
        Resource.CUSTOMERS,
        columns,
        external_id=identifier(raw.id, "customers.id"),
        observed_at=observed_at,
        updated_at=instant(raw.updated_at, "customers.updated_at"),
    )


class PurchasingSummary(msgspec.Struct, rename="camel", gc=False):
    """Body of customers/purchasing_summary."""

    customer_id: int | str
    number_of_orders: Maybe[int | str] = UNSET
    amount_spent: Maybe[Money] = UNSET


def from_purchasing_summary(raw: PurchasingSummary, *, observed_at: datetime) -> Change:
    """Describe a customer's new spend and number of orders."""
    columns: Columns = {}
    if raw.number_of_orders is not UNSET and raw.number_of_orders is not None:
        columns["orders_count"] = _order_count(raw.number_of_orders)
    if raw.amount_spent is not UNSET and raw.amount_spent is not None:
        columns["total_spent"] = money(raw.amount_spent.amount, "customers.amountSpent")
        columns["currency"] = raw.amount_spent.currencyCode
    return hint(identifier(raw.customer_id, "customers.customerId"), observed_at=observed_at, columns=columns)


class TagsChanged(msgspec.Struct, rename="camel", gc=False):
    """Body of customer.tags_added and customer.tags_removed. The tags are deltas: only a new read is safe."""

    customer_id: int | str


def from_tags(raw: TagsChanged, *, observed_at: datetime) -> Change:
    """Describe that a customer's tags changed."""
    return hint(identifier(raw.customer_id, "customers.customerId"), observed_at=observed_at)


class EmailConsentChanged(msgspec.Struct, gc=False):
    """Body of customers_email_marketing_consent/update."""

    customer_id: int | str
    email_address: str | None = None
    email_marketing_consent: RestConsent | None = None


def from_email_consent(raw: EmailConsentChanged, *, observed_at: datetime) -> Change:
    """Describe a customer's new e-mail consent; it holds for the address that it names."""
    columns: Columns = {}
    consent = raw.email_marketing_consent
    if consent is not None and raw.email_address:
        columns = _consent(consent.state, consent.opt_in_level, consent.consent_updated_at)
        columns["consent_email"] = short_text(raw.email_address, "customers.email_address")
    return hint(
        identifier(raw.customer_id, "customers.customer_id"), observed_at=observed_at, columns=columns
    )


class SmsConsentChanged(msgspec.Struct, gc=False):
    """Body of customers_marketing_consent/update."""

    id: int | str


def from_sms_consent(raw: SmsConsentChanged, *, observed_at: datetime) -> Change:
    """Describe that a customer's SMS consent changed; it lives in metadata, which a new read fills."""
    return hint(identifier(raw.id, "customers.id"), observed_at=observed_at)


class Merged(msgspec.Struct, gc=False):
    """Body of customers/merge."""

    admin_graphql_api_customer_kept_id: str
    admin_graphql_api_customer_deleted_id: str


def from_merge(raw: Merged, *, observed_at: datetime) -> Change:
    """Describe a merge of two customers: the one kept and the one gone are both read again."""
    kept = identifier(raw.admin_graphql_api_customer_kept_id, "customers.kept_id")
    gone = identifier(raw.admin_graphql_api_customer_deleted_id, "customers.deleted_id")
    return hint(kept, observed_at=observed_at, refetch=(gone,))
