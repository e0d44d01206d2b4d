"""Postal addresses of both dialects, in one form."""

import msgspec

from record_writer.domain.values import optional_identifier


class Address(msgspec.Struct, omit_defaults=True, gc=False):
    """A postal address as it is stored, without its empty lines; `id` is set for a customer's own addresses only."""

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
    country_code: str | None = None
    zip: str | None = None
    phone: str | None = None


class RestAddress(msgspec.Struct, gc=False):
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


class GraphqlAddress(msgspec.Struct, rename="camel", gc=False):
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


_EMPTY = Address()


def address(raw: RestAddress | GraphqlAddress | None, *, with_id: bool = True) -> Address | None:
    """Return an address in its stored form, None where there is none or every line of it is empty."""
    if raw is None:
        return None
    # The three forms list the same fields in the same order.
    found = Address(*[value or None for value in msgspec.structs.astuple(raw)])
    found.id = optional_identifier(found.id) if with_id else None
    if found.country_code:
        found.country_code = found.country_code.upper()
    return None if found == _EMPTY else found


def addresses(raw: list[RestAddress] | list[GraphqlAddress]) -> list[Address]:
    """Return a customer's addresses in their stored form, by id: the dialects order them differently."""
    found = [one for one in map(address, raw) if one is not None]
    return sorted(found, key=lambda one: (len(one.id or ""), one.id or ""))
