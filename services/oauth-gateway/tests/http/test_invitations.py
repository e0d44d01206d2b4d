"""What an invitation's link does, for whom, and that it does so once."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.errors import InvitationExpired
from oauth_gateway.handlers import invitations, login, members
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import accounts
from oauth_gateway.store import invitations as stored_invitations
from sync_common.contracts.events import InvitationMailRequested
from sync_common.db import Database
from sync_common.runtime import ManualClock

from ..conftest import PASSWORD
from ..mail import last_link
from ..seed import Seed, until_somebody_waits
from .client import log_in, post, token_of

NEW_PASSWORD = "a wholly new one"


async def invited(
    gateway: Gateway,
    seed: Seed,
    email: str = "new@example.com",
    *,
    slug: str = "acme",
    role: Role = Role.MEMBER,
) -> str:
    """Return the link of an invitation that the first owner sent."""
    advertiser_id, name = seed.connection.execute(
        "SELECT id, name FROM gateway.advertisers WHERE slug = %s", [slug]
    ).fetchone() or (0, "")
    inviter = seed.scalar(
        "SELECT min(user_id) FROM gateway.memberships WHERE advertiser_id = %(a)s", a=advertiser_id
    )
    place = Membership(advertiser_id, slug, name, Role.OWNER)
    await members.invite(gateway, place, User(inviter, "", "Dana Reyes"), typed_email=email, typed_role=role)
    return last_link(seed, InvitationMailRequested)


async def add_user(database: Database, email: str, slug: str = "umbrella", role: Role = Role.OWNER) -> int:
    return await login.create_user(
        database,
        email=email,
        password=PASSWORD,
        name="Mel Ito",
        advertiser=slug.title(),
        slug=slug,
        role=role,
    )


async def register(browser: httpx.AsyncClient, link: str, **changed: str) -> httpx.Response:
    return await post(browser, link, link, **{"name": "New Person", "password": NEW_PASSWORD, **changed})


def roles(seed: Seed, email: str) -> dict[str, str]:
    """Return the advertisers a person belongs to, and as what."""
    rows = seed.connection.execute(
        """SELECT slug, role FROM gateway.memberships AS m JOIN gateway.advertisers AS a ON a.id = advertiser_id
           JOIN gateway.users AS u ON u.id = user_id WHERE email = %s""",
        [email],
    )
    return dict(rows.fetchall())


async def test_new_person_chooses_name_and_password_and_is_in(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed, role=Role.ADMIN)

    shown = (await browser.get(link)).text
    joined = await register(browser, link, name="  New\u202e \n Person ")
    landed = (await browser.get(joined.headers["location"])).text

    assert "Join Acme Apparel" in shown
    assert "Dana Reyes invites new@example.com to be an admin." in shown
    assert (joined.status_code, joined.headers["location"]) == (303, "/advertisers/acme/integrations")
    assert "You are now an admin of Acme Apparel." in landed
    assert roles(seed, "new@example.com") == {"acme": "admin"}
    assert seed.scalar("SELECT name FROM gateway.users WHERE email = 'new@example.com'") == "New Person"
    assert seed.scalar("SELECT count(*) FROM gateway.invitations") == 0
    browser.cookies.clear()
    assert (await log_in(browser, "new@example.com", NEW_PASSWORD)).status_code == 303


async def test_person_with_a_password_logs_in_and_accepts(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com")
    link = await invited(gateway, seed, "mel@example.com")

    shown = (await browser.get(link)).text
    login_page = shown.split('btn-primary" href="')[1].split('"')[0]
    form = (await browser.get(login_page)).text
    back = await post(browser, login_page, "/login", email="mel@example.com", password=PASSWORD, next=link)
    before = browser.cookies["session"]
    joined = await post(browser, link, link)

    assert "Log in to accept" in shown
    assert login_page == f"/login?next={link}"
    assert f'name="next" value="{link}"' in form
    assert back.headers["location"] == link
    assert joined.headers["location"] == "/advertisers/acme/integrations"
    assert roles(seed, "mel@example.com") == {"umbrella": "owner", "acme": "member"}
    assert browser.cookies["session"] != before
    browser.cookies.set("session", before)
    assert (await browser.get("/advertisers/acme/integrations")).headers["location"].startswith("/login")


@pytest.mark.parametrize("logged_in", [True, False])
async def test_nobody_else_accepts(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed, logged_in: bool
) -> None:
    await add_user(database, "mel@example.com")
    await add_user(database, "eve@example.com", slug="evil")
    link = await invited(gateway, seed, "mel@example.com")
    if logged_in:
        await log_in(browser, "eve@example.com")

    page = "/advertisers/evil/members" if logged_in else "/login"
    shown = (await browser.get(link)).text
    answer = await post(browser, page, link, name="Eve", password=NEW_PASSWORD)

    assert "Accept invitation" not in shown
    assert ("To accept, log in as mel@example.com." in shown) == logged_in
    assert answer.status_code == 403
    assert roles(seed, "mel@example.com") == {"umbrella": "owner"}
    assert roles(seed, "eve@example.com") == {"evil": "owner"}
    assert seed.scalar("SELECT count(*) FROM gateway.invitations") == 1
    assert await login.log_in(gateway, email="mel@example.com", password=PASSWORD, address="")


async def test_other_user_comes_back_after_changing_the_account(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com")
    link = await invited(gateway, seed, "mel@example.com")
    await log_in(browser)

    answer = await post(browser, link, "/logout", next=link)

    assert answer.headers["location"] == f"/login?next={link}"


async def test_new_person_ends_the_session_of_another_user(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed)
    await log_in(browser)
    before = browser.cookies["session"]

    joined = await register(browser, link)

    assert joined.status_code == 303
    assert browser.cookies["session"] != before
    assert seed.scalar("SELECT count(*) FROM gateway.sessions") == 1
    assert "new@example.com" in (await browser.get(joined.headers["location"])).text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": " \u202e "}, "Use 1 to 100 characters for your name."),
        ({"name": "x" * 101}, "Use 1 to 100 characters for your name."),
        ({"password": "ninechars"}, "The password needs 10 to 1024 characters."),
        ({"password": "x" * 1025}, "The password needs 10 to 1024 characters."),
    ],
)
async def test_unfit_name_or_password_leaves_the_invitation(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed, fields: dict[str, str], problem: str
) -> None:
    link = await invited(gateway, seed)

    refused = await register(browser, link, **fields)
    joined = await register(browser, link)

    assert refused.status_code == 422
    assert problem in refused.text
    assert joined.status_code == 303


async def test_looking_at_an_invitation_does_not_use_it_up(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed)

    assert [(await browser.get(link)).status_code for _ in range(3)] == [200] * 3
    assert (await register(browser, link)).status_code == 303


async def test_invitation_works_once(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed)
    await register(browser, link)
    seed.execute("DELETE FROM gateway.memberships WHERE role = 'member'")

    shown = await browser.get(link)
    used = await post_again(browser, link)

    assert (shown.status_code, used.status_code) == (410, 410)
    assert "This invitation no longer works" in shown.text
    assert roles(seed, "new@example.com") == {}


async def post_again(browser: httpx.AsyncClient, link: str) -> httpx.Response:
    """Send the form of an invitation that is gone, from a browser without a session."""
    browser.cookies.clear()
    return await post(browser, "/login", link, name="New Person", password=NEW_PASSWORD)


async def test_of_parallel_uses_one_wins(gateway: Gateway, acme: int, seed: Seed) -> None:
    token = (await invited(gateway, seed)).rpartition("/")[2]
    found = await invitations.find(gateway, token)

    uses = await asyncio.gather(
        *(
            invitations.register(gateway, None, found, token, name=f"New {n}", password=NEW_PASSWORD)
            for n in range(4)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(use, str) for use in uses) == 1
    assert sum(isinstance(use, InvitationExpired) for use in uses) == 3
    assert seed.scalar("SELECT count(*) FROM gateway.sessions") == 1


async def test_invitation_expires_after_a_week(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed, clock: ManualClock
) -> None:
    """One that was found in time and sent too late is refused as well."""
    link = await invited(gateway, seed)
    token = link.rpartition("/")[2]
    found = await invitations.find(gateway, token)

    clock.advance(timedelta(days=7).total_seconds())

    assert (await browser.get(link)).status_code == 410
    assert (await post_again(browser, link)).status_code == 410
    with pytest.raises(InvitationExpired):
        await invitations.register(gateway, None, found, token, name="New", password=NEW_PASSWORD)
    assert roles(seed, "new@example.com") == {}


@pytest.mark.parametrize("token", ["0" * 64, "x", "%00"])
async def test_unknown_invitation_is_told_so(browser: httpx.AsyncClient, acme: int, token: str) -> None:
    assert (await browser.get(f"/invitations/{token}")).status_code == 410


async def test_first_password_is_chosen_once(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    """Two advertisers invite the same new person: the second invitation must not set the password anew."""
    await add_user(database, "eve@example.com")
    first, second = await invited(gateway, seed), await invited(gateway, seed, slug="umbrella")
    await register(browser, first)

    outrun = await post_again(browser, second)
    shown = (await browser.get(second)).text

    assert "Log in to accept" in shown
    assert outrun.status_code == 403
    assert await login.log_in(gateway, email="new@example.com", password=NEW_PASSWORD, address="")
    assert roles(seed, "new@example.com") == {"acme": "member"}


async def test_first_password_cannot_be_chosen_twice_at_once(
    gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "eve@example.com")
    links = [await invited(gateway, seed), await invited(gateway, seed, slug="umbrella")]
    tokens = [link.rpartition("/")[2] for link in links]
    found = [await invitations.find(gateway, token) for token in tokens]

    ends = await asyncio.gather(
        *(
            invitations.register(gateway, None, invitation, token, name="New", password=NEW_PASSWORD + token)
            for invitation, token in zip(found, tokens, strict=True)
        ),
        return_exceptions=True,
    )

    assert sorted(type(end).__name__ for end in ends) == ["StaleForm", "str"]
    assert len(roles(seed, "new@example.com")) == 1
    assert seed.scalar("SELECT count(*) FROM gateway.invitations") == 1


async def test_inviting_again_while_somebody_accepts_waits_for_nobody_in_a_circle(
    gateway: Gateway, acme: int, seed: Seed
) -> None:
    """Whoever invites must not hold the user while whoever accepts holds the invitation."""
    token = (await invited(gateway, seed)).rpartition("/")[2]
    async with gateway.database.transaction(advertiser_id=acme) as accepting:
        await stored_invitations.take(accepting, secret_hash(token), gateway.clock.now())
        inviting = asyncio.create_task(invited(gateway, seed))
        await until_somebody_waits(seed)
        user_id = seed.scalar("SELECT id FROM gateway.users WHERE email = 'new@example.com'")
        await accounts.register(accepting, user_id, name="New", password_hash="-")

    assert (await inviting).startswith("/invitations/")


async def test_who_is_a_member_already_keeps_their_role(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, database: Database, seed: Seed
) -> None:
    await add_user(database, "mel@example.com")
    link = await invited(gateway, seed, "mel@example.com")
    await add_user(database, "mel@example.com", slug="acme", role=Role.OWNER)
    await log_in(browser, "mel@example.com")

    joined = await post(browser, link, link)

    assert joined.status_code == 303
    assert roles(seed, "mel@example.com")["acme"] == "owner"


async def test_address_of_an_invitation_is_named_to_nobody(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed)

    answers = [await browser.get(link), await browser.get(f"{link}x")]

    assert {answer.headers["referrer-policy"] for answer in answers} == {"no-referrer"}


async def test_form_without_its_token_joins_nobody(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    link = await invited(gateway, seed)
    token = await token_of(browser, link)
    fields = {"name": "New", "password": NEW_PASSWORD}

    answers = [
        await browser.post(link, data=fields),
        await browser.post(link, data={**fields, "csrf": token}, headers={"origin": "https://evil.example"}),
        await browser.post(link, data={**fields, "csrf": token}, headers={"origin": "null"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert roles(seed, "new@example.com") == {}
