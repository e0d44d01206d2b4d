"""Postal addresses of both dialects, in one form."""

import msgspec

from record_writer.domain.values import optional_identifier, text


class Address(msgspec.Struct, omit_defaults=True):
    """A postal address as it is stored; `id` is set for a customer's own addresses only."""

    first_name: str | None
    last_name: str | None
    name: str | None
    company: str | None
    address1: str | None
    address2: str | None
    city: str | None
    province: str | None
    province_code: str | None
    country: str | None
    country_code: str | None
    zip: str | None
    phone: str | None
    id: str | None = None


class RestAddress(msgspec.Struct):
    """An address in a webhook."""

    id: int | str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    country: str | None = None
    country_code: str | None = None
    zip: str | None = None
    phone: str | None = None


class GraphqlAddress(msgspec.Struct, rename="camel"):
    """MailingAddress of GraphQL."""

    id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    country: str | None = None
    country_code_v2: str | None = None
    zip: str | None = None
    phone: str | None = None


def address(raw: RestAddress | GraphqlAddress | None, *, with_id: bool = True) -> Address | None:
    """Return an address in its stored form, None where there is none or every line of it is empty."""
    if raw is None:
        return None
    code = raw.country_code_v2 if isinstance(raw, GraphqlAddress) else raw.country_code
    found = Address(
        text(raw.first_name),
        text(raw.last_name),
        text(raw.name),
        text(raw.company),
        text(raw.address1),
        text(raw.address2),
        text(raw.city),
        text(raw.province),
        text(raw.province_code),
        text(raw.country),
        code.upper() if code else None,
        text(raw.zip),
        text(raw.phone),
        optional_identifier(raw.id) if with_id else None,
    )
    return found if any(msgspec.structs.astuple(found)) else None


def addresses(raw: list[RestAddress] | list[GraphqlAddress]) -> list[Address]:
    """Return a customer's addresses in their stored form, by id: the dialects order them differently."""
    found = [one for one in map(address, raw) if one is not None]
    return sorted(found, key=lambda one: (len(one.id or ""), one.id or ""))
