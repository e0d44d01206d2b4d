"""Webhook deliveries, of which the writer publishes the last hundred of each store."""

from collections.abc import Mapping, Sequence

from oauth_gateway.domain.deliveries import Delivery, Freshness
from sync_common.db import Transaction, load_sql


async def freshness(tx: Transaction, advertiser_id: int) -> Mapping[int, Freshness]:
    """Return how fresh webhooks keep each store that has had any."""
    rows = await tx.execute(load_sql(__package__, "freshness"), {"advertiser_id": advertiser_id})
    return {
        row.store_id: Freshness(row.p50_seconds, row.p95_seconds, row.deliveries, row.last_received_at)
        for row in rows
    }


async def deliveries(tx: Transaction, advertiser_id: int, store_id: int) -> Sequence[Delivery]:
    """Return a store's last deliveries, newest first."""
    parameters = {"advertiser_id": advertiser_id, "store_id": store_id}
    rows = await tx.execute(load_sql(__package__, "deliveries"), parameters)
    return [
        Delivery(row.topic, row.triggered_at, row.received_at, row.applied_at, row.outcome) for row in rows
    ]
