"""Every call to Shopify leaves a log line and counts in the metrics: which, for whom, at what cost, for how long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.errors import FetcherError

log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """One call under way; `cost` in points, where an answer tells it."""

    cost: float | None = None


@contextmanager
def journal(
    operation: str, installation_id: int, *, lane: str = "none", wait_seconds: float = 0.0
) -> Iterator[Call]:
    """Note a call once it has ended, however it ends. `wait_seconds` is how long the budget held it back."""
    call, started, outcome = Call(), time.perf_counter(), "broken"
    try:
        yield call
        outcome = "answered"
    except FetcherError as error:
        outcome = error.code
        raise
    finally:
        seconds = time.perf_counter() - started
        metrics.shopify_calls.labels(operation, outcome).inc()
        metrics.shopify_call_seconds.labels(operation).observe(seconds)
        log.info(
            "shopify_call",
            installation_id=installation_id,
            operation=operation,
            lane=lane,
            cost=call.cost,
            status=outcome,
            duration_ms=round(1000 * seconds, 1),
            wait_seconds=round(wait_seconds, 3),
        )
