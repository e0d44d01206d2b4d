"""How a store's mirror compares with Shopify, and the records that Shopify no longer has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from oauth_gateway.domain.words import Viewer, plural
from sync_common.contracts.events.commands import DeletionDecision
from sync_common.contracts.resources import Resource


@dataclass(frozen=True, slots=True)
class Check:
    """The newest comparison of a store with Shopify."""

    id: int
    state: str
    error_message: str | None = None
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Say whether it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def has_failed(self) -> bool:
        """Say whether it could not be made; what an earlier one proved still stands."""
        return self.state == "failed"


@dataclass(frozen=True, slots=True)
class Proof:
    """How one resource last compared: `missing` and `surplus` as they were found, the counts as they ended."""

    resource: Resource
    shopify_count: int
    our_count: int
    missing: int
    surplus: int
    repaired: int
    lost_changes: int | None
    checked_at: datetime
    equal: bool

    def words(self, viewer: Viewer) -> str:
        """Write `1,234 of 1,234 customers`: ours of Shopify's."""
        words = f"{viewer.number(self.our_count)} of {viewer.number(self.shopify_count)} {self.resource}"
        if self.equal or self.our_count != self.shopify_count:
            return words
        return f"{words}, {viewer.number(self.missing + self.surplus - self.repaired)} not repaired"


@dataclass(frozen=True, slots=True)
class Mirror:
    """What is proven of a store as a whole; without proofs, nothing."""

    proofs: Sequence[Proof] = ()

    @property
    def is_equal(self) -> bool:
        """Say whether every resource that was compared is the same on both sides."""
        return all(proof.equal for proof in self.proofs)

    @property
    def checked_at(self) -> datetime:
        """Return since when all of it is known."""
        return min(proof.checked_at for proof in self.proofs)

    def words(self, viewer: Viewer) -> str:
        """Count every resource."""
        return ", ".join(proof.words(viewer) for proof in self.proofs)

    def difference_words(self, viewer: Viewer) -> str:
        """Count the resources that differ."""
        return ", ".join(proof.words(viewer) for proof in self.proofs if not proof.equal)


@dataclass(frozen=True, slots=True)
class Gone:
    """Records of one resource that Shopify no longer has."""

    resource: Resource
    records: int

    def counted(self, viewer: Viewer) -> str:
        """Write `57 customers`."""
        return f"{viewer.number(self.records)} {plural(self.records, self.resource.removesuffix('s'))}"

    def gone_words(self, viewer: Viewer) -> str:
        """Say where they are missing: `57 customers are no longer in Shopify.`"""
        return f"{self.counted(viewer)} {'is' if self.records == 1 else 'are'} no longer in Shopify."


@dataclass(frozen=True, slots=True)
class Deletions(Gone):
    """What one check found deleted of a resource and what became of it, with the first ids."""

    check_id: int
    state: str
    at: datetime
    decided_by: str | None = None
    record_ids: Sequence[str] = ()

    def allows(self, decision: DeletionDecision) -> bool:
        """Say whether there is something to decide in this way."""
        return self.state == _DECIDES[decision]

    def words(self, viewer: Viewer) -> str:
        """Say what became of them."""
        if self.state == "waiting":
            kept = "It is" if self.records == 1 else "They are"
            return f"{self.gone_words(viewer)} {kept} kept until you decide."
        became = f"{'was' if self.records == 1 else 'were'} {_BECAME[self.state]} on {viewer.day(self.at)}"
        return f"{self.counted(viewer)} {became}{f' by {self.decided_by}' if self.decided_by else ''}."


_DECIDES: Final = {
    DeletionDecision.DELETE: "waiting",
    DeletionDecision.KEEP: "waiting",
    DeletionDecision.UNDO: "deleted",
}
_BECAME: Final = {"deleted": "deleted", "kept": "kept", "undone": "brought back"}
NOTHING_PROVEN: Final = Mirror()
