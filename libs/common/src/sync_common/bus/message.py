"""A Kafka record as handlers see it, and what handlers may answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

from pydantic import ValidationError

from sync_common.contracts.envelope import Envelope, MalformedEnvelope
from sync_common.contracts.events import Event

SomeEvent = TypeVar("SomeEvent", bound=Event)


class Rejected(Exception):
    """This message can never succeed: it becomes a dead letter. May be answered, or raised below a handler.

    `reason` and `field` are kept with the dead letter and logged, so they must hold no personal data. `by_outsider`
    says that anybody may cause it at will, so that it tells nothing about our data or our code.
    """

    def __init__(
        self, reason: str, field: str | None = None, *, error: str = "Rejected", by_outsider: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.error = error
        self.by_outsider = by_outsider

    def __eq__(self, other: object) -> bool:
        """Compare by what is said, so that tests can."""
        if not isinstance(other, Rejected):
            return NotImplemented
        return self._said() == other._said()

    __hash__ = Exception.__hash__

    def _said(self) -> tuple[object, ...]:
        return self.reason, self.field, self.error, self.by_outsider


@dataclass(frozen=True, slots=True)
class Done:
    """The effect of this message is in the handler's transaction."""


Outcome: TypeAlias = Done | Rejected


class Message(NamedTuple):
    """One record as it was read; `offset` and `partition` say where."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int

    def envelope(self) -> Envelope:
        """Read the CloudEvents envelope; raise MalformedEnvelope where there is none."""
        return Envelope.from_headers(self.headers)

    def event(self, model: type[SomeEvent]) -> SomeEvent:
        """Return the body as `model`; raise Rejected naming the fields that do not fit, without their values."""
        try:
            return model.model_validate_json(self.value or b"")
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "body"
            raise Rejected(f"{model.type_name()}: {field}: {first['type']}", field) from None

    @property
    def size(self) -> int:
        """Return the bytes of key and value; the headers of this platform are small."""
        return len(self.key or b"") + len(self.value or b"")


BatchHandler: TypeAlias = Callable[[Sequence[Message]], Awaitable[Sequence[Outcome]]]


def rejection_of(error: Rejected | MalformedEnvelope) -> Rejected:
    """Return the rejection that an exception which blames the message stands for."""
    return error if isinstance(error, Rejected) else Rejected(str(error), error="MalformedEnvelope")
