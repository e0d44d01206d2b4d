"""Members and invitations as those who are inside manage them."""

import asyncio
import base64
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.errors import InvalidInput, OwnersOnly
from oauth_gateway.handlers import login, members
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import members as stored_members
from sync_common.contracts.events import InvitationMailRequested, PasswordResetMailRequested
from sync_common.db import Database
from sync_common.runtime import ManualClock, SealBroken

from ..conftest import KEYS, PASSWORD
from ..mail import last_link, mails
from ..seed import Seed, until_somebody_waits
from .client import SHOPIFY, log_in, post

MEMBERS = "/advertisers/acme/members"
INVITATIONS = f"{MEMBERS}/invitations"


async def add_user(database: Database, email: str, role: Role, slug: str = "acme") -> int:
    return await login.create_user(
        database,
        email=email,
        password=PASSWORD,
        name="Mel Ito",
        advertiser=slug.title(),
        slug=slug,
        role=role,
    )


async def invite(
    browser: httpx.AsyncClient, email: str = "new@example.com", role: str = "member"
) -> httpx.Response:
    return await post(browser, MEMBERS, INVITATIONS, email=email, role=role)


def role_of(seed: Seed, user_id: int) -> str | None:
    role: str | None = seed.scalar("SELECT role FROM gateway.memberships WHERE user_id = %(u)s", u=user_id)
    return role


async def test_members_are_listed_with_address_and_role(
    browser: httpx.AsyncClient, acme: int, database: Database
) -> None:
    await add_user(database, "mel@example.com", Role.MEMBER)
    await add_user(database, "eve@example.com", Role.OWNER, slug="umbrella")
    await log_in(browser)

    page = (await browser.get(MEMBERS)).text

    assert '/members" aria-current="page"' in page
    assert "<b>Dana Reyes</b>" in page
    assert "<small>dana@example.com</small>" in page
    assert "<small>mel@example.com</small>" in page
    assert "<td>Owner</td>" in page
    assert "<td>Member</td>" in page
    assert "eve@example.com" not in page


