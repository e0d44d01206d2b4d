"""The three webhooks that privacy law demands (shopify.dev, Privacy law compliance)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from record_writer.domain.values import optional_identifier, storable
from record_writer.domain.webhook_keys import unknown_keys
from record_writer.errors import InvalidRecord

Body = TypeVar("Body", bound="ComplianceBody")

ASKED_AFTER: Final = timedelta(hours=48)
"""Shopify asks for a shop's erasure so long after the uninstall, unless the shop was installed again."""


class ComplianceTopic(StrEnum):
    """Shopify's names of the requests."""

    DATA_REQUEST = "customers/data_request"
    REDACT_CUSTOMER = "customers/redact"
    REDACT_SHOP = "shop/redact"


class Person(msgspec.Struct):
    """The customer a request is about; any part may be missing."""

    id: int | str | None = None
    email: str | None = None


class DataRequest(msgspec.Struct):
    """Shopify's number of a data request."""

    id: int | str | None = None


class ComplianceBody(msgspec.Struct):
    """What all three bodies carry."""

    shop_domain: str


class ShopRedact(ComplianceBody):
    """Body of shop/redact."""


class CustomerRequest(ComplianceBody):
    """Body of customers/redact and customers/data_request."""

    customer: Person | None = None
    orders_to_redact: list[int | str] | None = None
    orders_requested: list[int | str] | None = None
    data_request: DataRequest | None = None

    @property
    def customer_id(self) -> str | None:
        """Return the customer's number, if it is named."""
        return optional_identifier(self.customer.id) if self.customer else None

    @property
    def email(self) -> str | None:
        """Return the customer's e-mail, if it is named."""
        return (self.customer.email or None) if self.customer else None

    @property
    def order_ids(self) -> list[str]:
        """Return the orders listed, for either request."""
        listed = [*(self.orders_to_redact or []), *(self.orders_requested or [])]
        return sorted({found for one in listed if (found := optional_identifier(one)) is not None})


def decode(body: bytes, model: type[Body], *, shop: str) -> Body:
    """Return a body; refuse one that names another shop than its header, which the signature does not cover."""
    try:
        found = msgspec.json.decode(body, type=model)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRecord("body", "not the JSON of a compliance request") from None
    if found.shop_domain.lower() != shop.lower():
        raise InvalidRecord("shop_domain", "differs from the shop in the header")
    return found


def unknown_keys_of(topic: ComplianceTopic, body: bytes) -> tuple[str, ...]:
    """Return the keys of a body that was decoded before which Shopify's example has not."""
    return unknown_keys(topic, msgspec.json.decode(storable(body), type=dict[str, msgspec.Raw]))


def is_installed_again(connected_at: datetime | None, requested_at: datetime) -> bool:
    """Say whether a store was connected after the uninstall that this request for its erasure speaks of."""
    return connected_at is not None and connected_at > requested_at - ASKED_AFTER
