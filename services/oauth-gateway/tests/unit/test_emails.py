"""What the page of e-mails says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oauth_gateway.domain.access import Role
from oauth_gateway.domain.emails import Email, Kind, Recipient, preferences_of
from oauth_gateway.domain.words import Viewer

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DANA = Recipient(1, "Dana Reyes", "dana@example.com")
NOBODY = Recipient(2, None, None)


def email(state: str, **changed: Any) -> Email:
    values: dict[str, Any] = {
        "template": "shopify_sync_failed",
        "recipient": DANA,
        "failure": None,
        "attempts": 0,
        "due_at": NOW,
        "sent_at": NOW if state == "sent" else None,
        **changed,
    }
    return Email(
        id=1, shop_domain="s", state=state, created_at=NOW, resent_at=None, can_resend=False, **values
    )


@pytest.mark.parametrize(
    ("state", "label"),
    [
        ("pending", ("idle", "Waiting")),
        ("sent", ("ok", "Sent")),
        ("failed", ("bad", "Failed")),
        ("unknown", ("warn", "May not have arrived")),
    ],
)
def test_every_state_has_a_shape_and_a_word(state: str, label: tuple[str, str]) -> None:
    assert email(state).status_label == label


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (email("pending"), ""),
        (email("pending", attempts=3, due_at=NOW + 24 * MINUTE), "Next try in 24 min."),
        (email("pending", attempts=1, due_at=NOW - MINUTE), "Next try in under 1 min."),
        (email("sent"), ""),
        (email("sent", sent_at=NOW + 0.9 * MINUTE), ""),
        (email("sent", sent_at=NOW + 65 * MINUTE), "It went out 1 h 5 min later."),
        (email("failed", failure="loops_400"), "The mail service refused it (400)."),
        (email("failed", failure="loops_401"), "The mail service refused our key (401)."),
        (email("failed", failure="loops_404"), "The mail service does not know this mail's template (404)."),
        (email("failed", failure="recipient_gone"), "The recipient left."),
        (email("failed", failure="token_expired"), "Its link expired before it could be sent."),
        (email("failed", failure="token_unreadable"), "Its link could not be read."),
        (email("failed", failure="loops_418"), "It could not be sent."),
        (email("failed"), "It could not be sent."),
        (
            email("unknown", failure="beyond_retry_window"),
            "The mail service never confirmed it within 23 hours; we did not risk sending it twice.",
        ),
    ],
)
def test_email_says_what_became_of_it(made: Email, words: str) -> None:
    assert made.outcome_words(Viewer(NOW)) == words


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("shopify_sync_complete", "First sync complete"),
        ("shopify_sync_failed", "Sync failed"),
        ("shopify_store_disconnected", "Store disconnected"),
        ("advertiser_invitation", "Invitation"),
        ("something_new", "Email"),
    ],
)
def test_email_says_what_it_is_about(template: str, subject: str) -> None:
    assert email("sent", template=template).subject == subject


@pytest.mark.parametrize(
    ("recipient", "template", "name"),
    [
        (DANA, "shopify_sync_failed", "Dana Reyes"),
        (NOBODY, "shopify_sync_failed", "Somebody who left"),
        (NOBODY, "advertiser_invitation", "Somebody invited"),
    ],
)
def test_only_members_are_named(recipient: Recipient, template: str, name: str) -> None:
    assert email("sent", recipient=recipient, template=template).recipient_name == name


@pytest.mark.parametrize(
    ("role", "kinds"),
    [(Role.OWNER, list(Kind)), (Role.ADMIN, list(Kind)), (Role.MEMBER, [Kind.SYNC_COMPLETE])],
)
def test_members_choose_among_what_can_reach_them(role: Role, kinds: list[Kind]) -> None:
    offered = preferences_of(role, frozenset())

    assert [preference.kind for preference in offered] == kinds
    assert [preference.kind for preference in offered if preference.is_on] == (
        [Kind.STORE_DISCONNECTED] if role is Role.OWNER else []
    )
    assert [preference.is_fixed for preference in offered] == [
        role is Role.OWNER and kind is Kind.STORE_DISCONNECTED for kind in kinds
    ]
    assert all(preference.is_on for preference in preferences_of(role, frozenset(Kind)))


def test_only_the_owner_is_told_of_syncs_that_others_started() -> None:
    meanings = {role: preferences_of(role, frozenset())[0].meaning for role in Role}

    assert "whoever started it" in meanings[Role.OWNER]
    assert meanings[Role.ADMIN] == meanings[Role.MEMBER]
    assert "that you started" in meanings[Role.MEMBER]
