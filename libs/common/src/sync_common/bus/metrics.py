"""Metrics of the bus, registered once per registry however many consumers and relays share it."""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCH_SECONDS_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class BusMetrics:
    """Everything the bus counts."""

    records: Counter
    lag: Gauge
    batch_seconds: Histogram
    retries: Counter
    dead_letters: Counter
    stopped_partitions: Gauge
    outbox_sent: Counter
    outbox_oldest_seconds: Gauge


_BY_REGISTRY: WeakKeyDictionary[CollectorRegistry, BusMetrics] = WeakKeyDictionary()


def bus_metrics(registry: CollectorRegistry | None) -> BusMetrics:
    """Return the metrics on `registry`, made at the first call; without a registry they are counted unseen."""
    registry = registry if registry is not None else CollectorRegistry()
    if registry not in _BY_REGISTRY:
        _BY_REGISTRY[registry] = _register(registry)
    return _BY_REGISTRY[registry]


def _register(registry: CollectorRegistry) -> BusMetrics:
    of_topic = ("group", "topic")
    return BusMetrics(
        records=Counter(
            "bus_records",
            "Records handled, by outcome: done, rejected.",
            (*of_topic, "outcome"),
            registry=registry,
        ),
        lag=Gauge(
            "bus_lag_records",
            "Records behind the end of the partitions held here.",
            of_topic,
            registry=registry,
        ),
        batch_seconds=Histogram(
            "bus_batch_seconds",
            "From the first record in hand to the committed position.",
            of_topic,
            buckets=_BATCH_SECONDS_BUCKETS,
            registry=registry,
        ),
        retries=Counter(
            "bus_retries",
            "Batches put back, by cause: transient, unknown.",
            (*of_topic, "cause"),
            registry=registry,
        ),
        dead_letters=Counter(
            "bus_dead_letters",
            "Records that can never succeed, by the class of the error.",
            (*of_topic, "error"),
            registry=registry,
        ),
        stopped_partitions=Gauge(
            "bus_stopped_partitions",
            "Partitions that wait for a person, by cause: too_many_dead_letters, offset_out_of_range.",
            (*of_topic, "cause"),
            registry=registry,
        ),
        outbox_sent=Counter(
            "bus_outbox_sent", "Outbox rows acknowledged by Kafka.", ("table",), registry=registry
        ),
        outbox_oldest_seconds=Gauge(
            "bus_outbox_oldest_seconds", "Age of the oldest row not yet sent.", ("table",), registry=registry
        ),
    )
