"""Who belongs to an advertiser, and who is invited to."""

from dataclasses import dataclass
from datetime import datetime

from oauth_gateway.domain.access import Role, User


@dataclass(frozen=True, slots=True)
class Member:
    """A user's place in the advertiser, as its other members see it."""

    user: User
    role: Role

    @property
    def other_role(self) -> Role | None:
        """Return what an owner may turn this member into; owners stay what they are."""
        return {Role.ADMIN: Role.MEMBER, Role.MEMBER: Role.ADMIN}.get(self.role)


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that may still be accepted, as members see it."""

    user_id: int
    email: str
    role: Role
    invited_by_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an invitation offers, as the one who is invited sees it."""

    advertiser_id: int
    slug: str
    advertiser_name: str
    role: Role
    invited_by_name: str
    user_id: int
    email: str
    has_password: bool
