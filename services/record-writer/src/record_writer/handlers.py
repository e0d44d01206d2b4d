"""One function per kind of message: decide, write, answer. The bus commits, retries and logs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import psycopg

from record_writer.domain.batches import Item, Key, Plan, Target, item_for, plan
from record_writer.domain.changes import Kind, body_hash, known_record
from record_writer.domain.interpret import interpret
from record_writer.domain.redaction import Hasher, Redactions
from record_writer.errors import InvalidRecord, ReplayedElsewhere, UnknownShop
from record_writer.metrics import RECORDS, REFETCHES, WEBHOOK_AGE
from record_writer.novelties import Novelties
from record_writer.store import books, erasure, records, redactions, stores, tables
from record_writer.store.staging import GiveWay
from sync_common.bus import Done, Message, Outcome, Rejected, outbox
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.events import RefetchRequested
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import RECORD_WRITER
from sync_common.db import Transaction
from sync_common.runtime.clock import Clock

REFETCH_IDS_MAX = 250
TURN_RECORDS = 50  # some milliseconds of Python: what a webhook may have to wait for a sync
SAMPLED = 50  # of the bodies of a batch: where these are all new, hardly any of the others is known
LINKED = (Resource.CUSTOMERS, Resource.ORDERS)


@dataclass(slots=True)
class Received:
    """One message on its way through a batch; `error` ends it."""

    message: Message
    raw: RawRecord | None = None
    body_hash: bytes = b""
    targets: Sequence[Target] = ()
    missed_by: Sequence[Target] = ()
    items: Sequence[Item] = ()
    erased: Sequence[Item] = ()
    error: Rejected | None = None

    @property
    def was_read(self) -> bool:
        """Say whether this came from the API: what it lacks we may not read, and another read would lack it too."""
        return self.raw is not None and self.raw.type is RecordType.FETCHED

    def reject(self, error: InvalidRecord) -> None:
        """Make this message a dead letter."""
        self.error = Rejected(
            str(error), error.field, error=type(error).__name__, by_outsider=error.by_outsider
        )
        self.targets = self.items = ()


@dataclass(frozen=True)
class RecordHandler:
    """Writes the batches of one resource, of either lane."""

    resource: Resource
    hasher: Hasher
    clock: Clock
    give_way: GiveWay | None = None
    """What to wait for between two chunks of a batch, where others go first."""
    novelties: Novelties = field(default_factory=Novelties)
    """What Shopify sends and we do not know; one for all handlers of a process."""

    async def __call__(self, batch: Sequence[Message], *, tx: Transaction) -> Sequence[Outcome]:
        """Write each record unless the stored copy is newer; say what became of each.

        When a record's data cannot be written the whole batch fails, and the bus halves it until the culprit comes
        alone. Then it is noted as failed, so that the books of its job still close.
        """
        received: list[Received] = []
        for message in batch:
            received.append(_receive(message, self.resource))
            await self._take_turns(len(received))
        if len(received) > 1:
            return await self._write(tx, received)
        savepoint = await tx.begin_nested()
        try:
            outcomes = await self._write(tx, received)
        except (psycopg.Error, ValueError) as error:
            await savepoint.rollback()
            if not _is_about_data(error):
                raise
            received[0].error = Rejected("the database cannot hold it", error=type(error).__name__)
            received[0].targets = received[0].items = ()
            outcomes = await self._write(tx, received)
        else:
            await savepoint.commit()
        return outcomes

    async def _write(self, tx: Transaction, received: Sequence[Received]) -> Sequence[Outcome]:
        await self._address(tx, received)
        await self._refuse_replays(tx, received)
        await self._read(tx, received)
        await _lock(tx, received)
        await self._leave_out_erased(tx, received)

        ordered = plan(item for one in received for item in one.items)
        written = await records.write(tx, self.resource, ordered, give_way=self.give_way)

        await books.note_outcomes(tx, self.resource, _verdicts(received, ordered, written))
        await self._note_marks(tx, list(_marks(received)))
        await books.note_deliveries(tx, _deliveries(received, written))
        await self._request_refetches(tx, received, written)
        self._count(received, written)
        return [one.error or Done() for one in received]

    async def _address(self, tx: Transaction, received: Sequence[Received]) -> None:
        """Find out whose each record is: the store of a job's record, every store of the shop for all others."""
        raws = [one.raw for one in received if one.raw is not None]
        directory = await stores.look_up(
            tx,
            shops=(raw.shop for raw in raws if raw.store_id is None),
            store_ids=(raw.store_id for raw in raws if raw.store_id is not None),
        )
        for one in received:
            if one.raw is not None and one.error is None:
                try:
                    _address(one, one.raw, directory)
                except InvalidRecord as error:
                    one.reject(error)

    async def _refuse_replays(self, tx: Transaction, received: Sequence[Received]) -> None:
        bodies = [
            (one.raw.digest, one.raw.shop) for one in received if one.raw and one.raw.digest and one.targets
        ]
        replays = await books.replayed(tx, bodies)
        for one in received:
            if one.raw is not None and (one.raw.digest, one.raw.shop) in replays:
                one.reject(ReplayedElsewhere())

    async def _read(self, tx: Transaction, received: Sequence[Received]) -> None:
        """Interpret the bodies that are not stored already, and let the other lanes have their turns meanwhile."""
        bodies = [
            (target, one.raw.record_id, one.body_hash)
            for one in received
            if one.raw is not None and one.raw.body
            for target in one.targets
        ]
        sample = bodies[:: 1 + len(bodies) // SAMPLED]
        known = await records.known_bodies(tx, self.resource, sample)
        if known and len(sample) < len(bodies):
            known = await records.known_bodies(tx, self.resource, bodies)
        for number, one in enumerate(received, start=1):
            if one.raw is not None and one.targets:
                _interpret(one, one.raw, known, self.novelties)
            await self._take_turns(number)

    async def _take_turns(self, number: int) -> None:
        if self.give_way is not None and number % TURN_RECORDS == 0:
            await self.give_way()

    async def _leave_out_erased(self, tx: Transaction, received: Sequence[Received]) -> None:
        items = [item for one in received for item in one.items]
        known = await redactions.load(tx, self.hasher, self.resource, items)
        if not known.known:
            return
        await self._remember_orders(tx, known, items)
        for one in received:
            kept: list[Item] = []
            erased: list[Item] = []
            for item in one.items:
                change = known.apply(self.resource, item.target, item.change)
                if change is None:
                    erased.append(item)
                elif change is item.change:
                    kept.append(item)
                else:  # the row is no longer what the body says
                    kept.append(item_for(item.target, change, item.job_id, item.epoch))
            one.items, one.erased = kept, erased

    async def _remember_orders(self, tx: Transaction, known: Redactions, items: Iterable[Item]) -> None:
        for item in items:
            for key, erased_at in known.inherited(self.resource, item.target, item.change).items():
                await erasure.remember(tx, self.hasher, item.target.shop, [key], erased_at)

    async def _note_marks(self, tx: Transaction, marks: Sequence[books.Mark]) -> None:
        """Note the ends of parts. What lies before them is written now, so all that the job brought can be linked."""
        await books.note_marks(tx, self.resource, marks)
        if self.resource in LINKED and marks:
            await records.sweep_stores(tx, {mark.store_id for mark in marks})

    async def _request_refetches(
        self, tx: Transaction, received: Sequence[Received], written: records.Written
    ) -> None:
        wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in received:
            for item in (*one.items, *one.erased):
                if item.key in written.ties:
                    wanted[item.target.shop, "tie"].add(item.change.external_id)
                if item.key in written.hints and not one.was_read:
                    wanted[item.target.shop, "partial"].add(item.change.external_id)
                if item.change.refetch:  # other records, whatever became of this one
                    wanted[item.target.shop, "partial"].update(item.change.refetch)
        for (shop, reason), ids in sorted(wanted.items()):
            REFETCHES.labels(self.resource, reason).inc(len(ids))
            for start in range(0, len(ids), REFETCH_IDS_MAX):
                some = tuple(sorted(ids)[start : start + REFETCH_IDS_MAX])
                event = RefetchRequested(
                    shop_domain=shop, resource=self.resource, record_ids=some, reason=reason
                )
                await outbox.publish(tx, tables.outbox, event, source=RECORD_WRITER, now=self.clock.now())

    def _count(self, received: Sequence[Received], written: records.Written) -> None:
        now = self.clock.now()
        counts: dict[str, dict[str, int]] = {"live": defaultdict(int), "sync": defaultdict(int)}
        for one in received:
            lane = counts["live" if one.raw is None or one.raw.job_id is None else "sync"]
            for item in one.items:
                lane[written.outcomes.get(item.key, "unchanged")] += 1
            if one.erased:
                lane["skipped"] += len(one.erased)
            if one.error is not None:
                lane["failed"] += 1
            if one.raw is not None and one.raw.type is RecordType.DELIVERED:
                age = now - one.raw.occurred_at
                WEBHOOK_AGE.labels(self.resource).observe(max(0.0, age.total_seconds()))
        for name, outcomes in counts.items():
            for outcome, number in outcomes.items():
                RECORDS.labels(self.resource, name, outcome).inc(number)


def _is_about_data(error: psycopg.Error | ValueError) -> bool:
    """Say whether the values themselves are refused: out of range, too long for an index, against a constraint."""
    if isinstance(error, ValueError):
        return True
    state = error.sqlstate or ""
    return state[:2] in ("22", "54") or state in ("23502", "23514")


def _receive(message: Message, resource: Resource) -> Received:
    """Decode one message's headers; what cannot be read becomes a dead letter, whatever comes beside it."""
    one = Received(message)
    try:
        one.raw = RawRecord.from_headers(message.headers, message.value or b"")
        if one.raw.resource is not resource:
            raise InvalidRecord("subject", "names another resource than the topic")
        one.body_hash = body_hash(one.raw.body)
    except MalformedEnvelope as error:
        one.error = Rejected(str(error), error="MalformedEnvelope")
    except InvalidRecord as error:
        one.reject(error)
    return one


def _address(one: Received, raw: RawRecord, directory: stores.Directory) -> None:
    if raw.store_id is not None:
        target = directory.by_store.get(raw.store_id)
        if target is None or (target.advertiser_id, target.shop) != (raw.advertiser_id, raw.shop):
            raise InvalidRecord("storeid", "not a store of this advertiser and shop")
        one.targets = [target]
        return
    connections = directory.by_shop.get(raw.shop)
    if not connections:
        raise UnknownShop
    one.targets = [c.target for c in connections if c.receives(raw.observed_at)]
    one.missed_by = [c.target for c in connections if not c.receives(raw.observed_at)]


def _interpret(
    one: Received, raw: RawRecord, known: AbstractSet[tuple[Key, bytes]], novelties: Novelties
) -> None:
    """Say what a body asks of each store; one that cannot be read becomes a dead letter."""
    if raw.type is RecordType.PART_ENDED:
        return
    try:
        if known and all((target.key(raw.record_id), one.body_hash) in known for target in one.targets):
            change = known_record(raw.record_id, observed_at=raw.observed_at)
        else:
            change = interpret(raw, with_unknown_keys=novelties.is_sampled(raw.webhook_topic))
            novelties.report(change, raw.webhook_topic)
    except InvalidRecord as error:
        one.reject(error)
    except Exception as error:  # noqa: BLE001 - reading is pure: it would fail again, so the message is to blame
        one.error = Rejected("cannot be read", error=type(error).__name__)
        one.targets = ()
    else:
        one.items = [item_for(target, change, raw.job_id, raw.epoch, one.body_hash) for target in one.targets]


async def _lock(tx: Transaction, received: Sequence[Received]) -> None:
    items = [item for one in received for item in one.items]
    await records.lock_shops(
        tx,
        shared=(item.target.shop for item in items),
        exclusive=(item.target.shop for item in items if item.change.kind is Kind.DELETED),
    )


def _verdicts(
    received: Sequence[Received], ordered: Plan, written: records.Written
) -> dict[books.Verdict, set[str]]:
    """Say what became of the records of each job; of two jobs that brought the same record one wrote it."""
    found: dict[tuple[Target, int | None, int | None, str], set[str]] = defaultdict(set)
    winners = {item.key: item.job_id for items in ordered.steps for item in items}
    for one in received:
        for item in one.items:
            outcome = written.outcomes.get(item.key, "unchanged")
            if outcome != "skipped" and winners.get(item.key, item.job_id) != item.job_id:
                outcome = "unchanged"
            found[item.target, item.job_id, item.epoch, outcome].add(item.change.external_id)
        for item in one.erased:
            found[item.target, item.job_id, item.epoch, "skipped"].add(item.change.external_id)
    verdicts: dict[books.Verdict, set[str]] = defaultdict(set)
    for (target, job_id, epoch, outcome), ids in found.items():
        if job_id is not None:
            verdict = books.Verdict(target.advertiser_id, target.store_id, job_id, epoch or 0, outcome)
            verdicts[verdict] |= ids
    for one in received:
        if one.error is not None and one.raw is not None and (failed := _failure(one.raw, one.error)):
            verdicts[failed].add(" ".join(one.raw.record_id.split()))
    return verdicts


def _failure(raw: RawRecord, error: Rejected) -> books.Verdict | None:
    if raw.job_id is None or raw.store_id is None or raw.advertiser_id is None:
        return None
    return books.Verdict(
        raw.advertiser_id, raw.store_id, raw.job_id, raw.epoch or 0, "failed", error.field, error.reason
    )


def _marks(received: Sequence[Received]) -> Iterable[books.Mark]:
    for one in received:
        raw = one.raw
        if raw is None or raw.type is not RecordType.PART_ENDED or one.error is not None:
            continue
        if raw.store_id is not None and raw.advertiser_id is not None and raw.job_id is not None:
            yield books.Mark(
                raw.advertiser_id, raw.store_id, raw.job_id, raw.epoch or 0, one.message.partition
            )


def _deliveries(received: Sequence[Received], written: records.Written) -> Iterable[books.Delivery]:
    for one in received:
        raw = one.raw
        if raw is None or raw.type is not RecordType.DELIVERED or not raw.webhook_id:
            continue
        outcomes: list[tuple[Target, str]] = [
            *((item.target, written.outcomes.get(item.key, "unchanged")) for item in one.items),
            *((item.target, "skipped") for item in one.erased),
            *((target, "ignored") for target in one.missed_by),
        ]
        for target, outcome in outcomes:
            yield books.Delivery(
                target.advertiser_id,
                target.store_id,
                raw.webhook_topic or "",
                raw.webhook_id,
                raw.shopify_event_id,
                raw.digest or "",
                raw.triggered_at,
                raw.occurred_at,
                outcome,
            )
