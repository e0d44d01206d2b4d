"""What an operator may write, and which dead letters are meant by it."""

from datetime import UTC, datetime, timedelta

import pytest

from shopctl.commands.text import visible
from shopctl.domain.coordinates import DEAD_LETTER_TOPICS, Coordinates
from shopctl.domain.selection import Selection, instant
from shopctl.errors import AskedWrongly
from sync_common.contracts.topics import LIFECYCLE_TOPIC

from .world import LETTERS, TOPIC

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_coordinates_are_read_as_they_are_written() -> None:
    assert Coordinates.parse(f"{LETTERS}/0/17") == (LETTERS, 0, 17)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("17", "not written as TOPIC/PARTITION/OFFSET"),
        (f"{LETTERS}/0/-1", "not written as TOPIC/PARTITION/OFFSET"),
        ("nothing.v1.dlq/0/1", "there is no topic nothing.v1.dlq"),
        (f"{TOPIC}/0/1", f"not a dead-letter topic; its dead letters are in {LETTERS}"),
    ],
)
def test_what_is_no_dead_letter_is_refused_with_a_hint(text: str, problem: str) -> None:
    with pytest.raises(AskedWrongly, match=problem):
        Coordinates.parse(text)


def test_topic_means_its_dead_letters_and_a_consumer_narrows_them() -> None:
    assert set(Selection().topics()) == set(DEAD_LETTER_TOPICS)
    assert Selection(TOPIC).topics() == Selection(LETTERS).topics() == [LETTERS]
    assert Selection(LIFECYCLE_TOPIC, "notifier").topics() == [f"{LIFECYCLE_TOPIC}.notifier.dlq"]
    with pytest.raises(AskedWrongly, match="there is no topic orders"):
        Selection("orders").topics()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("36h", NOW - timedelta(hours=36)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-22T09:00:00+01:00", NOW - timedelta(hours=2)),
        ("2026-11-22T09:00", NOW - timedelta(hours=1)),
    ],
)
def test_times_are_ago_or_absolute(text: str, meant: datetime) -> None:
    assert instant(text, now=NOW) == meant


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="yesterday is no time"):
        instant("yesterday", now=NOW)


def test_nothing_that_came_from_outside_steers_the_terminal() -> None:
    assert visible('{"a":"\x1b[2J\u202eé\U000e0001"}') == '{"a":"\\u001b[2J\\u202eé\\udb40\\udc01"}'
