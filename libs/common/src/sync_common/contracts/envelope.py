"""CloudEvents 1.0 attributes, carried as Kafka headers in binary mode (`ce_` prefix)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

SPEC_VERSION: Final = "1.0"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})

Headers = list[tuple[str, bytes]]

_chance: Final = Random()  # noqa: S311 - ids must differ, not be secret; the system gives its seed


class MalformedEnvelope(ValueError):
    """Raised when a record's headers lack a required attribute; the message names it."""


class Envelope(NamedTuple):
    """Who says what about which subject, and when.

    `extensions` are CloudEvents extension attributes: lower-case ASCII names, text values. They carry what a
    consumer needs before it parses the body (shop, storeid, jobid, epoch, shape, observedat, ...).
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    extensions: Mapping[str, str] = _NONE

    def to_headers(self) -> Headers:
        """Return the Kafka headers of this envelope."""
        attributes = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": to_rfc3339(self.time),
            **self.extensions,
        }
        return [(f"ce_{name}", value.encode()) for name, value in attributes.items()]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]]) -> "Envelope":
        """Read an envelope back; raise MalformedEnvelope when a required attribute is missing or unreadable."""
        values = attributes_of(headers)
        take = values.pop
        try:
            envelope = cls(
                take("id"),
                take("type"),
                take("source"),
                take("subject"),
                datetime.fromisoformat(take("time")),
                values,
            )
        except KeyError as error:
            raise MalformedEnvelope(f"header ce_{error.args[0]} is missing") from None
        except ValueError:
            raise MalformedEnvelope("header ce_time is no time") from None
        if envelope.time.tzinfo is None:
            raise MalformedEnvelope("header ce_time has no offset")
        take("specversion", None)
        return envelope


def attributes_of(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return the CloudEvents attributes among Kafka headers; raise MalformedEnvelope where one is no text."""
    try:
        return {name[3:]: value.decode() for name, value in headers if name.startswith("ce_")}
    except ValueError:
        raise MalformedEnvelope("a ce_ header is not readable text") from None


def to_rfc3339(instant: datetime) -> str:
    """Write an instant in UTC with a trailing Z, to the microsecond."""
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return f"{in_utc.isoformat()[:-6]}Z"  # without its offset, +00:00


def new_event_id() -> str:
    """Return a fresh unique event id: a random UUID, at a third of the cost of the standard library's."""
    digits = f"{_chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
