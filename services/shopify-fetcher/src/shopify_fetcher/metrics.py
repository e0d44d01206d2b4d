"""The metrics of this service. A shop or store is never a label."""

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

shopify_calls = Counter(
    "fetcher_shopify_calls_total",
    "Calls to Shopify by document, token grant or bulk file, and by outcome.",
    ["document", "outcome"],
    registry=REGISTRY,
)
shopify_call_seconds = Histogram(
    "fetcher_shopify_call_seconds",
    "Time of one call to Shopify, waits for budget left out.",
    ["document"],
    registry=REGISTRY,
)
budget_waits = Histogram(
    "fetcher_budget_wait_seconds", "Waits for the API budget.", ["lane"], registry=REGISTRY
)
throttled_calls = Counter(
    "fetcher_throttled_calls_total", "Calls that Shopify throttled.", ["lane"], registry=REGISTRY
)
version_mismatches = Counter(
    "fetcher_api_version_mismatches_total",
    "Answers by another API version than the one asked for: ours is about to be retired, or was.",
    ["answered"],
    registry=REGISTRY,
)
token_refreshes = Counter(
    "fetcher_token_refreshes_total", "Token refreshes by outcome.", ["outcome"], registry=REGISTRY
)
records_streamed = Counter(
    "fetcher_records_streamed_total", "Records handed to callers.", ["resource", "mode"], registry=REGISTRY
)
streams_ended = Counter(
    "fetcher_streams_ended_total",
    "Record streams by how they ended.",
    ["resource", "outcome"],
    registry=REGISTRY,
)
bulk_seconds = Histogram(
    "fetcher_bulk_operation_seconds",
    "Time from the start of a bulk operation to its file.",
    ["resource"],
    buckets=(1, 5, 15, 60, 300, 1800, 7200, 36000),
    registry=REGISTRY,
)
bulk_failures = Counter(
    "fetcher_bulk_failures_total",
    "Bulk operations that gave no whole file, by what it was; the same was then read in another way.",
    ["resource", "reason"],
    registry=REGISTRY,
)
webhooks_repaired = Counter(
    "fetcher_webhook_subscriptions_repaired_total",
    "Subscriptions that were missing and were made again.",
    registry=REGISTRY,
)
disconnections = Counter(
    "fetcher_disconnections_total", "Stores disconnected, by reason.", ["reason"], registry=REGISTRY
)
