"""Forgotten passwords: who gets a link, what it does, and that it does so once."""

import asyncio
import base64
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.errors import ResetExpired
from oauth_gateway.handlers import login, password_reset
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import accounts, password_resets
from sync_common.contracts.events import PasswordResetMailRequested
from sync_common.runtime import ManualClock, SealBroken

from ..conftest import KEYS, PASSWORD
from ..mail import last_link, mails
from ..seed import Seed, until_somebody_waits
from .client import log_in, post, token_of

FORGOT = "/password/forgot"
NEW_PASSWORD = "a wholly new one"


async def ask(browser: httpx.AsyncClient, email: str = "dana@example.com") -> httpx.Response:
    return await post(browser, FORGOT, FORGOT, email=email)


async def asked_link(browser: httpx.AsyncClient, seed: Seed) -> str:
    await ask(browser)
    return last_link(seed, PasswordResetMailRequested)


async def test_forgotten_password_is_replaced_by_mail(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    start = (await browser.get("/login")).text
    asked = await ask(browser, " Dana@Example.com ")
    told = (await browser.get(asked.headers["location"])).text
    link = last_link(seed, PasswordResetMailRequested)
    form = await browser.get(link)
    changed = await post(browser, link, link, password=NEW_PASSWORD)
    back = (await browser.get(changed.headers["location"])).text
    old, new = await log_in(browser), await log_in(browser, password=NEW_PASSWORD)

    assert f'href="{FORGOT}">Forgot your password?' in start
    assert asked.status_code == changed.status_code == 303
    assert "If there is an account for that address, we have sent it a link." in told
    assert "Choose a new password" in form.text
    assert changed.headers["location"].startswith("/login?")
    assert "Your password was changed." in back
    assert (old.status_code, new.status_code) == (422, 303)


async def test_mail_carries_its_token_sealed_and_the_table_its_hash(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    token = (await asked_link(browser, seed)).rpartition("/")[2]
    mail = mails(seed)[0]
    user_id = seed.scalar("SELECT id FROM gateway.users")
    sealed = base64.urlsafe_b64decode(mail["sealed_token"])

    assert len(bytes.fromhex(token)) == 32
    assert mail["user_id"] == user_id
    assert mail["expires_at"] == "2026-11-22T17:00:00Z"
    assert seed.scalar("SELECT key FROM gateway.outbox") == f"user/{user_id}"
    assert seed.scalar("SELECT sha256(%(t)s) = token_hash FROM gateway.password_resets", t=token.encode())
    assert token not in seed.scalar("SELECT body FROM gateway.outbox")
    with pytest.raises(SealBroken):
        KEYS.open(sealed, context=PasswordResetMailRequested.sealing_context(user_id + 1))


async def test_unknown_address_gets_the_same_answer_and_no_mail(
    browser: httpx.AsyncClient, acme: int, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer hashes a password either: the time would tell what the page does not."""
    monkeypatch.setattr(login, "_hasher", None)

    known, unknown = await ask(browser), await ask(browser, "nobody@example.com")

    assert (known.status_code, known.headers["location"]) == (
        unknown.status_code,
        unknown.headers["location"],
    )
    assert known.content == unknown.content
    assert len(mails(seed)) == 1


@pytest.mark.parametrize("email", ["", "dana", "dana@example", "a\0@example.com", f"{'a' * 250}@example.com"])
async def test_what_is_no_address_is_told(
    browser: httpx.AsyncClient, acme: int, seed: Seed, email: str
) -> None:
    answer = await ask(browser, email)

    assert answer.status_code == 422
    assert "That is not an email address." in answer.text


async def test_nobody_floods_a_mailbox(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    """The answer stays the same; after the hour in which a link works, there is another one."""
    for _ in range(5):
        answer = await ask(browser)
        assert answer.status_code == 303
    flooded = len(mails(seed))

    clock.advance(timedelta(hours=1).total_seconds())
    await ask(browser)

    assert (flooded, len(mails(seed))) == (3, 4)


async def test_parallel_wishes_do_not_outrun_the_limit(gateway: Gateway, acme: int, seed: Seed) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(12):
            wish = password_reset.ask(gateway, email="dana@example.com", address=f"192.0.2.{number}")
            group.create_task(wish)

    assert len(mails(seed)) == 3


async def test_one_client_asks_so_often_and_no_more(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    for number in range(20):
        assert (await ask(browser, f"{number}@example.com")).status_code == 303

    blocked = await ask(browser)
    clock.advance(timedelta(hours=1).total_seconds() + 1)
    later = await ask(browser)

    assert blocked.status_code == 429
    assert "Too many requests." in blocked.text
    assert later.status_code == 303
    assert len(mails(seed)) == 1


async def test_looking_at_a_link_does_not_use_it_up(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """Scanners of mail follow links."""
    link = await asked_link(browser, seed)

    looked = [(await browser.get(link)).status_code for _ in range(3)]
    changed = await post(browser, link, link, password=NEW_PASSWORD)

    assert looked == [200] * 3
    assert changed.status_code == 303


async def test_link_works_once(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    link = await asked_link(browser, seed)
    token = await token_of(browser, link)

    first = await browser.post(link, data={"csrf": token, "password": NEW_PASSWORD})
    second = await browser.post(link, data={"csrf": token, "password": "not this one any more"})

    assert (first.status_code, second.status_code) == (303, 410)
    assert "This link no longer works" in second.text
    assert f'href="{FORGOT}"' in second.text
    assert (await log_in(browser, password=NEW_PASSWORD)).status_code == 303


async def test_of_parallel_uses_one_wins(
    gateway: Gateway, browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """Be they of one link or of two: the first ends the others."""
    links = [await asked_link(browser, seed), await asked_link(browser, seed)] * 2

    uses = await asyncio.gather(
        *(
            password_reset.finish(gateway, link.rpartition("/")[2], password=NEW_PASSWORD, address="")
            for link in links
        ),
        return_exceptions=True,
    )

    assert sorted(type(use).__name__ for use in uses) == ["NoneType", *["ResetExpired"] * 3]


async def test_two_links_used_at_once_do_not_wait_in_a_circle(
    gateway: Gateway, browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """Whoever uses one link must not hold it while another use of the same user ends it."""
    token = (await asked_link(browser, seed)).rpartition("/")[2]
    async with gateway.database.transaction() as using:
        stored = await accounts.user_by_email(using, "dana@example.com", for_update=True)
        assert stored is not None
        late = asyncio.create_task(password_reset.finish(gateway, token, password=NEW_PASSWORD, address=""))
        await until_somebody_waits(seed)
        await password_resets.forget(using, stored.user.id)

    with pytest.raises(ResetExpired):
        await late


async def test_link_expires_after_an_hour(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    link = await asked_link(browser, seed)
    token = await token_of(browser, link)

    clock.advance(timedelta(hours=1).total_seconds())
    shown = await browser.get(link)
    used = await browser.post(link, data={"csrf": token, "password": NEW_PASSWORD})

    assert (shown.status_code, used.status_code) == (410, 410)
    assert (await log_in(browser)).status_code == 303


@pytest.mark.parametrize("token", ["0" * 64, "x", "%F0%9F%98%80", "%00"])
async def test_unknown_link_is_told_so(browser: httpx.AsyncClient, acme: int, token: str) -> None:
    answer = await browser.get(f"/password/reset/{token}")

    assert answer.status_code == 410
    assert "This link no longer works" in answer.text


@pytest.mark.parametrize("password", ["", "ninechars", "x" * 1025])
async def test_unfit_password_is_refused_and_leaves_the_link(
    browser: httpx.AsyncClient, acme: int, seed: Seed, password: str
) -> None:
    link = await asked_link(browser, seed)

    refused = await post(browser, link, link, password=password)
    changed = await post(browser, link, link, password=NEW_PASSWORD)

    assert refused.status_code == 422
    assert "The password needs 10 to 1024 characters." in refused.text
    assert changed.status_code == 303


async def test_new_password_ends_every_session_and_every_other_link(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    await log_in(browser)
    other, link = await asked_link(browser, seed), await asked_link(browser, seed)
    before = await browser.get("/advertisers/acme/integrations")

    await post(browser, link, link, password=NEW_PASSWORD)
    after = await browser.get("/advertisers/acme/integrations")

    assert (before.status_code, after.status_code) == (200, 303)
    assert (await browser.get(other)).status_code == 410
    assert seed.scalar("SELECT count(*) FROM gateway.sessions") == 0


async def test_new_password_leaves_other_people_alone(
    browser: httpx.AsyncClient, gateway: Gateway, acme: int, seed: Seed
) -> None:
    seed.execute(
        """INSERT INTO gateway.users (email, name, password_hash)
           SELECT 'mel@example.com', 'Mel', password_hash FROM gateway.users"""
    )
    await login.log_in(gateway, email="mel@example.com", password=PASSWORD, address="192.0.2.9")
    await ask(browser, "mel@example.com")
    link = await asked_link(browser, seed)

    await post(browser, link, link, password=NEW_PASSWORD)

    assert seed.scalar("SELECT count(*) FROM gateway.sessions") == 1
    assert seed.scalar("SELECT count(*) FROM gateway.password_resets") == 1
    assert await login.log_in(gateway, email="mel@example.com", password=PASSWORD, address="192.0.2.9")


async def test_guesses_before_do_not_pause_the_log_in_after(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    for _ in range(6):
        await log_in(browser, password="was it this one?")
    link = await asked_link(browser, seed)

    await post(browser, link, link, password=NEW_PASSWORD)

    assert (await log_in(browser, password=NEW_PASSWORD)).status_code == 303


async def test_address_of_a_link_is_named_to_nobody(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """A referrer would carry the token to whatever the page leads to."""
    link = await asked_link(browser, seed)

    answers = [await browser.get(link), await browser.get(f"{link}x"), await browser.get(f"{link}/x")]

    assert [answer.status_code for answer in answers] == [200, 410, 404]
    assert {answer.headers["referrer-policy"] for answer in answers} == {"no-referrer"}
    assert (await browser.get(FORGOT)).headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("sent_from", "status"), [("same-origin", 303), ("cross-site", 403), ("same-site", 403), ("", 403)]
)
async def test_form_without_a_referrer_proves_its_origin_otherwise(
    browser: httpx.AsyncClient, acme: int, seed: Seed, sent_from: str, status: int
) -> None:
    """Browsers send "Origin: null" from a page without a referrer, and from a sandbox on a foreign page."""
    link = await asked_link(browser, seed)
    token = await token_of(browser, link)
    headers = {"origin": "null", **({"sec-fetch-site": sent_from} if sent_from else {})}

    answer = await browser.post(link, data={"csrf": token, "password": NEW_PASSWORD}, headers=headers)

    assert answer.status_code == status


async def test_form_of_another_browser_is_refused(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    link = await asked_link(browser, seed)
    token = await token_of(browser, link)
    browser.cookies.clear()

    answer = await browser.post(link, data={"csrf": token, "password": NEW_PASSWORD})

    assert answer.status_code == 403


async def test_token_is_in_no_log(
    browser: httpx.AsyncClient, acme: int, seed: Seed, capsys: pytest.CaptureFixture[str]
) -> None:
    link = await asked_link(browser, seed)
    seed.execute("ALTER TABLE gateway.password_resets RENAME TO gone")

    answer = await browser.get(link)

    assert answer.status_code == 500
    written = capsys.readouterr()
    assert "/password/reset/{token}" in written.out + written.err
    assert link.rpartition("/")[2] not in written.out + written.err


async def test_wish_is_counted_and_mailed_in_one_transaction(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    seed.execute("ALTER TABLE gateway.outbox RENAME TO gone")

    answer = await ask(browser)

    assert answer.status_code == 500
    assert seed.scalar("SELECT count(*) FROM gateway.password_resets") == 0
