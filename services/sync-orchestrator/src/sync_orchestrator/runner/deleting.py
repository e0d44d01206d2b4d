"""Carry out the deletions that checks found and nobody holds back, and undo those that a person takes back."""

import asyncio
from collections.abc import Collection
from typing import Final

import structlog

from sync_common.bus import BusError
from sync_common.contracts import records
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource
from sync_orchestrator import metrics
from sync_orchestrator.clients.fetcher import IDS_AT_ONCE_MAX
from sync_orchestrator.domain.checks import DeletionBatch, DeletionState
from sync_orchestrator.domain.model import OfStore
from sync_orchestrator.errors import FetcherRefused, StreamCut
from sync_orchestrator.runner import live
from sync_orchestrator.runner.loops import repeatedly
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import checks
from sync_orchestrator.store.events import SOURCE

REST_SECONDS: Final = 60.0

log = structlog.get_logger()


class Deleter:
    """Deletes what checks proved gone. It asks for each record once more before: what Shopify has again stays.

    A store whose shop does not answer is left alone for a while, so that it holds up no other.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._resting: dict[int, float] = {}  # until when, by the monotonic clock

    async def run(self, stop: asyncio.Event) -> None:
        """Carry out deletions until stopped."""
        await repeatedly(
            stop, "deletions", lambda: self._turn(stop), pause_seconds=self._tools.limits.claim_seconds
        )

    async def _turn(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and (batch := await self._next()) is not None:
            carry_out = self._restore if batch.state is DeletionState.RESTORING else self._delete
            try:
                await carry_out(batch)
            except (StreamCut, FetcherRefused, BusError) as error:
                log.warning("deletions wait", store_id=batch.store_id, reason=str(error))
                self._resting[batch.store_id] = self._tools.clock.monotonic() + REST_SECONDS

    async def _next(self) -> DeletionBatch | None:
        now = self._tools.clock.monotonic()
        self._resting = {store_id: until for store_id, until in self._resting.items() if until > now}
        async with self._tools.database.transaction() as tx:
            return await checks.next_deletions(tx, records_max=IDS_AT_ONCE_MAX, but_of=self._resting)

    async def _delete(self, batch: DeletionBatch) -> None:
        answer = await self._tools.fetcher.nodes(batch.installation_id, batch.resource, batch.record_ids)
        alive = {record.id for record in answer.records}
        gone = [record_id for record_id in batch.record_ids if record_id not in alive]
        now = self._tools.clock.now()
        await live.publish(
            self._tools,
            [
                records.fetched(
                    resource=batch.resource,
                    shop=batch.shop_domain,
                    record_id=record_id,
                    body=b"",
                    observed_at=answer.observed_at,
                    now=now,
                    source=SOURCE,
                    api_version=SHOPIFY_API_VERSION,
                    gone=True,
                )
                for record_id in gone
            ],
        )
        async with self._tools.database.transaction() as tx:
            await checks.settle_deletions(tx, batch, gone, DeletionState.DELETED)
            await checks.forget_deletions(tx, batch, batch.resource, alive)
        metrics.DELETIONS.labels(batch.resource, "deleted").inc(len(gone))
        log.info("deleted", store_id=batch.store_id, resource=batch.resource, count=len(gone))

    async def _restore(self, batch: DeletionBatch) -> None:
        await publish_restored(self._tools, batch, batch.shop_domain, batch.resource, batch.record_ids)
        async with self._tools.database.transaction() as tx:
            await checks.settle_deletions(tx, batch, batch.record_ids, DeletionState.UNDONE)
        metrics.DELETIONS.labels(batch.resource, "undone").inc(len(batch.record_ids))
        log.info("restored", store_id=batch.store_id, resource=batch.resource, count=len(batch.record_ids))


async def publish_restored(
    tools: Tools, of: OfStore, shop_domain: str, resource: Resource, record_ids: Collection[str]
) -> None:
    """Take deletions back in one store, whatever told of them before this moment."""
    now = tools.clock.now()
    await live.publish(
        tools,
        [
            records.restored(
                resource=resource,
                shop=shop_domain,
                record_id=record_id,
                store_id=of.store_id,
                advertiser_id=of.advertiser_id,
                observed_at=now,
                now=now,
                source=SOURCE,
            )
            for record_id in record_ids
        ],
    )
