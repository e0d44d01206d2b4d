"""Who a person is and what they may do."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A member's role in an advertiser."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class User:
    """A person who can log in."""

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
    def sees_customer_data(self) -> bool:
        """Owners alone answer data requests, and choose what is kept of an erased shop."""
        return self.role is Role.OWNER

    @property
    def sees_outbox(self) -> bool:
        """Owners alone see which e-mails went to whom, and have one sent again."""
        return self.role is Role.OWNER
