"""How a store's mirror compares with Shopify."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from oauth_gateway.domain.words import Viewer
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


NOTHING_PROVEN: Final = Mirror()
