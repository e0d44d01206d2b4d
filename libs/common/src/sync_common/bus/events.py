"""From an event to the envelope and body that travel."""

from datetime import datetime

from sync_common.contracts.envelope import Envelope, new_event_id
from sync_common.contracts.events import Event


def event_envelope(
    event: Event, *, source: str, now: datetime, causation: Envelope | None = None
) -> Envelope:
    """Wrap an event; with a cause, carry on its correlation and trace."""
    return Envelope(
        id=new_event_id(),
        type=event.type_name(),
        source=source,
        subject=event.subject(),
        time=now,
        extensions={} if causation is None else _lineage(causation),
    )


def event_body(event: Event) -> bytes:
    """Return the body of the Kafka message."""
    return event.model_dump_json().encode()


def _lineage(cause: Envelope) -> dict[str, str]:
    lineage = {
        "causationid": cause.id,
        "correlationid": cause.extensions.get("correlationid", cause.id),
    }
    if "traceparent" in cause.extensions:
        lineage["traceparent"] = cause.extensions["traceparent"]
    return lineage
