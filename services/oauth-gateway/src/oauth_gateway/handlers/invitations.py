"""Accepting an invitation: as the user who is invited, or as somebody who becomes one by it."""

from oauth_gateway.domain.accounts import NAME_LENGTH_MAX, PASSWORD_RULE, clean_person_name, is_fit_password
from oauth_gateway.domain.members import Invitation
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.errors import InvalidInput, InvitationExpired, StaleForm
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.login import Visit
from oauth_gateway.store import accounts, invitations, members
from sync_common.db import Transaction


async def find(gateway: Gateway, token: str) -> Invitation:
    """Return what an invitation offers; raise InvitationExpired when it offers nothing any more.

    A look at it never uses it up: scanners of mail look, too.
    """
    async with gateway.database.transaction() as tx:
        invitation = await invitations.find(tx, secret_hash(token), gateway.clock.now())
    if invitation is None:
        raise InvitationExpired
    return invitation


async def accept(gateway: Gateway, visit: Visit | None, invitation: Invitation, token: str) -> str:
    """Make the visitor a member, if they are the one who is invited; return the session's new secret."""
    if visit is None or visit.user.id != invitation.user_id:
        raise StaleForm("another user")
    session = gateway.new_token()
    async with gateway.database.transaction(advertiser_id=invitation.advertiser_id) as tx:
        await _join(gateway, tx, invitation, token)
        await accounts.replace_session(tx, old_hash=visit.token_hash, new_hash=secret_hash(session))
    return session


async def register(
    gateway: Gateway, visit: Visit | None, invitation: Invitation, token: str, *, name: str, password: str
) -> str:
    """Make somebody without a password a user and a member; return the secret of their session.

    The session of another user in this browser ends.
    """
    chosen = clean_person_name(name)
    if chosen is None:
        raise InvalidInput(f"Use 1 to {NAME_LENGTH_MAX} characters for your name.")
    if not is_fit_password(password):
        raise InvalidInput(PASSWORD_RULE)
    hashed = await login.hash_password(password)
    async with gateway.database.transaction(advertiser_id=invitation.advertiser_id) as tx:
        await _join(gateway, tx, invitation, token)
        if not await accounts.register(tx, invitation.user_id, name=chosen, password_hash=hashed):
            raise StaleForm("password")  # chosen meanwhile, by another invitation: they can log in now
        if visit is not None:
            await accounts.close_session(tx, visit.token_hash)
        return await login.begin_session(gateway, tx, invitation.user_id)


async def _join(gateway: Gateway, tx: Transaction, invitation: Invitation, token: str) -> None:
    if not await invitations.take(tx, secret_hash(token), gateway.clock.now()):
        raise InvitationExpired
    await members.join(
        tx, advertiser_id=invitation.advertiser_id, user_id=invitation.user_id, role=invitation.role
    )
