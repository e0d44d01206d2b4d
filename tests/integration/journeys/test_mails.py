"""Every link in a mail leads to its page: from what somebody asked for, through the notifier, to the answer."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from local_stack.browser import Browser, Page
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.contracts.topics import OAUTH_GATEWAY


@pytest.fixture
def mail_to(platform: Platform) -> Callable[[str, str], Row]:
    """Wait for the one mail of a kind to somebody."""

    def wait(address: str, template: str) -> Row:
        def found() -> list[Row]:
            return [
                mail for mail in platform.mails() if (mail["email"], mail["template"]) == (address, template)
            ]

        (mail,) = eventually(found, within_seconds=20, what=f"{template} was mailed")
        return mail

    return wait


def test_forgotten_password_is_replaced_by_the_mailed_link(
    platform: Platform, login: Login, mail_to: Callable[[str, str], Row]
) -> None:
    with Browser() as browser:
        browser.open(f"{platform.stack.url(OAUTH_GATEWAY)}/password/forgot")
        browser.submit(browser.page.form(action="/password/forgot"), email=login.email)
        reset = mail_to(login.email, "password_reset")["variables"]
        browser.open(reset["reset_url"])
        chosen = uuid4().hex
        page = browser.submit(browser.page.form(), password=chosen)
        assert "Your password was changed" in page.html

        changed = Login(login.email, chosen, login.advertiser, login.slug)
        platform.log_in(browser, changed)
        assert f"/advertisers/{login.slug}/" in browser.page.url
        assert browser.open(reset["reset_url"]).status == 410


def test_invited_person_joins_by_the_mailed_link_and_is_told_what_owners_and_admins_are(
    platform: Platform,
    login: Login,
    shop: str,
    connect: Callable[[Login, str], Row],
    mail_to: Callable[[str, str], Row],
) -> None:
    invited = f"{uuid4().hex[:8]}@example.com"
    with Browser() as browser:
        platform.log_in(browser, login)
        browser.open(f"/advertisers/{login.slug}/members")
        browser.submit(browser.page.form(action="/invitations"), email=invited, role="admin")
        invitation = mail_to(invited, "advertiser_invitation")["variables"]
        assert invitation["advertiser_name"] == login.advertiser

    platform.create_shop(shop, customers=3, orders=3, products=1)
    with Browser() as theirs:
        theirs.open(invitation["accept_url"])
        theirs.submit(theirs.page.form(), name="Grace", password=uuid4().hex)
        assert f"/advertisers/{login.slug}/" in theirs.page.url

        store = connect(login, shop)
        platform.wait_for_job(store["store_id"])
        done = mail_to(login.email, "shopify_sync_complete")["variables"]
        platform.simulator("POST", f"/shops/{shop}/uninstall")
        lost = mail_to(invited, "shopify_store_disconnected")["variables"]

        assert_shows(theirs.open(done["view_url"]), shop)
        assert_shows(theirs.open(lost["reconnect_url"]), shop)
        assert theirs.page.form(action="/connect").fields["shop"] == shop


def assert_shows(page: Page, text: str) -> None:
    assert page.status == 200
    assert text in page.html
