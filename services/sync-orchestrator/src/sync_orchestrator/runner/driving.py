"""Drive one job from its claim to its end, while the lease holds."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from sync_common.contracts.events.lifecycle import ResourceCounts
from sync_common.contracts.resources import Resource
from sync_common.db import Lease, Transaction, is_transient
from sync_orchestrator import metrics, transitions
from sync_orchestrator.domain import reasons, retry
from sync_orchestrator.domain.books import EMPTY_BOOKS, Books, Verdict, judge
from sync_orchestrator.domain.jobs import PartState, SkipReason, covered
from sync_orchestrator.domain.model import Job, Part
from sync_orchestrator.domain.planning import nothing_readable
from sync_orchestrator.errors import BooksMismatch, LeaseLost, NothingReadable, PartFailed
from sync_orchestrator.runner.reading import PartReader
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import jobs, parts
from sync_orchestrator.transitions import Problem

log = structlog.get_logger()

_ENDED = frozenset({PartState.DONE, PartState.SKIPPED})


@dataclass(slots=True)
class PartInHand:
    """What is known of a part while its job is in our hands."""

    part: Part
    closed: bool
    marks_sent: int | None = None
    exact_count: int | None = None
    counts: ResourceCounts | None = None
    changed_at: float = 0.0


class JobRun:
    """One job in this replica's hands. Whatever ends it, it ends once: the epoch decides."""

    def __init__(self, tools: Tools, job: Job, lease: Lease) -> None:
        self.job = job
        self.lease = lease
        self._tools = tools
        self._parts: dict[Resource, PartInHand] = {}
        self._closing: set[Resource] = set()
        self._books_closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def awaits_books(self) -> bool:
        """Say whether only the writer's books are missing for some part."""
        return any(part.marks_sent is not None and not part.closed for part in self._parts.values())

    async def run(self) -> None:
        """Drive the job; on cancellation give the lease back, so that another replica goes on at once."""
        log.info("job claimed", **self._about())
        try:
            await self._drive()
        except asyncio.CancelledError:
            await asyncio.shield(self._release())
            raise
        except BaseExceptionGroup as group:
            await self._end_badly(_decisive(group))
        except Exception as error:  # noqa: BLE001 - every failure of a job ends in its row
            await self._end_badly(error)
        finally:
            self._books_closed.cancel()

    async def see(self, tx: Transaction, books: Mapping[tuple[int, Resource], Books]) -> None:
        """Look at the writer's books: show the counts, close the parts that are complete."""
        self._closing.clear()
        for resource, held in self._parts.items():
            if not held.closed and not self._books_closed.done():
                await self._see_part(tx, resource, held, books.get((self.job.job_id, resource), EMPTY_BOOKS))

    def settle(self) -> None:
        """Go on to completion when every part is closed. Call it once what was seen is committed."""
        for resource in self._closing:
            self._parts[resource].closed = True
        self._closing.clear()
        ready = bool(self._parts) and all(part.closed for part in self._parts.values())
        if ready and not self._books_closed.done():
            self._books_closed.set_result(None)

    def lose(self) -> None:
        """Stop: the job was cancelled or taken over."""
        self._stop_with(LeaseLost(f"job {self.job.job_id}: cancelled or taken over"))

    async def _drive(self) -> None:
        readers = await self._start()
        async with asyncio.TaskGroup() as group:
            watchdog = group.create_task(self._watch_lease())
            for resource, reader in readers.items():
                group.create_task(self._read(resource, reader))
            await self._books_closed
            watchdog.cancel()
        async with self._tools.database.transaction() as tx:
            await transitions.complete(tx, self.job, now=self._tools.clock.now())
        log.info("job completed", **self._about())

    async def _start(self) -> dict[Resource, PartReader]:
        async with self._tools.database.transaction() as tx:
            await transitions.start(tx, self.job, now=self._tools.clock.now())
            planned = await parts.of_job(tx, self.job)
        _must_read_something(self.job, planned)
        self._parts = {part.resource: PartInHand(part, part.state in _ENDED) for part in planned}
        self.settle()
        return {
            part.resource: PartReader(self._tools, self.job, part)
            for part in planned
            if part.state not in _ENDED
        }

    async def _read(self, resource: Resource, reader: PartReader) -> None:
        read_count, marks_sent = await reader.run()
        held = self._parts[resource]
        held.exact_count = read_count if held.part.exact_counts else None
        held.changed_at = self._tools.clock.monotonic()
        held.marks_sent = marks_sent

    async def _watch_lease(self) -> None:
        while (seconds := self.lease.remaining()) > 0:  # noqa: ASYNC110 - renewals move the deadline on
            await asyncio.sleep(seconds)
        raise LeaseLost(f"job {self.job.job_id}: the lease could not be renewed")

    async def _see_part(self, tx: Transaction, resource: Resource, held: PartInHand, books: Books) -> None:
        if books.counts != held.counts:
            held.counts, held.changed_at = books.counts, self._tools.clock.monotonic()
            await parts.note_books(tx, self.job, resource, books.counts)
        if held.marks_sent is None:
            return
        judgement = judge(books, partitions=held.marks_sent, exact_count=held.exact_count)
        if judgement.verdict is Verdict.CLOSED:
            await parts.close(tx, self.job, resource, books.counts)
            self._closing.add(resource)
        elif judgement.verdict is Verdict.MISMATCH:
            self._stop_with(BooksMismatch(resource, judgement.expected, judgement.accounted))
        elif self._tools.clock.monotonic() - held.changed_at > self._tools.limits.books_idle_seconds:
            self._stop_with(PartFailed(resource, "books_stalled", "the books stand still", retryable=True))

    def _stop_with(self, error: Exception) -> None:
        if not self._books_closed.done():
            self._books_closed.set_exception(error)

    async def _end_badly(self, error: BaseException) -> None:
        try:
            await self._tell_end(error)
        except LeaseLost:
            metrics.LEASES_LOST.inc()
            log.warning("job lost", **self._about(), outcome="lost")
        except Exception as failure:
            if not is_transient(failure):
                raise
            # The row stays as it is: the lease runs out, and whoever takes the job over goes on from there.
            log.warning("job dropped", **self._about(), exc_info=failure)

    async def _tell_end(self, error: BaseException) -> None:
        if isinstance(error, LeaseLost):
            raise error
        if is_transient(error):
            log.warning("job released", **self._about(), exc_info=error)
            await self._release()
            return
        now = self._tools.clock.now()
        async with self._tools.database.transaction() as tx:
            if isinstance(error, PartFailed) and retry.ends_connection(error.code):
                await transitions.abandon(tx, self.job, now=now)
            else:
                await transitions.fail(tx, self.job, problem_of(error, self.job), now=now)
        log.warning("job failed", **self._about(), code=problem_of(error, self.job).code, exc_info=error)

    async def _release(self) -> None:
        async with self._tools.database.transaction() as tx:
            await jobs.release(tx, self.job)

    def _about(self) -> dict[str, object]:
        return {
            "job_id": self.job.job_id,
            "store_id": self.job.store_id,
            "kind": self.job.job_type,
            "epoch": self.job.epoch,
        }


def _must_read_something(job: Job, planned: Sequence[Part]) -> None:
    if all(part.skip_reason is SkipReason.SCOPE_MISSING for part in planned):
        raise NothingReadable(nothing_readable(job.job_type, [part.resource for part in planned]))


def problem_of(error: BaseException, job: Job) -> Problem:
    """Say in a person's words why a job fails."""
    if isinstance(error, NothingReadable):
        whole = covered(job.job_type) == frozenset(Resource)
        return Problem("scopes_missing", str(error), retryable=False, ends_schedule=whole)
    if isinstance(error, BooksMismatch):
        numbers = {"expected": error.expected, "accounted": error.accounted}
        return Problem("books_mismatch", str(error), True, Resource(error.resource), numbers)
    if isinstance(error, PartFailed):
        resource = Resource(error.resource)
        words = reasons.in_words(error.code, resource)
        return Problem(error.code, words, error.retryable, resource, {"said": str(error)})
    return Problem("internal", reasons.ON_OUR_SIDE, True)


def _decisive(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that decides what follows; a lost lease forbids whatever the others ask for."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, LeaseLost)), leaves[0])
