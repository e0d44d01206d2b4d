"""Read records again by id and publish them on the live lane, where they settle ties and complete hints."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog

from sync_common.bus import BusError
from sync_common.contracts import records
from sync_common.contracts.resources import SHOPIFY_API_VERSION
from sync_orchestrator import metrics
from sync_orchestrator.clients.fetcher import IDS_AT_ONCE_MAX, Nodes
from sync_orchestrator.errors import FetcherRefused, StreamCut
from sync_orchestrator.runner import live
from sync_orchestrator.runner.loops import repeatedly
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import refetches, stores
from sync_orchestrator.store.events import SOURCE
from sync_orchestrator.store.refetches import Refetch

REQUESTS_MAX: Final = 4
LEASE_SECONDS: Final = 45.0  # as soon as jobs resume; where a read takes longer, a second one is harmless
REFUSALS_MAX: Final = 8
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=15)

log = structlog.get_logger()


class Refetcher:
    """Reads what is queued, some requests at a time, so that a slow shop holds up no other.

    A failed read is tried again later and later.
    """

    def __init__(self, tools: Tools, *, interval_seconds: float) -> None:
        self._tools = tools
        self._interval_seconds = interval_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Read until stopped."""
        async with asyncio.TaskGroup() as group:
            for _ in range(REQUESTS_MAX):
                group.create_task(self._work(stop))

    async def _work(self, stop: asyncio.Event) -> None:
        await repeatedly(stop, "refetch", self._turn, pause_seconds=self._interval_seconds)

    async def _turn(self) -> None:
        while await self._read_one():
            pass

    async def _read_one(self) -> bool:
        async with self._tools.database.transaction() as tx:
            wanted = await refetches.claim(
                tx, owner=self._tools.owner, lease_seconds=LEASE_SECONDS, records_max=IDS_AT_ONCE_MAX
            )
            if wanted is None:
                return False
            installation_id = await stores.installation_of(tx, wanted.shop_domain)
        if installation_id is None:
            await self._settle(wanted, "not_connected")
            return True
        try:
            nodes = await self._tools.fetcher.nodes(installation_id, wanted.resource, wanted.record_ids)
            await self._publish(wanted, nodes)
        except (StreamCut, FetcherRefused, BusError) as error:
            await self._postpone(wanted, error)
        else:
            await self._settle(wanted, "read")
        return True

    async def _publish(self, wanted: Refetch, nodes: Nodes) -> None:
        found = {record.id: bytes(record.body) for record in nodes.records}
        told = {**found, **dict.fromkeys(nodes.gone, b"")}
        await live.publish(
            self._tools,
            (
                self._record(wanted, record_id, body, nodes.observed_at, gone=record_id not in found)
                for record_id, body in told.items()
            ),
        )

    def _record(
        self, wanted: Refetch, record_id: str, body: bytes, observed_at: datetime, *, gone: bool
    ) -> records.RawRecord:
        return records.fetched(
            resource=wanted.resource,
            shop=wanted.shop_domain,
            record_id=record_id,
            body=body,
            observed_at=observed_at,
            now=self._tools.clock.now(),
            source=SOURCE,
            api_version=SHOPIFY_API_VERSION,
            gone=gone,
        )

    async def _settle(self, wanted: Refetch, outcome: str) -> None:
        async with self._tools.database.transaction() as tx:
            await refetches.settle(tx, wanted)
        metrics.REFETCHED.labels(outcome).inc(len(wanted.revisions))
        log.info("refetched", resource=wanted.resource, records=len(wanted.revisions), outcome=outcome)

    async def _postpone(self, wanted: Refetch, error: Exception) -> None:
        async with self._tools.database.transaction() as tx:
            given_up = await refetches.postpone(
                tx, wanted, delay=FIRST_PAUSE, delay_max=LONGEST_PAUSE, attempts_max=_tries_for(error)
            )
        metrics.REFETCHED.labels("given_up").inc(given_up)
        log.warning(
            "refetch failed",
            resource=wanted.resource,
            records=len(wanted.revisions),
            count=given_up,
            reason=str(error),
        )


def _tries_for(error: Exception) -> int | None:
    """Return after how many tries to give up. An outage is waited out: what it delays may come no other way."""
    if not isinstance(error, FetcherRefused):
        return None
    return REFUSALS_MAX if error.retryable else 1
