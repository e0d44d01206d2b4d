"""Who belongs to an advertiser: invite, withdraw, change a role, remove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.domain.accounts import NAME_LENGTH_MAX, clean_email
from oauth_gateway.domain.members import Member, OpenInvitation
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.domain.throttle import MAIL_WINDOW, invitation_buckets
from oauth_gateway.errors import InvalidInput, NotFound, OwnersOnly
from oauth_gateway.handlers import mail
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.throttling import count_attempt
from oauth_gateway.store import accounts, invitations, members
from sync_common.contracts.events import InvitationMailRequested
from sync_common.db import Transaction

INVITATION_LIFETIME: Final = timedelta(days=7)
_NO_ROLE: Final = "Choose one of the roles in the list."


@dataclass(frozen=True, slots=True)
class People:
    """Everybody the members page shows."""

    members: Sequence[Member]
    invitations: Sequence[OpenInvitation]


async def people(gateway: Gateway, membership: Membership) -> People:
    """Return the members, and to those who may invite also who is invited."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        invited = await invitations.open_invitations(tx, gateway.clock.now()) if membership.can_manage else ()
        return People(await members.members(tx), invited)


async def invite(
    gateway: Gateway, membership: Membership, user: User, *, typed_email: str, typed_role: str
) -> str:
    """Mail an invitation, in place of an earlier one to the same address; return the address.

    An address without an account gets one that nobody can log in to until the invitation is accepted, so that
    whoever invites does not learn which addresses have one.
    """
    email, role = clean_email(typed_email), _role(typed_role, membership.may_invite)
    if email is None:
        raise InvalidInput("That is not an email address. Check it and try again.")
    advertiser_id, now = membership.advertiser_id, gateway.clock.now()
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        await count_attempt(tx, invitation_buckets(advertiser_id), now=now, window=MAIL_WINDOW)
        user_id = await accounts.ensure_user(tx, email=email, name=email.split("@")[0][:NAME_LENGTH_MAX])
        if await members.member(tx, user_id):
            raise InvalidInput(f"{email} is a member already.")
        await _send_invitation(gateway, tx, membership, user, user_id=user_id, role=role)
    return email


async def withdraw(gateway: Gateway, membership: Membership, user_id: int) -> None:
    """Make an invitation useless; raise NotFound when there is none."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        if not await invitations.withdraw(tx, user_id):
            raise NotFound("invitation")


async def member(gateway: Gateway, membership: Membership, user: User, user_id: int) -> Member:
    """Return a member that this owner may remove."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        return await _in_owners_hands(tx, user, user_id)


async def change_role(
    gateway: Gateway, membership: Membership, user: User, user_id: int, typed_role: str
) -> tuple[Member, Role]:
    """Turn an admin into a member or back; return the member as they were, and the new role."""
    role = _role(typed_role, (Role.ADMIN, Role.MEMBER))
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        before = await _in_owners_hands(tx, user, user_id)
        if before.role is Role.OWNER:
            raise InvalidInput("An owner stays an owner.")
        await members.set_role(tx, user_id, role)
        if role is Role.MEMBER:
            await invitations.withdraw_all_of(tx, user_id)
    return before, role


async def remove(gateway: Gateway, membership: Membership, user: User, user_id: int) -> Member:
    """End a membership, and with it the invitations that this member sent; return it as it was."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        removed = await _in_owners_hands(tx, user, user_id)
        await invitations.withdraw_all_of(tx, user_id)
        await members.remove(tx, user_id)
    return removed


async def _in_owners_hands(tx: Transaction, owner: User, user_id: int) -> Member:
    """Return a member whom this owner may change now; raise NotFound for a foreign one.

    Nobody changes themselves, and whoever changes others is an owner until they are done: so the last owner stays,
    even when two remove each other at once.
    """
    if owner.id not in await members.lock_owners(tx):
        raise OwnersOnly
    if owner.id == user_id:
        raise InvalidInput("You can't change or remove yourself. Another owner can.")
    found = await members.member(tx, user_id)
    if found is None:
        raise NotFound("member")
    return found


async def _send_invitation(
    gateway: Gateway, tx: Transaction, membership: Membership, inviter: User, *, user_id: int, role: Role
) -> None:
    token, now = gateway.new_token(), gateway.clock.now()
    expires_at = now + INVITATION_LIFETIME
    await invitations.put(
        tx,
        advertiser_id=membership.advertiser_id,
        user_id=user_id,
        token_hash=secret_hash(token),
        role=role,
        invited_by=inviter.id,
        now=now,
        expires_at=expires_at,
    )
    request = InvitationMailRequested(
        user_id=user_id,
        advertiser_id=membership.advertiser_id,
        advertiser_name=membership.name,
        invited_by_name=inviter.name,
        sealed_token=mail.sealed_token(gateway, InvitationMailRequested, user_id, token),
        expires_at=expires_at,
    )
    await mail.publish(gateway, tx, request)


def _role(typed: str, allowed: Sequence[Role]) -> Role:
    for role in allowed:
        if role == typed:
            return role
    raise InvalidInput(_NO_ROLE)
