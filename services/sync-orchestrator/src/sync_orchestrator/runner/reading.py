"""Read one part of a job: the fetcher's stream in, raw records out, a checkpoint after every acknowledged page."""

import asyncio
import contextlib
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import structlog

from sync_common.bus import DeliveryFailed, MessageTooLarge, ProducerBatch
from sync_common.contracts import records
from sync_common.contracts.envelope import new_event_id
from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.resources import SHOPIFY_API_VERSION
from sync_common.contracts.topics import sync_topic
from sync_orchestrator import metrics
from sync_orchestrator.clients.fetcher import ReadRequest
from sync_orchestrator.clients.protocol import Failed, Finished, Line, Page, Record, Started, Throttled, Total
from sync_orchestrator.domain import estimate, watermark
from sync_orchestrator.domain.jobs import PartState
from sync_orchestrator.domain.model import Job, Part
from sync_orchestrator.domain.planning import lane_of
from sync_orchestrator.errors import FetcherRefused, PartFailed, StreamCut
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import jobs, parts
from sync_orchestrator.store.events import SOURCE

THROTTLED_SECONDS_MAX: Final = 3_600.0
TO_READ: Final = frozenset({PartState.WAITING, PartState.RUNNING})

log = structlog.get_logger()


class PartReader:
    """Reads one resource for one job and publishes it. A resumed read may repeat records, never skip one."""

    def __init__(self, tools: Tools, job: Job, part: Part) -> None:
        self._tools = tools
        self._job = job
        self._part = part
        self._topic = sync_topic(part.resource)
        self._cursor = part.cursor
        self._published = part.published
        self._unacknowledged = 0
        self._began_at: datetime | None = None
        self._headers: records.FetchedHeaders | None = None  # of the latest page, or of the whole file

    async def run(self) -> tuple[int, int]:
        """Publish what is left, then the marks; return the number of records read and of marks sent."""
        read_count = self._part.read_count
        if self._part.state in TO_READ or read_count is None:
            read_count = (await self._read_to_the_end()).count
        return read_count, await self._send_marks()

    async def _read_to_the_end(self) -> Finished:
        cuts = 0
        while True:
            before = self._cursor
            try:
                read = await self._read_stream()
            except MessageTooLarge as error:
                raise self._failed("record_too_large", str(error), retryable=False) from error
            except FetcherRefused as error:
                raise self._failed(error.code, str(error), retryable=error.retryable) from None
            except (StreamCut, DeliveryFailed) as error:
                cuts = 1 if self._cursor != before else cuts + 1
                await self._pause_after(cuts, error)
            else:
                async with self._tools.database.transaction() as tx:
                    await parts.publish(
                        tx,
                        self._job,
                        self._part.resource,
                        published=self._published,
                        read_count=read.count,
                        object_count=read.objects,
                    )
                return read

    async def _pause_after(self, cuts: int, error: Exception) -> None:
        metrics.STREAMS_CUT.inc()
        log.warning(
            "stream cut",
            job_id=self._job.job_id,
            store_id=self._job.store_id,
            resource=self._part.resource,
            attempt=cuts,
            reason=str(error),
        )
        if cuts > self._tools.limits.cuts_max:
            raise self._failed("stream_cut", str(error), retryable=True)
        await asyncio.sleep(self._tools.limits.pause_after(cuts))

    async def _read_stream(self) -> Finished:
        async with self._tools.database.transaction() as tx:
            self._began_at = await parts.begin(tx, self._job, self._part.resource)
        batch = self._tools.producer.batch()
        self._unacknowledged = 0
        try:
            async with aclosing(self._tools.fetcher.records(self._request())) as stream:
                async for lines in stream:
                    for line in lines:
                        finished = await self._take(line, batch)
                        if finished is not None:
                            return finished
        except StreamCut:
            with contextlib.suppress(DeliveryFailed):
                await batch.flush()  # nobody waits for these: they are read again from the cursor
            raise
        raise StreamCut("the stream ended without a word")

    async def _take(self, line: Line, batch: ProducerBatch) -> Finished | None:
        match line:
            case Record():
                await self._publish(line, batch)
            case Page():
                await self._acknowledge(batch)
                await self._checkpoint(line.cursor)
            case Total():
                await self._note_total(line.count)
            case Started():
                await self._note_basis(line)
            case Throttled():
                await self._note_throttled(line.resume_in)
            case Failed():
                raise self._failed(line.code, line.message, retryable=line.retryable)
            case Finished():
                await self._acknowledge(batch)
                return line
        return None

    async def _publish(self, line: Record, batch: ProducerBatch) -> None:
        if self._headers is None or self._headers.observed_at != line.observed_at:
            self._headers = self._headers_of_read(line)
        headers = self._headers.of(line.id, event_id=new_event_id(), now=self._tools.clock.now())
        key = records.record_key(self._job.shop_domain, line.id)
        await batch.enqueue(self._topic, key, bytes(line.body), headers)
        self._unacknowledged += 1

    def _headers_of_read(self, line: Record) -> records.FetchedHeaders:
        job = self._job
        example = records.fetched(
            resource=self._part.resource,
            shop=job.shop_domain,
            record_id=line.id,
            body=b"",
            observed_at=line.observed_at,
            now=self._tools.clock.now(),
            source=SOURCE,
            api_version=SHOPIFY_API_VERSION,
            store_id=job.store_id,
            advertiser_id=job.advertiser_id,
            job_id=job.job_id,
            epoch=job.epoch,
        )
        return records.FetchedHeaders(example)

    async def _acknowledge(self, batch: ProducerBatch) -> None:
        await batch.flush()
        metrics.RECORDS_PUBLISHED.labels(self._part.resource).inc(self._unacknowledged)
        self._published += self._unacknowledged
        self._unacknowledged = 0

    async def _checkpoint(self, cursor: str) -> None:
        async with self._tools.database.transaction() as tx:
            await parts.checkpoint(
                tx, self._job, self._part.resource, cursor=cursor, published=self._published
            )
        self._cursor = cursor

    async def _note_total(self, count: int) -> None:
        async with self._tools.database.transaction() as tx:
            await parts.note_total(tx, self._job, self._part.resource, count)
        async with self._tools.database.transaction() as tx:
            await jobs.hold(tx, self._job, alone=True)  # the last part to come here sees all totals
            total = await parts.total_of(tx, self._job)
            seconds = estimate.duration_seconds(total, self._job.records_per_minute)
            await jobs.note_estimate(tx, self._job, seconds)

    async def _note_basis(self, line: Started) -> None:
        assert self._began_at is not None  # noqa: S101 - set before the stream is opened
        basis_at = watermark.basis(self._began_at, line.shopify_time)
        async with self._tools.database.transaction() as tx:
            await parts.note_basis(
                tx, self._job, self._part.resource, basis_at=basis_at, observed_at=line.observed_at
            )

    async def _note_throttled(self, resume_in: float) -> None:
        seconds = min(max(resume_in, 0.0), THROTTLED_SECONDS_MAX)
        async with self._tools.database.transaction() as tx:
            await jobs.note_throttled(tx, self._job, timedelta(seconds=seconds))

    async def _send_marks(self) -> int:
        """Tell every partition that nothing follows, under our epoch; a mark of an earlier one counts no more."""
        cuts = 0
        while True:
            try:
                return await self._try_marks()
            except DeliveryFailed as error:
                cuts += 1
                await self._pause_after(cuts, error)

    async def _try_marks(self) -> int:
        partitions = await self._tools.producer.partitions(self._topic)
        batch = self._tools.producer.batch()
        job = self._job
        for partition in range(partitions):
            mark = records.part_ended(
                resource=self._part.resource,
                shop=job.shop_domain,
                store_id=job.store_id,
                advertiser_id=job.advertiser_id,
                job_id=job.job_id,
                epoch=job.epoch,
                partition=partition,
                now=self._tools.clock.now(),
                source=SOURCE,
            )
            await batch.enqueue(self._topic, None, b"", mark.envelope().to_headers(), partition)
        await batch.flush()
        return partitions

    def _request(self) -> ReadRequest:
        return ReadRequest(
            installation_id=self._job.installation_id,
            resource=self._part.resource,
            mode=self._part.mode,
            lane=lane_of(self._part.mode, self._job.triggered_by),
            job_id=self._job.job_id,
            updated_since=self._part.updated_since,
            created_since=self._part.created_since,
            created_until=self._part.created_until,
            newest_first=self._job.job_type is JobType.BACKFILL,
            cursor=self._cursor,
        )

    def _failed(self, code: str, message: str, *, retryable: bool) -> PartFailed:
        return PartFailed(self._part.resource, code, message, retryable=retryable)
