"""Who a person is and what they may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A member's role in an advertiser."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"

    @property
    def label(self) -> str:
        """Return the role as a list names it."""
        return self.value.capitalize()

    @property
    def with_article(self) -> str:
        """Return the role as a sentence names it."""
        return f"{'a' if self is Role.MEMBER else 'an'} {self.value}"


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: int
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in one advertiser."""

    advertiser_id: int
    slug: str
    name: str
    role: Role

    @property
    def can_manage(self) -> bool:
        """Owners and admins connect, sync, change and disconnect stores; members look on."""
        return self.role in (Role.OWNER, Role.ADMIN)

    @property
    def is_owner(self) -> bool:
        """Owners alone change members' roles and remove them."""
        return self.role is Role.OWNER

    @property
    def sees_customer_data(self) -> bool:
        """Owners alone answer data requests, and choose what is kept of an erased shop."""
        return self.is_owner

    @property
    def may_invite(self) -> Sequence[Role]:
        """Return the roles this member may invite somebody to: always lesser ones than their own."""
        return {Role.OWNER: (Role.MEMBER, Role.ADMIN), Role.ADMIN: (Role.MEMBER,)}.get(self.role, ())

    @property
    def sees_outbox(self) -> bool:
        """Owners alone see which e-mails went to whom, and have one sent again."""
        return self.is_owner
