"""The gateway's metrics. No store, shop or advertiser is ever a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

LOGINS = Counter(
    "gateway_logins", "Log-ins tried, by result: right, wrong, blocked.", ["result"], registry=REGISTRY
)
CALLBACKS_REFUSED = Counter(
    "gateway_callbacks_refused",
    "OAuth callbacks that failed a check, by the check.",
    ["check"],
    registry=REGISTRY,
)
LINKS_REFUSED = Counter(
    "gateway_links_refused",
    "Addresses under which Shopify is said to open the app that failed a check, by the check.",
    ["check"],
    registry=REGISTRY,
)
LIVE_STREAMS = Gauge("gateway_live_streams", "Pages watching a live stream now.", registry=REGISTRY)
LIVE_POLL_FAILURES = Counter(
    "gateway_live_poll_failures", "Looks at the database for live pages that failed.", registry=REGISTRY
)
UNHANDLED = Counter(
    "gateway_unhandled_errors", "Requests that ended in a bug or an outage.", registry=REGISTRY
)