async def test_owner_invites_by_sealed_mail(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    await log_in(browser)

    answer = await invite(browser, " New.Person@Example.com ", "admin")
    page = (await browser.get(MEMBERS)).text

    assert (answer.status_code, answer.headers["location"]) == (303, MEMBERS)
    assert "Invitation sent to new.person@example.com." in page
    assert "Open invitations (1)" in page
    assert "by Dana Reyes · expires in 7 days" in page
    [mail] = mails(seed)
    token = last_link(seed, InvitationMailRequested).rpartition("/")[2]
    invited = seed.scalar("SELECT id FROM gateway.users WHERE email = 'new.person@example.com'")
    assert mail == {
        "user_id": invited,
        "advertiser_id": acme,
        "advertiser_name": "Acme Apparel",
        "invited_by_name": "Dana Reyes",
        "sealed_token": mail["sealed_token"],
        "expires_at": "2026-11-29T16:00:00Z",
    }
    assert len(bytes.fromhex(token)) == 32
    assert token not in mail["sealed_token"]
    assert seed.scalar("SELECT token_hash = sha256(%(t)s) FROM gateway.invitations", t=token.encode())
    sealed = base64.urlsafe_b64decode(mail["sealed_token"])
    with pytest.raises(SealBroken):
        KEYS.open(sealed, context=PasswordResetMailRequested.sealing_context(invited))


async def test_invited_address_gets_an_account_that_nothing_opens(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """Neither a password, not even an empty one, nor a link for a forgotten one."""
    await log_in(browser)
    await invite(browser)
    browser.cookies.clear()

    tried = [await log_in(browser, "new@example.com", password) for password in ("", "!", "None", PASSWORD)]
    await post(browser, "/password/forgot", "/password/forgot", email="new@example.com")

    assert [answer.status_code for answer in tried] == [422] * 4
    assert seed.scalar("SELECT name FROM gateway.users WHERE password_hash IS NULL") == "new"
    assert len(mails(seed)) == 1


@pytest.mark.parametrize(
    ("inviter", "role", "status"),
    [
        (Role.OWNER, "admin", 303),
        (Role.OWNER, "member", 303),
        (Role.OWNER, "owner", 422),
        (Role.OWNER, "", 422),
        (Role.ADMIN, "member", 303),
        (Role.ADMIN, "admin", 422),
        (Role.ADMIN, "owner", 422),
        (Role.MEMBER, "member", 403),
    ],
)
async def test_each_role_invites_to_lesser_ones(
    browser: httpx.AsyncClient,
    acme: int,
    database: Database,
    seed: Seed,
    inviter: Role,
    role: str,
    status: int,
) -> None:
    await add_user(database, "mel@example.com", inviter)
    await log_in(browser, "mel@example.com")

    answer = await invite(browser, role=role)

    assert answer.status_code == status
    assert len(mails(seed)) == seed.scalar("SELECT count(*) FROM gateway.invitations") == (status == 303)


async def test_member_sees_members_and_no_way_to_change_them(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    await log_in(browser)
    await invite(browser)
    browser.cookies.clear()
    await add_user(database, "mel@example.com", Role.MEMBER)
    await log_in(browser, "mel@example.com")

    page = (await browser.get(MEMBERS)).text

    assert "dana@example.com" in page
    for hidden in ("Invite somebody", "Open invitations", "new@example.com", "Remove", "Make "):
        assert hidden not in page


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ("nobody", "That is not an email address."),
        ("dana@example.com", "dana@example.com is a member already."),
    ],
)
async def test_what_cannot_be_invited_is_told(
    browser: httpx.AsyncClient, acme: int, seed: Seed, email: str, problem: str
) -> None:
    await log_in(browser)

    answer = await invite(browser, email, "admin")

    assert answer.status_code == 422
    assert '<option value="admin" selected>' in answer.text
    assert problem in answer.text
    assert f'value="{email}"' in answer.text
    assert mails(seed) == []


async def test_inviting_again_replaces_the_invitation(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)
    await invite(browser, role="admin")
    first = last_link(seed, InvitationMailRequested)
    await invite(browser, role="member")
    second = last_link(seed, InvitationMailRequested)

    answers = [(await browser.get(link)).status_code for link in (first, second)]

    assert answers == [410, 200]
    assert seed.scalar("SELECT array_agg(role) FROM gateway.invitations") == ["member"]


async def test_advertiser_sends_so_many_invitations_an_hour(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    await log_in(browser)
    for number in range(20):
        assert (await invite(browser, f"{number}@example.com")).status_code == 303

    blocked = await invite(browser)
    clock.advance(timedelta(hours=1).total_seconds() + 1)
    later = await invite(browser)

    assert blocked.status_code == 429
    assert "Wait an hour" in blocked.text
    assert later.status_code == 303
    assert len(mails(seed)) == 21


async def test_withdrawn_invitation_no_longer_works(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)
    await invite(browser)
    invited = mails(seed)[0]["user_id"]

    answer = await post(browser, MEMBERS, f"{INVITATIONS}/{invited}/withdraw")
    again = await post(browser, MEMBERS, f"{INVITATIONS}/{invited}/withdraw")

    assert (answer.status_code, again.status_code) == (303, 404)
    assert (await browser.get(last_link(seed, InvitationMailRequested))).status_code == 410
    assert "Open invitations" not in (await browser.get(MEMBERS)).text


async def test_expired_invitation_is_not_listed(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock
) -> None:
    await log_in(browser)
    await invite(browser)
    clock.advance(timedelta(days=7).total_seconds())
    browser.cookies.clear()
    await log_in(browser)

    assert "Open invitations" not in (await browser.get(MEMBERS)).text


async def test_owner_changes_a_role_with_undo(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    mel = await add_user(database, "mel@example.com", Role.MEMBER)
    await log_in(browser)

    answer = await post(browser, MEMBERS, f"{MEMBERS}/{mel}/role", role="admin")
    page = (await browser.get(answer.headers["location"])).text

    assert answer.status_code == 303
    assert role_of(seed, mel) == "admin"
    assert "Mel Ito is now an admin." in page
    assert 'name="role" value="member"><button type="submit">Undo' in page.replace("\n", "")


@pytest.mark.parametrize("role", ["owner", "", "emperor"])
async def test_role_is_one_of_two(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, role: str
) -> None:
    mel = await add_user(database, "mel@example.com", Role.MEMBER)
    await log_in(browser)

    answer = await post(browser, MEMBERS, f"{MEMBERS}/{mel}/role", role=role)

    assert answer.status_code == 422
    assert role_of(seed, mel) == "member"


async def test_removed_member_sees_nothing_from_then_on(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    mel = await add_user(database, "mel@example.com", Role.ADMIN)
    session = await login.log_in(gateway, email="mel@example.com", password=PASSWORD, address="")
    await log_in(browser)

    asked = (await browser.get(f"{MEMBERS}/{mel}/remove")).text
    answer = await post(browser, MEMBERS, f"{MEMBERS}/{mel}/remove")
    page = (await browser.get(MEMBERS)).text
    browser.cookies.clear()
    browser.cookies.set("session", session)

    assert "Remove Mel Ito?" in asked
    assert answer.status_code == 303
    assert "Mel Ito removed." in page
    assert (await browser.get(SHOPIFY)).status_code == 404


@pytest.mark.parametrize("action", ["remove", "role"])
async def test_invitations_of_a_removed_or_demoted_admin_are_withdrawn(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, action: str
) -> None:
    mel = await add_user(database, "mel@example.com", Role.ADMIN)
    await log_in(browser, "mel@example.com")
    await invite(browser, "friend@example.com")
    browser.cookies.clear()
    await log_in(browser)
    await invite(browser)

    await post(browser, MEMBERS, f"{MEMBERS}/{mel}/{action}", role="member")

    assert seed.scalar("SELECT count(*) FROM gateway.invitations") == 1
    assert (await browser.get(last_link(seed, InvitationMailRequested))).status_code == 200


@pytest.mark.parametrize("action", ["remove", "role"])
async def test_last_owner_stays(browser: httpx.AsyncClient, acme: int, seed: Seed, action: str) -> None:
    dana = seed.scalar("SELECT id FROM gateway.users")
    await log_in(browser)

    answer = await post(browser, MEMBERS, f"{MEMBERS}/{dana}/{action}", role="member")
    asked = await browser.get(f"{MEMBERS}/{dana}/remove")

    assert (answer.status_code, asked.status_code) == (422, 422)
    assert "You can&#39;t change or remove yourself." in answer.text
    assert role_of(seed, dana) == "owner"


async def test_owners_may_be_removed_and_not_demoted(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    mel = await add_user(database, "mel@example.com", Role.OWNER)
    await log_in(browser)

    demoted = await post(browser, MEMBERS, f"{MEMBERS}/{mel}/role", role="member")
    kept = role_of(seed, mel)
    removed = await post(browser, MEMBERS, f"{MEMBERS}/{mel}/remove")

    assert (demoted.status_code, kept) == (422, "owner")
    assert removed.status_code == 303
    assert role_of(seed, mel) is None


async def test_owners_who_remove_each_other_leave_one(
    gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    dana = seed.scalar("SELECT id FROM gateway.users")
    mel = await add_user(database, "mel@example.com", Role.OWNER)
    place = Membership(acme, "acme", "Acme Apparel", Role.OWNER)

    async with database.transaction(advertiser_id=acme) as removing:
        await stored_members.remove(removing, mel)
        back = asyncio.create_task(members.remove(gateway, place, User(mel, "", ""), dana))
        await until_somebody_waits(seed)

    with pytest.raises(OwnersOnly):
        await back
    assert role_of(seed, dana) == "owner"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
async def test_owners_alone_change_members(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, role: Role
) -> None:
    kim = await add_user(database, "kim@example.com", Role.MEMBER)
    await add_user(database, "mel@example.com", role)
    await log_in(browser, "mel@example.com")

    page = (await browser.get(MEMBERS)).text
    answers = [
        await browser.get(f"{MEMBERS}/{kim}/remove"),
        await post(browser, MEMBERS, f"{MEMBERS}/{kim}/remove"),
        await post(browser, MEMBERS, f"{MEMBERS}/{kim}/role", role="admin"),
    ]

    assert "Remove" not in page
    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("For owners only" in answer.text for answer in answers)
    assert role_of(seed, kim) == "member"


async def test_owner_demoted_meanwhile_changes_nobody(
    gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    dana = seed.scalar("SELECT id FROM gateway.users")
    mel = await add_user(database, "mel@example.com", Role.ADMIN)

    with pytest.raises(OwnersOnly):
        await members.remove(gateway, Membership(acme, "acme", "", Role.OWNER), User(mel, "", ""), dana)
    with pytest.raises(InvalidInput):
        await members.remove(gateway, Membership(acme, "acme", "", Role.OWNER), User(dana, "", ""), dana)


@pytest.mark.parametrize("slug", ["acme", "umbrella"])
@pytest.mark.parametrize("path", ["{eve}/remove", "{eve}/role", "invitations/{invited}/withdraw", "0/remove"])
async def test_foreign_members_and_invitations_are_not_found(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed, slug: str, path: str
) -> None:
    await add_user(database, "eve@example.com", Role.OWNER, slug="umbrella")
    eve = await add_user(database, "kim@example.com", Role.ADMIN, slug="umbrella")
    seed.execute(
        """INSERT INTO gateway.invitations (advertiser_id, user_id, token_hash, role, invited_by, expires_at)
           SELECT advertiser_id, (SELECT id FROM gateway.users WHERE email = 'dana@example.com'), sha256('t'),
               'member', user_id, 'infinity' FROM gateway.memberships WHERE user_id = %(eve)s""",
        eve=eve,
    )
    invited = seed.scalar("SELECT user_id FROM gateway.invitations")
    await log_in(browser)
    url = f"/advertisers/{slug}/members/{path.format(eve=eve, invited=invited)}"

    answer = await post(browser, MEMBERS, url, role="member")

    assert answer.status_code == 404
    assert role_of(seed, eve) == "admin"
    assert seed.scalar("SELECT count(*) FROM gateway.invitations") == 1
    assert "eve@" not in (await browser.get(MEMBERS)).text


@pytest.mark.parametrize("path", ["99999999999999999999/remove", "x/role", "-1/role"])
async def test_odd_members_are_not_found(browser: httpx.AsyncClient, acme: int, path: str) -> None:
    await log_in(browser)

    assert (await post(browser, MEMBERS, f"{MEMBERS}/{path}")).status_code == 404


async def test_log_in_and_theme_return_to_this_page(browser: httpx.AsyncClient, acme: int) -> None:
    sent = await browser.get(MEMBERS)
    await log_in(browser)
    themed = await post(browser, MEMBERS, "/theme", return_to=MEMBERS)

    assert sent.headers["location"] == f"/login?next={MEMBERS}"
    assert login_next(sent) == themed.headers["location"] == MEMBERS


def login_next(answer: httpx.Response) -> str:
    return answer.headers["location"].partition("next=")[2]
