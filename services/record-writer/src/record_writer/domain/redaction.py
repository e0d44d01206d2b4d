"""Erasure that stays final: which records may never be written again, told by keyed hashes alone."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec

from record_writer.domain import customers, orders
from record_writer.domain.batches import Target
from record_writer.domain.changes import Change, Kind
from record_writer.domain.rows import ContactRow, OrderRow, carried, content_hash
from sync_common.contracts.resources import Resource

RedactionKey = tuple[str, bytes]


class Subject(StrEnum):
    """What a redaction names."""

    SHOP = "shop"
    STORE = "store"
    CUSTOMER = "customer"
    ORDER = "order"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Hasher:
    """Names subjects by HMAC-SHA256 under a secret of this service, so that the list of the erased names nobody."""

    secret: bytes

    def key(self, subject: Subject, shop: str, value: str = "") -> bytes:
        """Return the key of a subject within a shop."""
        return hmac.digest(self.secret, f"{subject}\0{shop}\0{value}".encode(), sha256)

    def of_store(self, shop: str, store_id: int) -> RedactionKey:
        """Return the key of a whole store: of two stores of a shop one may be erased and the other connected again."""
        return Subject.STORE, self.key(Subject.STORE, shop, str(store_id))

    def keys_of(self, resource: Resource, target: Target, change: Change) -> Iterable[RedactionKey]:
        """Return every key under which this change could be forbidden."""
        shop = target.shop
        yield self.of_store(shop, target.store_id)
        if resource is Resource.CUSTOMERS:
            yield Subject.CUSTOMER, self.key(Subject.CUSTOMER, shop, change.external_id)
        if resource is Resource.ORDERS:
            yield Subject.ORDER, self.key(Subject.ORDER, shop, change.external_id)
        row = change.row
        if isinstance(row, OrderRow) and row.customer_external_id:
            yield Subject.CUSTOMER, self.key(Subject.CUSTOMER, shop, row.customer_external_id)
        if isinstance(row, ContactRow | OrderRow) and (email := row.email or change.consent_email):
            yield Subject.EMAIL, self.key(Subject.EMAIL, shop, email.lower())


@dataclass(frozen=True, slots=True)
class Redactions:
    """The redactions that concern a batch: key to when."""

    hasher: Hasher
    known: Mapping[RedactionKey, datetime] = field(default_factory=dict)

    def apply(self, resource: Resource, target: Target, change: Change) -> Change | None:
        """Return what may be written of a change: all, the impersonal part, or nothing (None)."""
        if not self.known or change.kind is Kind.KNOWN:
            return change
        if change.kind is Kind.DELETED and resource is not Resource.CUSTOMERS:
            return change  # of an erased customer not even a tombstone is kept
        found = {
            subject: self.known[subject, key]
            for subject, key in self.hasher.keys_of(resource, target, change)
            if (subject, key) in self.known
        }
        if not found:
            return change
        erased_at = found.get(Subject.STORE)
        if erased_at is not None and change.observed_at <= erased_at:
            return None
        if resource is Resource.CUSTOMERS and Subject.CUSTOMER in found:
            return None
        if (
            Subject.CUSTOMER in found
            or Subject.ORDER in found
            or _is_before(change, found.get(Subject.EMAIL))
        ):
            return _stripped(resource, change)
        return change

    def inherited(self, resource: Resource, target: Target, change: Change) -> dict[RedactionKey, datetime]:
        """Return what is to be remembered of an order of an erased customer: it may come again without naming them."""
        if resource is not Resource.ORDERS:
            return {}
        redactions = {key: self.known.get(key) for key in self.hasher.keys_of(resource, target, change)}
        found = {subject: at for (subject, _), at in redactions.items()}
        erased_at = found.get(Subject.CUSTOMER)
        if erased_at is None or found.get(Subject.ORDER) is not None:
            return {}
        return {key: erased_at for key in redactions if key[0] == Subject.ORDER}


def _is_before(change: Change, redacted_at: datetime | None) -> bool:
    """Say whether a change is not after the redaction of its e-mail: afterwards the person may be a new customer."""
    return redacted_at is not None and change.version[0] <= redacted_at


def _stripped(resource: Resource, change: Change) -> Change:
    """Return the change without anything that names a person; its hash is that of what is left."""
    personal = customers.PERSONAL if resource is Resource.CUSTOMERS else orders.PERSONAL
    said = carried(change.row)
    nobody: dict[str, Any] = {
        name: customers.NO_ADDRESSES if name == "addresses" else None for name in personal if name in said
    }
    if "accepts_marketing" in said:
        nobody["accepts_marketing"] = False
    if "metadata" in said:
        nobody["metadata"] = {"redacted": True}
    row = msgspec.structs.replace(change.row, **nobody)
    fingerprint = None if change.content_hash is None else content_hash(row)
    return msgspec.structs.replace(change, row=row, content_hash=fingerprint, consent_email=None)
