"""Charts drawn on the server: numbers in, SVG geometry out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from oauth_gateway.domain.words import plural

TICKS_MAX: Final = 24
_TICK_STEP, _TICK_HEIGHT, _TICK_HEIGHT_MIN = 7, 24, 5
_SPARK_WIDTH, _SPARK_TOP, _SPARK_BOTTOM = 70, 4, 24


@dataclass(frozen=True, slots=True)
class FinishedSync:
    """One finished sync in a row of bars."""

    state: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One bar."""

    x: int
    height: int
    css_class: str


def ticks(syncs: Sequence[FinishedSync]) -> tuple[Tick, ...]:
    """Draw the last syncs, oldest first: height is the duration, class the result."""
    shown = syncs[-TICKS_MAX:]
    longest = max((sync.seconds for sync in shown), default=0)
    bars = []
    for position, sync in enumerate(shown):
        share = sync.seconds / longest if longest else 0
        height = _TICK_HEIGHT_MIN + round(share * (_TICK_HEIGHT - _TICK_HEIGHT_MIN))
        css_class = {"warn": "w", "bad": "f"}.get(sync.state, "")
        bars.append(Tick(position * _TICK_STEP, height, css_class))
    return tuple(bars)


def ticks_summary(syncs: Sequence[FinishedSync]) -> str:
    """Say in words what the bars show."""
    shown = syncs[-TICKS_MAX:]
    words = {"ok": "successful", "warn": "completed with errors", "bad": "failed"}
    told = [
        f"{amount} {text}"
        for state, text in words.items()
        if (amount := sum(1 for sync in shown if sync.state == state))
    ]
    return f"{len(shown)} {plural(len(shown), 'sync')}: {', '.join(told)}"


def spark(total: int, added: Sequence[int]) -> str | None:
    """Draw how a total grew: `added` per slice of time, oldest first; None when nothing changed."""
    if not any(added):
        return None
    levels = [total]
    for amount in reversed(added):
        levels.append(levels[-1] - amount)
    levels.reverse()
    low, high = min(levels), max(levels)
    step = _SPARK_WIDTH / (len(levels) - 1)
    points = [
        f"{1 + index * step:.0f} {_SPARK_BOTTOM - (level - low) / (high - low) * (_SPARK_BOTTOM - _SPARK_TOP):.1f}"
        for index, level in enumerate(levels)
    ]
    return "M" + " ".join(points)
