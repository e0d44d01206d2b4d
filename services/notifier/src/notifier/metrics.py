"""What the notifier counts. A store or a person is never a label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()

CALLS: Final = Counter(
    "notifier_loops_calls_total",
    "Calls to Loops, by template and answer: accepted, limited, uncertain, refused.",
    ["template", "answer"],
    registry=REGISTRY,
)
CALL_SECONDS: Final = Histogram(
    "notifier_loops_call_seconds",
    "How long Loops takes to answer.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
    registry=REGISTRY,
)
MAILS: Final = Counter(
    "notifier_mails_total",
    "Mails that reached an end state, by template and state: sent, failed, unknown.",
    ["template", "state"],
    registry=REGISTRY,
)
PENDING: Final = Gauge("notifier_pending_mails", "Mails that wait to be sent.", registry=REGISTRY)
OLDEST_DUE_SECONDS: Final = Gauge(
    "notifier_oldest_due_seconds", "How long the oldest pending mail has been due.", registry=REGISTRY
)
