"""What the record-writer measures; a store or shop is never a label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY: Final = CollectorRegistry()

RECORDS: Final = Counter(
    "record_writer_records_total",
    "Records handled, by resource, lane and what became of them.",
    ("resource", "lane", "outcome"),
    registry=REGISTRY,
)
REFETCHES: Final = Counter(
    "record_writer_refetches_total",
    "Records asked for again, by resource and reason (tie, partial).",
    ("resource", "reason"),
    registry=REGISTRY,
)
WEBHOOK_AGE: Final = Histogram(
    "record_writer_webhook_age_seconds",
    "Seconds from a webhook's receipt to the transaction that applied it.",
    ("resource",),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
    registry=REGISTRY,
)
UNKNOWN_VALUES: Final = Counter(
    "record_writer_unknown_values_total",
    "Records with an enum value that the mapping does not know, by field and value; unusual ones as 'other'.",
    ("field", "value"),
    registry=REGISTRY,
)
UNKNOWN_WEBHOOK_KEYS: Final = Counter(
    "record_writer_unknown_webhook_keys_total",
    "Top-level keys, in a sample of webhook bodies, that Shopify's example of the topic has not; the log names them.",
    ("topic",),
    registry=REGISTRY,
)
LINKS_SWEPT: Final = Counter(
    "record_writer_links_swept_total",
    "Orders linked by the sweep because their contact was written at the same moment.",
    registry=REGISTRY,
)
COMPLIANCE: Final = Counter(
    "record_writer_compliance_total",
    "Compliance requests handled, by topic and outcome.",
    ("topic", "outcome"),
    registry=REGISTRY,
)
