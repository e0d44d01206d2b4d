"""How many wrong passwords are too many, and how many mails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

WINDOW: Final = timedelta(minutes=15)
MAIL_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A count of attempts under a hashed key, and how many may fail in a window."""

    key: bytes
    failures_max: int


def buckets(email: str, address: str) -> tuple[Bucket, ...]:
    """Return what one log-in counts against: the pair, the account and the address.

    The pair is the tightest, so that a stranger's guesses do not soon lock the owner out.
    """
    return (
        _bucket("pair", f"{email}\n{address}", 5),
        _bucket("email", email, 30),
        _bucket("address", address, 60),
    )


def reset_buckets(address: str) -> tuple[Bucket, ...]:
    """Return what one wish for a new password counts against: where it comes from."""
    return (_bucket("reset", address, 20),)


def invitation_buckets(advertiser_id: int) -> tuple[Bucket, ...]:
    """Return what one invitation counts against: the advertiser that invites."""
    return (_bucket("invitation", str(advertiser_id), 20),)


def is_blocked(counted: tuple[Bucket, ...], failures: Mapping[bytes, int]) -> bool:
    """Say whether some bucket overflows, this guess included."""
    return any(failures.get(bucket.key, 0) > bucket.failures_max for bucket in counted)


def _bucket(kind: str, value: str, failures_max: int) -> Bucket:
    return Bucket(sha256(f"{kind}\n{value}".encode()).digest(), failures_max)
