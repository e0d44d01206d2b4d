"""What members do with a store: sync, cancel, rename, change the frequency, dismiss its banner, disconnect."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.deliveries import Delivery, Freshness
from oauth_gateway.domain.jobs import SYNC_CHOICES, FailedRecord, Job
from oauth_gateway.domain.page import Snapshot, Store
from oauth_gateway.domain.stores import STORE_NAME_LENGTH_MAX, Frequency, clean_name
from oauth_gateway.errors import InvalidInput, NotFound
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import deliveries, page, stores, tables
from oauth_gateway.store.page import Past, Present
from oauth_gateway.store.stores import StoreSettings
from sync_common.bus import outbox
from sync_common.contracts.events import SyncCancelRequested, SyncRequested
from sync_common.contracts.events.commands import StoreCommand
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.topics import OAUTH_GATEWAY

DISMISSAL: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class JobDetails:
    """One job with everything its page says, and the stores as they are now."""

    snapshot: Snapshot
    job: Job
    store: Store
    failures: Sequence[FailedRecord]


@dataclass(frozen=True, slots=True)
class StoreDeliveries:
    """The last webhooks of one store, and the stores as they are now."""

    snapshot: Snapshot
    store: Store
    fresh: Freshness | None
    deliveries: Sequence[Delivery]


async def past(gateway: Gateway, advertiser_id: int) -> Past:
    """Return what takes long to read."""
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        return await page.read_past(tx, advertiser_id, now=gateway.clock.now())


async def present(gateway: Gateway, advertiser_id: int) -> Present:
    """Return what may change at any moment."""
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        return await page.read_present(tx, advertiser_id)


async def snapshot(gateway: Gateway, advertiser_id: int) -> Snapshot:
    """Return everything the Shopify page shows."""
    now = await present(gateway, advertiser_id)
    return page.snapshot_of(now, await past(gateway, advertiser_id))


async def glance(gateway: Gateway, advertiser_id: int) -> Snapshot:
    """Return the stores and their active jobs, without what takes long to read."""
    return page.snapshot_of(await present(gateway, advertiser_id), Past())


async def connected_store(gateway: Gateway, membership: Membership, store_id: int) -> Store:
    """Return one store as the page shows it; raise NotFound for a foreign one."""
    return store_in(await glance(gateway, membership.advertiser_id), store_id)


def store_in(snapshot: Snapshot, store_id: int) -> Store:
    """Return one store of a snapshot; raise NotFound for a foreign one."""
    store = snapshot.store(store_id)
    if store is None:
        raise NotFound("store")
    return store


async def dismissed(gateway: Gateway, membership: Membership, user: User) -> frozenset[int]:
    """Return the stores whose banner this user does not want to see now."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        return await stores.dismissed_stores(tx, user_id=user.id, now=gateway.clock.now())


async def request_sync(
    gateway: Gateway, membership: Membership, user: User, store_id: int, job_type: str = ""
) -> Store:
    """Ask for a sync: what was chosen, else a full one the first time, then what changed. The orchestrator decides."""
    store = await connected_store(gateway, membership, store_id)
    if not store.is_connected:
        raise InvalidInput("Reconnect the store before you sync it.")
    wish = SyncRequested(
        store_id=store.id,
        advertiser_id=membership.advertiser_id,
        requested_by_user_id=user.id,
        triggered_by=TriggeredBy.USER,
        job_type=_chosen_type(job_type, store),
    )
    await publish(gateway, wish)
    return store


def _chosen_type(chosen: str, store: Store) -> JobType:
    """Return the type of a person's sync; one kind of record alone says nothing before there was a first sync."""
    if chosen and chosen not in SYNC_CHOICES:
        raise InvalidInput("Choose one of the syncs in the list.")
    if not store.initial_sync_completed:
        return JobType.FULL_SYNC
    return JobType(chosen) if chosen else JobType.INCREMENTAL_SYNC


async def request_cancel(gateway: Gateway, membership: Membership, user: User, store_id: int) -> Store:
    """Ask to cancel the store's pending or running job; nothing to cancel is no error."""
    store = await connected_store(gateway, membership, store_id)
    if store.job is not None:
        await cancel_job(gateway, membership, user, store.job)
    return store


