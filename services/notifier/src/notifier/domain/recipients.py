"""Who gets a mail about a store: the requirements' lists, narrowed by what each person switched off."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user is to an advertiser."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A member of an advertiser with their wishes."""

    user_id: int
    role: Role
    advertiser_slug: str
    notify_sync_complete: bool
    notify_sync_failed: bool
    notify_store_disconnected: bool

    @property
    def is_in_charge(self) -> bool:
        """Say whether this is the owner or an admin."""
        return self.role in (Role.OWNER, Role.ADMIN)


def of_sync_complete(members: Iterable[Recipient], triggered_by_user_id: int | None) -> list[Recipient]:
    """Return the owner and whoever triggered the sync, where they want this mail."""
    return [
        member
        for member in members
        if member.notify_sync_complete
        and (member.role is Role.OWNER or member.user_id == triggered_by_user_id)
    ]


def of_sync_failed(members: Iterable[Recipient]) -> list[Recipient]:
    """Return the owner and the admins who want this mail."""
    return [member for member in members if member.is_in_charge and member.notify_sync_failed]


def of_store_disconnected(members: Iterable[Recipient]) -> list[Recipient]:
    """Return the owner, who cannot switch this mail off, and the admins who want it."""
    return [
        member
        for member in members
        if member.role is Role.OWNER or (member.is_in_charge and member.notify_store_disconnected)
    ]
