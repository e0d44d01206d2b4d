"""How things are written on a terminal. What came from outside is never sent to it as it is."""

from datetime import UTC, datetime

from shopctl.trail import record_of
from sync_common.bus import DeadLetter
from sync_common.bus.dead_letters import coordinates
from sync_common.contracts.events import DeadLetterReplayed
from sync_common.contracts.events.dead_letters import DeadLetterAudited


def visible(text: str, *, keep: str = "") -> str:
    """Return text that cannot steer a terminal; JSON stays what it is, for its escapes are used."""
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def moment(instant: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment_of(timestamp_ms: int) -> str:
    """Return a time that Kafka gave."""
    return moment(datetime.fromtimestamp(timestamp_ms / 1000, UTC))


def line(letter: DeadLetter, replay: DeadLetterReplayed | None) -> str:
    """Return one line about a dead letter: where, when, from where, what, why, and whether it was replayed."""
    subject = dict(letter.message.headers).get("ce_subject", b"").decode(errors="replace")
    parts = [
        coordinates(letter.message),
        moment_of(letter.message.timestamp_ms),
        f"from {letter.topic}/{letter.partition}/{letter.offset}",
        " ".join(dict.fromkeys(part for part in (record_of(letter), subject) if part)) or "-",
        why(letter),
        f"replay of {letter.replayed_from}" if letter.replayed_from else "",
        f"replayed {moment(replay.at)} by {replay.operator}" if replay else "",
    ]
    return visible("  ".join(part for part in parts if part))


def why(letter: DeadLetter) -> str:
    """Return error class, field and reason; most reasons begin with the field."""
    named = letter.field is None or letter.field in letter.reason
    return f"{letter.error}: {letter.reason}" if named else f"{letter.error}: {letter.field}: {letter.reason}"


def details(letter: DeadLetter, replay: DeadLetterReplayed | None) -> list[str]:
    """Return everything about a dead letter but its body."""
    message = letter.message
    facts = {
        "dead letter": coordinates(message),
        "set aside": f"{moment_of(message.timestamp_ms)} by {letter.consumer}",
        "came from": f"{letter.topic}/{letter.partition}/{letter.offset}, {moment_of(letter.timestamp_ms)}",
        "record": record_of(letter),
        "error": letter.error,
        "field": letter.field or "-",
        "reason": letter.reason,
        "replay of": letter.replayed_from or "-",
        "replayed": f"{moment(replay.at)} by {replay.operator} {replay.because}" if replay else "-",
        "body": f"{len(message.value or b'')} bytes",
    }
    headers = [f"  {name}: {value.decode(errors='replace')}" for name, value in message.headers]
    return [
        visible(one) for one in (*(f"{name:<12} {fact}" for name, fact in facts.items()), "headers", *headers)
    ]


def deed(event: DeadLetterAudited) -> str:
    """Return one line about what an operator did."""
    did = "replayed" if isinstance(event, DeadLetterReplayed) else "viewed the body of"
    because = f": {event.because}" if event.because else ""
    return visible(f"{moment(event.at)}  {event.operator} {did} {event.dead_letter}  {event.record}{because}")


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