async def cancel_job(gateway: Gateway, membership: Membership, user: User, job: Job) -> None:
    """Ask to cancel one job."""
    wish = SyncCancelRequested(
        store_id=job.store_id,
        advertiser_id=membership.advertiser_id,
        requested_by_user_id=user.id,
        job_id=job.id,
    )
    await publish(gateway, wish)


async def change_frequency(
    gateway: Gateway, membership: Membership, store_id: int, frequency: str
) -> tuple[StoreSettings, Frequency]:
    """Set how often a store syncs; return it as it was, and the new frequency."""
    wanted = _frequency(frequency)
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        before = await stores.store_settings(tx, store_id)
        if before is None:
            raise NotFound("store")
        await stores.set_frequency(tx, store_id, wanted)
    return before, wanted


async def change_products_frequency(
    gateway: Gateway, membership: Membership, store_id: int, frequency: str
) -> tuple[StoreSettings, Frequency | None]:
    """Set how often a store's products sync, empty meaning as the store; return it as it was, and the new frequency."""
    wanted = _frequency(frequency) if frequency else None
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        before = await stores.store_settings(tx, store_id)
        if before is None:
            raise NotFound("store")
        await stores.set_products_frequency(tx, store_id, wanted)
    return before, wanted


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError:
        raise InvalidInput("Choose one of the frequencies in the list.") from None


async def rename(
    gateway: Gateway, membership: Membership, store_id: int, typed: str
) -> tuple[StoreSettings, str]:
    """Rename a store, an empty name meaning its domain; return it as it was, and the new name."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        before = await stores.store_settings(tx, store_id)
        if before is None:
            raise NotFound("store")
        name = clean_name(typed, fallback=before.shop_domain)
        if name is None:
            raise InvalidInput(f"Use at most {STORE_NAME_LENGTH_MAX} characters for the store's name.")
        await stores.set_name(tx, store_id, name)
    return before, name


async def dismiss(gateway: Gateway, membership: Membership, user: User, store_id: int) -> None:
    """Hide a store's banner from this user for a day."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        if await stores.store_settings(tx, store_id) is None:
            raise NotFound("store")
        await stores.dismiss_banner(
            tx,
            advertiser_id=membership.advertiser_id,
            user_id=user.id,
            store_id=store_id,
            until=gateway.clock.now() + DISMISSAL,
        )


async def disconnect(gateway: Gateway, membership: Membership, store_id: int) -> Store:
    """Have the fetcher end the connection; data stays."""
    store = await connected_store(gateway, membership, store_id)
    await gateway.fetcher.disconnect(store_id=store.id, advertiser_id=membership.advertiser_id)
    return store


async def job_details(gateway: Gateway, membership: Membership, job_id: int) -> JobDetails:
    """Return a job, its store and its failed records; raise NotFound for a foreign one."""
    advertiser_id = membership.advertiser_id
    snapshot = await glance(gateway, advertiser_id)
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        job = await page.read_job(tx, advertiser_id, job_id)
        if job is None:
            raise NotFound("job")
        failures = await page.read_failures(tx, advertiser_id, job_id)
        last_ended = await page.last_ended_job(tx, advertiser_id, job.store_id)
    store = replace(store_in(snapshot, job.store_id), last_ended_job_id=last_ended)
    return JobDetails(snapshot, job, store, failures)


async def store_deliveries(gateway: Gateway, membership: Membership, store_id: int) -> StoreDeliveries:
    """Return the last webhooks of a store; raise NotFound for a foreign one."""
    advertiser_id = membership.advertiser_id
    snapshot = await glance(gateway, advertiser_id)
    store = store_in(snapshot, store_id)
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        fresh = await deliveries.freshness(tx, advertiser_id)
        latest = await deliveries.deliveries(tx, advertiser_id, store_id)
    return StoreDeliveries(snapshot, store, fresh.get(store_id), latest)


async def publish(gateway: Gateway, wish: StoreCommand) -> None:
    """Send a wish about one store to the orchestrator."""
    async with gateway.database.transaction(advertiser_id=wish.advertiser_id) as tx:
        await outbox.publish(tx, tables.outbox, wish, source=OAUTH_GATEWAY, now=gateway.clock.now())
