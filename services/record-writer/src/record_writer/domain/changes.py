"""What a raw record asks of the stored copy, and the version that decides who wins."""

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import msgspec

from record_writer.domain.enums import Unknown, unknown_values
from record_writer.domain.rows import HASH_SIZE, REQUIRED, RESOURCES, Row, can_be_made, content_hash
from record_writer.domain.values import identifier, instant
from record_writer.errors import InvalidRecord

MAPPING = b"1"
"""To be raised when the mapping changes: then every body is read again, known or not."""

SETTLED_AFTER = timedelta(seconds=5)
"""How long after a record's `updated_at`, which has no fractions, a read is sure to show what it ended with.

An earlier read may have seen a change that was taken back within the second, and then come late. Shopify's clock is
known to a second or so.
"""


class Kind(StrEnum):
    """How much a raw record says."""

    FULL = "full"
    PARTIAL = "partial"
    DELETED = "deleted"
    RESTORED = "restored"  # deletions up to its moment do not count
    KNOWN = "known"  # stored already, from these very bytes: not even read


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one raw record says about one record of the shop.

    `updated_at` is None where the payload has no time of its own; `content_hash` is None unless the record is full.
    `refetch` lists further ids to read again; `consent_email` is the address that the row's consent was given for,
    where the payload speaks of nothing else. `settles` is true for a read by id that came after the second it speaks
    of: nothing else can have that `updated_at` any more, so it never asks for another. `unknown_values` and
    `unknown_keys` are what Shopify said and we do not know; they change nothing.
    """

    kind: Kind
    external_id: str
    observed_at: datetime
    updated_at: datetime | None = None
    row: Row = msgspec.field(default_factory=Row)
    content_hash: bytes | None = None
    settles: bool = False
    creates: bool = False
    refetch: tuple[str, ...] = ()
    consent_email: str | None = None
    unknown_values: Unknown = ()
    unknown_keys: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[datetime, datetime]:
        """Return what is compared; a record without a time of its own is as new as its observation."""
        return (self.updated_at or self.observed_at, self.observed_at)


def body_hash(body: bytes) -> bytes:
    """Return the fingerprint of a body as it came."""
    return sha256(MAPPING + body).digest()[:HASH_SIZE]


def record(
    row: Row,
    number: int | str,
    *,
    observed_at: datetime,
    updated_at: datetime | None,
    settles: bool = False,
    unknown: Unknown = (),
) -> Change:
    """Describe a record as read or delivered: full where every canonical column was carried, else partial.

    `number` is Shopify's, or the gid; `settles` says that it was read by id; `unknown` is what no column shows. Raise
    InvalidRecord where the number or the time cannot be read, or where a column that every row needs is null.
    """
    resource = RESOURCES[type(row)]
    for name in REQUIRED[type(row)]:
        if getattr(row, name) is None:
            raise InvalidRecord(f"{resource}.{name}", "missing")
    updated_at = instant(updated_at, f"{resource}.updated_at")
    fingerprint = content_hash(row)
    return Change(
        kind=Kind.PARTIAL if fingerprint is None else Kind.FULL,
        external_id=identifier(number, f"{resource}.id"),
        observed_at=observed_at,
        updated_at=updated_at,
        row=row,
        content_hash=fingerprint,
        settles=settles and (updated_at is None or observed_at >= updated_at + SETTLED_AFTER),
        creates=fingerprint is not None or can_be_made(row),
        unknown_values=unknown_values(row) + unknown,
    )


def hint(
    external_id: str,
    row: Row,
    *,
    observed_at: datetime,
    refetch: tuple[str, ...] = (),
    consent_email: str | None = None,
) -> Change:
    """Describe a payload that says something changed, and at most a few columns of it."""
    return Change(
        kind=Kind.PARTIAL,
        external_id=external_id,
        observed_at=observed_at,
        row=row,
        refetch=refetch,
        consent_email=consent_email,
        unknown_values=unknown_values(row),
    )


def known_record(external_id: str, *, observed_at: datetime) -> Change:
    """Describe a record that is stored just as its body says."""
    return Change(kind=Kind.KNOWN, external_id=external_id, observed_at=observed_at)


def deletion(external_id: str, *, observed_at: datetime) -> Change:
    """Describe a record's end."""
    return Change(kind=Kind.DELETED, external_id=external_id, observed_at=observed_at)


def restoration(external_id: str, *, observed_at: datetime) -> Change:
    """Describe that a record's deletions up to this moment are taken back."""
    return Change(kind=Kind.RESTORED, external_id=external_id, observed_at=observed_at)
