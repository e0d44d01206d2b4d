"""Charts drawn on the server."""

from hypothesis import given
from hypothesis import strategies as st

from oauth_gateway.domain.charts import FinishedSync, spark, ticks, ticks_summary


def test_bars_show_duration_and_result() -> None:
    bars = ticks([FinishedSync("ok", 0), FinishedSync("bad", 10), FinishedSync("warn", 5)])

    assert [(bar.x, bar.height, bar.css_class) for bar in bars] == [
        (0, 5, ""),
        (7, 24, "f"),
        (14, 15, "w"),
    ]


def test_only_the_last_24_are_drawn() -> None:
    syncs = [FinishedSync("bad", 1)] + [FinishedSync("ok", 1)] * 24

    assert len(ticks(syncs)) == 24
    assert ticks_summary(syncs) == "24 syncs: 24 successful"


def test_bars_are_told_in_words() -> None:
    syncs = [FinishedSync("ok", 1), FinishedSync("warn", 1), FinishedSync("bad", 1), FinishedSync("ok", 1)]

    assert ticks_summary(syncs) == "4 syncs: 2 successful, 1 completed with errors, 1 failed"


def test_nothing_new_draws_no_line() -> None:
    assert spark(100, [0, 0, 0]) is None


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_line_ends_highest_and_stays_in_its_box(total: int, added: list[int]) -> None:
    line = spark(total, added)

    assert line is not None
    numbers = [float(number) for number in line.removeprefix("M").split()]
    heights = numbers[1::2]
    assert heights[-1] == min(heights) == 4
    assert max(heights) == 24
    assert heights == sorted(heights, reverse=True)
