"""Times and numbers as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oauth_gateway.domain.words import (
    Viewer,
    locale_for,
    long_duration,
    short_duration,
    short_wait,
    utc_text,
    zone_named,
)

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
VIEWER = Viewer(NOW)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (7200, "2 hours ago"),
        (86_399, "23 hours ago"),
        (86_400, "Yesterday, 4:00 PM"),
        (2 * 86_400, "Nov 20, 4:00 PM"),
    ],
)
def test_past_is_told_relative_under_a_day_and_as_a_date_after(seconds: int, words: str) -> None:
    assert VIEWER.ago(NOW - timedelta(seconds=seconds)) == words


def test_days_are_the_viewers() -> None:
    late = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    assert VIEWER.day_time(late) == "Today, 4:00 AM"
    assert Viewer(NOW, zone=ZoneInfo("America/New_York")).day_time(late) == "Yesterday, 11:00 PM"


def test_other_years_are_named() -> None:
    assert VIEWER.day_time(datetime(2025, 10, 1, 8, 0, tzinfo=UTC)) == "Oct 1, 2025, 8:00 AM"


def test_long_time_reads_as_in_the_details() -> None:
    assert VIEWER.long_time(datetime(2024, 10, 3, 14, 0, tzinfo=UTC)) == "Oct 3, 2024 at 2:00 PM"


def test_numbers_follow_the_viewer() -> None:
    assert VIEWER.number(1234) == "1,234"
    assert Viewer(NOW, locale="de").number(1234) == "1.234"


def test_share_never_rounds_a_failure_away() -> None:
    assert VIEWER.percent(71, 72) == "98.6%"
    assert VIEWER.percent(9999, 10_000) == "99.9%"
    assert VIEWER.percent(72, 72) == "100%"


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0s", "under a second"),
        (12, "12s", "12 seconds"),
        (72, "1m 12s", "1 minute 12 seconds"),
        (124, "2m 04s", "2 minutes 4 seconds"),
        (204, "3m 24s", "3 minutes 24 seconds"),
        (3900, "1h 05m", "1 hour 5 minutes"),
    ],
)
def test_durations(seconds: int, short: str, long: str) -> None:
    assert short_duration(seconds) == short
    assert long_duration(seconds) == long


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "under 1 min"), (1440, "24 min"), (3599, "1 h"), (3900, "1 h 5 min"), (10_800, "3 h")],
)
def test_waits(seconds: int, words: str) -> None:
    assert short_wait(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "under 0.1 s"),
        (0.15, "0.2 s"),
        (1.0, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (7_300, "2 h 2 min"),
    ],
)
def test_lags(seconds: float, words: str) -> None:
    assert Viewer(NOW).lag(seconds) == words


def test_lags_are_written_as_the_viewer_writes_numbers() -> None:
    assert Viewer(NOW, locale="de_DE").lag(1.25) == "1,2 s"


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(timedelta(days=30), "30 days"), (timedelta(hours=30), "1 day"), (timedelta(hours=11), "11 h")],
)
def test_days_to_come(ahead: timedelta, words: str) -> None:
    assert Viewer(NOW).days_until(NOW + ahead) == words


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de-CH,de;q=0.9", "de_CH"),
        ("xx-not-a-language, fr;q=0.5", "fr"),
        ("", "en_US"),
        ("*", "en_US"),
        ("\x00" * 5000, "en_US"),
    ],
)
def test_locale_is_the_first_known_one(header: str, locale: str) -> None:
    assert locale_for(header) == locale


@pytest.mark.parametrize("name", [None, "", "../../etc/passwd", "Mars/Olympus"])
def test_unknown_zones_are_utc(name: str | None) -> None:
    assert zone_named(name).key == "UTC"
    assert zone_named("Europe/Zurich").key == "Europe/Zurich"


def test_machine_time_is_utc() -> None:
    assert (
        utc_text(datetime(2026, 11, 22, 17, 0, 1, 5, tzinfo=ZoneInfo("Europe/Zurich")))
        == "2026-11-22T16:00:01Z"
    )
