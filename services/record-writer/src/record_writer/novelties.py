"""What Shopify sends and we do not know: counted, logged the first time, never a reason to fail."""

import re
from collections import Counter
from collections.abc import Collection
from typing import Final

import structlog

from record_writer.domain.changes import Change
from record_writer.domain.webhook_keys import KEYS
from record_writer.metrics import UNKNOWN_VALUES, UNKNOWN_WEBHOOK_KEYS

VALUES_MAX: Final = 100
"""Values that get a label of their own; each is a time series for ever."""

KEYS_MAX: Final = 500
"""Keys that are remembered as logged; those beyond are only counted."""

FIRST_BODIES: Final = 50
ONE_IN: Final = 100
"""Which bodies of a topic are searched for unknown keys: the first, then one in so many.

A key that Shopify adds is in every body from some moment on, so a sample finds it within minutes, and the search would
cost each webhook some microseconds.
"""

OTHER: Final = "other"
LOG_FIELDS: Final = frozenset({"field", "value", "key"})
# Whatever else stands there may be somebody's name.
_VALUE = re.compile(r"[A-Z_]{1,40}")
_KEY = re.compile(r"[A-Za-z0-9_]{1,60}")

log = structlog.get_logger()


class Novelties:
    """What a process has met so far."""

    def __init__(self) -> None:
        self._values: set[tuple[str, str]] = set()
        self._keys: set[tuple[str, str]] = set()
        self._bodies: Counter[str] = Counter()

    def is_sampled(self, topic: str | None) -> bool:
        """Say whether the next body of a webhook topic shall be searched for unknown keys."""
        if topic not in KEYS:
            return False
        self._bodies[topic] += 1
        return self._bodies[topic] <= FIRST_BODIES or self._bodies[topic] % ONE_IN == 0

    def report(self, change: Change, topic: str | None) -> None:
        """Count what is unknown in a change, and log what is so for the first time."""
        for field, value in change.unknown_values:
            self._value(field, value.upper())
        if change.unknown_keys and topic:
            self.report_keys(topic, change.unknown_keys)

    def report_keys(self, topic: str, keys: Collection[str]) -> None:
        """Count the unknown keys of a body, and log those that are so for the first time."""
        if keys:
            UNKNOWN_WEBHOOK_KEYS.labels(topic).inc(len(keys))
        for key in keys:
            self._key(topic, key)

    def _value(self, field: str, value: str) -> None:
        shown = value if _VALUE.fullmatch(value) else OTHER
        if _is_first((field, shown), self._values, VALUES_MAX):
            log.warning("unknown_value", field=field, value=shown)
        UNKNOWN_VALUES.labels(field, shown if (field, shown) in self._values else OTHER).inc()

    def _key(self, topic: str, key: str) -> None:
        shown = key if _KEY.fullmatch(key) else OTHER
        if _is_first((topic, shown), self._keys, KEYS_MAX):
            log.warning("unknown_webhook_key", topic=topic, key=shown)


def _is_first(one: tuple[str, str], seen: set[tuple[str, str]], most: int) -> bool:
    """Remember one; say whether it was new and there was room."""
    if one in seen or len(seen) >= most:
        return False
    seen.add(one)
    return True
