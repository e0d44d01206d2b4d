"""What an answer of Loops means ("Transactional e-mails: responses")."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.mail import Mail, Template
from notifier.domain.sending import TRANSITIONS, Answer, State, after, answer_of, is_beyond_window

README = Path(__file__).parents[2] / "README.md"
FIRST = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer.ACCEPTED),
        (409, Answer.ACCEPTED),
        (429, Answer.LIMITED),
        (400, Answer.REFUSED),
        (401, Answer.REFUSED),
        (404, Answer.REFUSED),
        (302, Answer.UNCERTAIN),
        (500, Answer.UNCERTAIN),
        (503, Answer.UNCERTAIN),
    ],
)
def test_status_is_read_as_loops_means_it(status: int, answer: Answer) -> None:
    assert answer_of(status) is answer


def test_retries_stay_within_the_memory_of_loops() -> None:
    assert not is_beyond_window(FIRST, FIRST + timedelta(hours=22, minutes=59))
    assert is_beyond_window(FIRST, FIRST + timedelta(hours=23))


@given(st.integers(min_value=0, max_value=10_000))
def test_delay_grows_to_an_hour_and_no_further(attempts: int) -> None:
    step = after(Answer.UNCERTAIN, 500, attempts)
    later = after(Answer.UNCERTAIN, 500, attempts + 1)

    assert step.state is State.PENDING
    assert 5 <= step.delay_seconds <= later.delay_seconds <= 3_600


def test_key_fits_loops_limit_and_differs_by_recipient() -> None:
    mails = [Mail("e" * 200, Template.SYNC_FAILED, user, {}) for user in (1, 2)]

    keys = {mail.idempotency_key for mail in mails}

    assert len(keys) == 2
    assert all(len(key) <= 100 for key in keys)
    assert mails[0].idempotency_key == Mail("e" * 200, Template.SYNC_FAILED, 1, {"a": 1}).idempotency_key


def test_drawing_in_the_readme_equals_the_transitions() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+):", README.read_text(), re.MULTILINE))

    assert drawn == {(before, later) for before, ends in TRANSITIONS.items() for later in ends}


@given(st.sampled_from(Answer), st.integers(min_value=0, max_value=50))
def test_every_answer_leads_along_a_transition(answer: Answer, attempts: int) -> None:
    assert after(answer, 400, attempts).state in TRANSITIONS[State.PENDING]
