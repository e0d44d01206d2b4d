"""One function per command and event. Each leaves its effect in the caller's transaction and answers."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from sync_common.bus import Done, Message, Outcome, Rejected
from sync_common.contracts.events import (
    BackfillRequested,
    CheckRequested,
    DeletionsDecided,
    Event,
    RefetchRequested,
    ShopRedacted,
    StoreConnected,
    StoreDisconnected,
    SyncCancelRequested,
    SyncRequested,
    WebhooksRepaired,
)
from sync_common.contracts.events.lifecycle import DisconnectReason, JobType, TriggeredBy
from sync_common.db import Transaction
from sync_common.runtime import Clock
from sync_orchestrator import transitions
from sync_orchestrator.domain import planning
from sync_orchestrator.domain.checks import CheckReason
from sync_orchestrator.domain.jobs import JobStatus
from sync_orchestrator.domain.model import Job, JobWish
from sync_orchestrator.store import checks, events, jobs, refetches, stores

log = structlog.get_logger()

_DISCONNECTED: dict[DisconnectReason, str | None] = {
    DisconnectReason.TOKEN_EXPIRED: "Token expired",
    DisconnectReason.APP_UNINSTALLED: "App uninstalled",
    DisconnectReason.API_ERROR: "API error",
    DisconnectReason.USER_REQUESTED: None,
}

_RECORD_ID = re.compile(r"[0-9]{1,20}")

Handle = Callable[[Message, Transaction], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What to do with each message; everything else that travels on the same topics is not for us."""

    clock: Clock
    refetch_delay: timedelta

    async def handle(self, message: Message, *, tx: Transaction) -> Outcome:
        """Answer one message of any topic that this service reads."""
        handle = self._by_type().get(message.envelope().type)
        return Done() if handle is None else await handle(message, tx)

    def _by_type(self) -> dict[str, Handle]:
        return {
            SyncRequested.TYPE: self._sync_requested,
            SyncCancelRequested.TYPE: self._cancel_requested,
            CheckRequested.TYPE: self._check_requested,
            DeletionsDecided.TYPE: self._deletions_decided,
            BackfillRequested.TYPE: self._backfill_requested,
            StoreConnected.TYPE: self._store_connected,
            StoreDisconnected.TYPE: self._store_disconnected,
            WebhooksRepaired.TYPE: self._webhooks_repaired,
            ShopRedacted.TYPE: self._shop_redacted,
            RefetchRequested.TYPE: self._refetch_requested,
        }

    async def _sync_requested(self, message: Message, tx: Transaction) -> Outcome:
        """Create the job, or let the one that is under way be the answer; a waiting one starts at once."""
        wish = message.event(SyncRequested)
        state = await stores.lock(tx, wish.advertiser_id, wish.store_id)
        if state is None:
            return Rejected("sync.requested: the store is unknown", "store_id")
        if not state.can_sync or not await self._is_new(message, tx):
            return _ignored(wish, wish.store_id)
        job_type = planning.effective_type(wish.job_type, initial_sync_completed=state.initial_sync_completed)
        wanted = JobWish(
            job_type,
            wish.triggered_by,
            wish.requested_by_user_id,
            retry_of_job_id=wish.retry_of_job_id,
        )
        await self._want(tx, wish.advertiser_id, wish.store_id, wanted)
        return Done()

    async def _backfill_requested(self, message: Message, tx: Transaction) -> Outcome:
        """Read the whole order history, beside the store's ordinary syncs."""
        wish = message.event(BackfillRequested)
        state = await stores.lock(tx, wish.advertiser_id, wish.store_id)
        if state is None:
            return Rejected("sync.backfill_requested: the store is unknown", "store_id")
        if not state.can_sync or not await self._is_new(message, tx):
            return _ignored(wish, wish.store_id)
        by = TriggeredBy.SYSTEM if wish.requested_by_user_id is None else TriggeredBy.USER
        wanted = JobWish(JobType.BACKFILL, by, wish.requested_by_user_id)
        await self._want(tx, wish.advertiser_id, wish.store_id, wanted)
        return Done()

    async def _check_requested(self, message: Message, tx: Transaction) -> Outcome:
        """Have the store compared with Shopify; the check that waits or runs is the answer to a second wish."""
        wish = message.event(CheckRequested)
        if await self._is_new(message, tx):
            user_id = wish.requested_by_user_id
            await checks.want(tx, wish.advertiser_id, wish.store_id, CheckReason.USER, user_id=user_id)
        return Done()

    async def _deletions_decided(self, message: Message, tx: Transaction) -> Outcome:
        """Do what a person decided, as far as it is still to be decided; twice changes nothing."""
        wish = message.event(DeletionsDecided)
        count = await checks.decide(
            tx,
            wish.advertiser_id,
            wish.store_id,
            check_id=wish.check_id,
            resource=wish.resource,
            decision=wish.decision,
            user_id=wish.requested_by_user_id,
        )
        log.info("deletions decided", store_id=wish.store_id, outcome=wish.decision, count=count)
        return Done()

    async def _cancel_requested(self, message: Message, tx: Transaction) -> Outcome:
        """Cancel the named job unless it has ended; doing so twice changes nothing."""
        wish = message.event(SyncCancelRequested)
        await transitions.cancel(
            tx, wish.advertiser_id, wish.store_id, "user", now=self.clock.now(), job_id=wish.job_id
        )
        return Done()

    async def _store_connected(self, message: Message, tx: Transaction) -> Outcome:
        """Remember the connection and read everything; an event of an older connection changes nothing."""
        event = message.event(StoreConnected)
        is_news = await stores.connect(
            tx,
            advertiser_id=event.advertiser_id,
            store_id=event.store_id,
            installation_id=event.installation_id,
            shop_domain=event.shop_domain,
            generation=event.generation,
            timezone=event.timezone,
        )
        if not is_news:
            return _ignored(event, event.store_id)
        # A job of an earlier connection reads through a token that is gone.
        await transitions.cancel(tx, event.advertiser_id, event.store_id, "superseded", now=self.clock.now())
        by = TriggeredBy.SYSTEM if event.connected_by_user_id is None else TriggeredBy.USER
        await self._want(
            tx,
            event.advertiser_id,
            event.store_id,
            JobWish(JobType.FULL_SYNC, by, event.connected_by_user_id),
        )
        return Done()

    async def _store_disconnected(self, message: Message, tx: Transaction) -> Outcome:
        """Cancel the store's jobs and stop its schedule; its data and its watermarks stay."""
        event = message.event(StoreDisconnected)
        is_news = await stores.disconnect(
            tx,
            advertiser_id=event.advertiser_id,
            store_id=event.store_id,
            installation_id=event.installation_id,
            shop_domain=event.shop_domain,
            generation=event.generation,
            error=_DISCONNECTED[event.reason],
        )
        if not is_news:
            return _ignored(event, event.store_id)
        await transitions.cancel(
            tx, event.advertiser_id, event.store_id, "disconnected", now=self.clock.now()
        )
        await checks.cancel(tx, event.advertiser_id, event.store_id)
        return Done()

    async def _webhooks_repaired(self, message: Message, tx: Transaction) -> Outcome:
        """Sync the changes: the watermark covers the silence. A sync under way may have read too early."""
        event = message.event(WebhooksRepaired)
        state = await stores.lock(tx, event.advertiser_id, event.store_id)
        if state is None or not state.can_sync or not await self._is_new(message, tx):
            return _ignored(event, event.store_id)
        job_type = planning.effective_type(
            JobType.INCREMENTAL_SYNC, initial_sync_completed=state.initial_sync_completed
        )
        job = await self._want(
            tx, event.advertiser_id, event.store_id, JobWish(job_type, TriggeredBy.WEBHOOK)
        )
        if job is not None and job.status is JobStatus.RUNNING:
            await jobs.follow_up(tx, job)
        return Done()

    async def _shop_redacted(self, message: Message, tx: Transaction) -> Outcome:
        """Forget how far the shop was synced: what was erased must be read again if it comes back."""
        event = message.event(ShopRedacted)
        state = await stores.lock(tx, event.advertiser_id, event.store_id)
        if state is None or state.generation > event.generation:
            return _ignored(event, event.store_id)
        await stores.forget_watermarks(tx, event.advertiser_id, event.store_id)
        await refetches.forget_shop(tx, event.shop_domain)
        return Done()

    async def _refetch_requested(self, message: Message, tx: Transaction) -> Outcome:
        """Queue the records; the same ones asked for within the delay are read once."""
        wish = message.event(RefetchRequested)
        if not all(_RECORD_ID.fullmatch(record_id) for record_id in wish.record_ids):
            # One such id would make the fetcher refuse all that are read together with it.
            return Rejected("refetch.requested: record_ids: not Shopify's ids", "record_ids")
        await refetches.want(
            tx,
            shop_domain=wish.shop_domain,
            resource=wish.resource,
            record_ids=wish.record_ids,
            reason=wish.reason,
            delay=self.refetch_delay,
        )
        return Done()

    async def _want(self, tx: Transaction, advertiser_id: int, store_id: int, wish: JobWish) -> Job | None:
        wanted = await jobs.want(tx, advertiser_id, store_id, wish)
        if wanted is None:
            return None
        job, is_new = wanted
        if not is_new:
            await jobs.hasten(tx, job, wish)
        log.info("job wanted", job_id=job.job_id, store_id=store_id, outcome="new" if is_new else "under way")
        return job

    async def _is_new(self, message: Message, tx: Transaction) -> bool:
        return await events.first_time(tx, message.envelope().id, now=self.clock.now())


def _ignored(event: Event, store_id: int) -> Done:
    log.info("nothing to do", event_type=event.type_name(), store_id=store_id)
    return Done()
