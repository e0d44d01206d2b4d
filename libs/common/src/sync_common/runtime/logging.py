"""JSON lines on stdout. Only allow-listed fields pass, and what looks like a secret is blotted out."""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Final

import structlog

ALLOWED_FIELDS: Final = frozenset(
    {
        "attempt", "batch", "code", "consumer", "correlation_id", "count", "dead_letters", "delay_seconds",
        "duration_ms", "epoch", "error", "event", "event_id", "event_type", "group", "host", "installation_id",
        "job_id", "kind", "lag", "level", "logger", "method", "offset", "outcome", "partition", "partitions",
        "port", "position", "reason", "records", "resource", "route", "seconds", "service", "signal", "status",
        "store_id", "task", "time", "topic", "traceback", "version", "wait_seconds",
    }
)  # fmt: skip
"""Fields any service may log. Bodies, query strings, names and addresses of people are not among them."""

_SECRETS: Final = re.compile(
    r"shp[a-z]{2,3}_[A-Za-z0-9]+"  # Shopify's tokens and secrets
    r"|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|://[^/\s:@]+:[^/\s@]+@"  # passwords in URLs
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"  # e-mail addresses
)
_ANY_BREAK: Final = re.compile(r"[\r\n\u2028\u2029]|\\[nr]")  # also as a repr shows it
_LINE_BREAKS: Final = {ord("\n"): "\\n", ord("\r"): "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def configure_logging(service: str, level: str = "info", fields: Iterable[str] = ()) -> None:
    """Send structlog and the standard library's loggers to stdout as JSON; `fields` are allowed besides."""
    allowed = ALLOWED_FIELDS | frozenset(fields)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _name_error,
        _Redact(service, allowed),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_name_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared[1:4], _cut_to_first_line],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Redact(service, allowed),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def redact(text: str) -> str:
    """Return the text with secrets and addresses blotted out and line breaks escaped."""
    return _SECRETS.sub("***", text).translate(_LINE_BREAKS)


def _name_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its class and where it was raised: messages may quote data, frames hold locals."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        event["traceback"] = _places(error)
    return event


def _name_arguments(record: logging.LogRecord) -> bool:
    """Replace the exceptions that a library puts into its message by their classes; let every record pass."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            type(value).__qualname__ if isinstance(value, BaseException) else value for value in record.args
        )
    return True


def _cut_to_first_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep what a library says up to the first line break: behind it asyncio shows tasks with their exceptions."""
    event["event"] = _ANY_BREAK.split(str(event["event"]), maxsplit=1)[0]
    return event


def _places(error: BaseException, most: int = 6) -> str:
    places, frame = [], error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return " < ".join(reversed(places[-most:]))


class _Redact:
    """The last processor: drops fields that are not allowed and blots out what looks secret."""

    def __init__(self, service: str, allowed: frozenset[str]) -> None:
        self._service = service
        self._allowed = allowed

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        kept = {name: self._clean(value) for name, value in event.items() if name in self._allowed}
        return {"service": self._service, **kept}

    def _clean(self, value: Any) -> Any:
        if isinstance(value, (bool, int, float, type(None))):
            return value
        return redact(str(value))
