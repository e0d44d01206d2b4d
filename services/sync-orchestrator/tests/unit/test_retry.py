"""The ladder after a failure."""

from datetime import timedelta

import pytest

from sync_orchestrator.domain.retry import ends_connection, retry_delay


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 15), (3, 60)])
def test_each_failure_waits_longer(failures: int, minutes: int) -> None:
    assert retry_delay(failures, retryable=True) == timedelta(minutes=minutes)


def test_the_fourth_failure_gives_up() -> None:
    assert retry_delay(4, retryable=True) is None


def test_what_cannot_succeed_is_not_tried_again() -> None:
    assert retry_delay(1, retryable=False) is None


def test_counting_starts_at_one() -> None:
    with pytest.raises(ValueError, match="failures"):
        retry_delay(0, retryable=True)


@pytest.mark.parametrize(
    ("code", "ends"), [("token_refused", True), ("shop_gone", False), ("bulk_failed", False)]
)
def test_a_refused_token_ends_the_connection(code: str, ends: bool) -> None:
    assert ends_connection(code) is ends
