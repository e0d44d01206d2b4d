"""A batch of changes put in the order in which they can be applied: pure, so that every order can be tested."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from record_writer.domain.changes import Change, Kind


class Target(NamedTuple):
    """A store that a record belongs to."""

    advertiser_id: int
    store_id: int
    shop: str

    def key(self, external_id: str) -> "Key":
        """Return the key of one of its records."""
        return Key(self.advertiser_id, self.store_id, external_id)


class Key(NamedTuple):
    """One record of one store; batches are sorted by it, so that two of them never wait for each other."""

    advertiser_id: int
    store_id: int
    external_id: str


class Item(NamedTuple):
    """One change for one store, the job that brought it, if one did, and the fingerprint of the body it was in."""

    key: Key
    target: Target
    change: Change
    job_id: int | None = None
    epoch: int | None = None
    body_hash: bytes | None = None


def item_for(
    target: Target,
    change: Change,
    job_id: int | None = None,
    epoch: int | None = None,
    body_hash: bytes | None = None,
) -> Item:
    """Return a change as it concerns one store."""
    return Item(target.key(change.external_id), target, change, job_id, epoch, body_hash)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a batch, in this order: delete, restore, write full records, apply partial ones round by round.

    Each list is sorted by key and holds a key once. `ties` are keys of which two different full records claim
    the same `updated_at`.
    """

    deletions: Sequence[Item] = ()
    restorations: Sequence[Item] = ()
    full: Sequence[Item] = ()
    partial: Sequence[Sequence[Item]] = ()
    ties: frozenset[Key] = field(default_factory=frozenset)

    @property
    def rounds(self) -> Sequence[Sequence[Item]]:
        """Return all that is staged: full records are round 0."""
        return (self.full, *self.partial)

    @property
    def steps(self) -> Sequence[Sequence[Item]]:
        """Return all that is done, in its order."""
        return (self.deletions, self.restorations, *self.rounds)


def plan(items: Iterable[Item]) -> Plan:
    """Put a batch in order: one deletion, restoration, full record per key; partial ones by version, no known ones."""
    by_kind: dict[Kind, dict[Key, list[Item]]] = {kind: defaultdict(list) for kind in Kind}
    for item in items:
        by_kind[item.change.kind][item.key].append(item)
    winners = {key: _newest(rivals) for key, rivals in by_kind[Kind.FULL].items()}
    ties = frozenset(key for key, rivals in by_kind[Kind.FULL].items() if _tied(winners[key], rivals))
    return Plan(
        deletions=_latest(by_kind[Kind.DELETED]),
        restorations=_latest(by_kind[Kind.RESTORED]),
        full=[winners[key] for key in sorted(winners)],
        partial=_rounds(by_kind[Kind.PARTIAL]),
        ties=ties,
    )


def _latest(by_key: dict[Key, list[Item]]) -> list[Item]:
    return [_newest(by_key[key]) for key in sorted(by_key)]


def _newest(rivals: Sequence[Item]) -> Item:
    return rivals[0] if len(rivals) == 1 else max(rivals, key=_rank)


def _rank(item: Item) -> tuple[object, ...]:
    return (*item.change.version, item.change.content_hash or b"")


def _tied(winner: Item, rivals: Sequence[Item]) -> bool:
    """Say whether another full record has the winner's time and other content; a read by id has the last word."""
    if len(rivals) == 1 or winner.change.settles:
        return False
    return any(
        rival.change.version[0] == winner.change.version[0]
        and rival.change.content_hash != winner.change.content_hash
        for rival in rivals
    )


def _rounds(by_key: dict[Key, list[Item]]) -> list[list[Item]]:
    rounds: list[list[Item]] = []
    for key in sorted(by_key):
        for number, item in enumerate(sorted(by_key[key], key=_rank)):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(item)
    return rounds
