"""Durations read as people say them."""

import pytest

from notifier.domain.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 second"),
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (204, "3 minutes"),
        (480, "8 minutes"),
        (3_569, "59 minutes"),
        (3_599, "1 hour"),
        (3_900, "1 hour 5 minutes"),
        (7_260, "2 hours 1 minute"),
        (86_400, "24 hours"),
        (2 * 86_400, "2 days"),
        (3 * 86_400 + 3_600, "3 days 1 hour"),
    ],
)
def test_duration_is_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
