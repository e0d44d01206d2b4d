"""What ingest counts. A shop is never a label."""

import collections
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from sync_common.contracts.webhooks import WEBHOOK_ROUTES

REGISTRY: Final = CollectorRegistry()


class Counter(Collector):
    """A counter that one thread counts: prometheus_client's takes a lock and four calls for each number."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = labels
        self._counts: collections.Counter[tuple[str, ...]] = collections.Counter()
        registry.register(self)

    def count(self, *labels: str) -> None:
        """Count one more with these label values."""
        self._counts[labels] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return what was counted so far."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Histogram(Collector):
    """A histogram that one thread counts: prometheus_client's takes two locks and eight calls for each number."""

    def __init__(
        self, name: str, documentation: str, *, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = (*map(float, buckets), float("inf"))
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """Count a number."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return what was counted so far."""
        labels = (*map(str, self._bounds[:-1]), "+Inf")
        buckets = list(zip(labels, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


DELIVERIES: Final = Counter(
    "ingest_deliveries_total",
    "Deliveries answered, by Shopify topic (unknown ones as 'other') and outcome.",
    ["topic", "outcome"],
    registry=REGISTRY,
)
ANSWER_SECONDS: Final = Histogram(
    "ingest_answer_seconds",
    "Time from the first byte of a delivery to its answer; Shopify gives up after 5 s.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5),
    registry=REGISTRY,
)
DELIVERY_AGE_SECONDS: Final = Histogram(
    "ingest_delivery_age_seconds",
    "Time from Shopify's Triggered-At to the receipt; minutes mean that Shopify is retrying.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400),
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "ingest_waiting_deliveries", "Deliveries that wait for Kafka's acknowledgement.", registry=REGISTRY
)


def topic_label(topic: str | None) -> str:
    """Return a topic as a label value; what callers make up must not make new time series."""
    return topic if topic in WEBHOOK_ROUTES else "other"
