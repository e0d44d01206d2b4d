"""Durations as people say them."""

from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def in_words(seconds: float) -> str:
    """Return a duration in its two largest useful units: "45 seconds", "8 minutes", "1 hour 5 minutes"."""
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return _count(whole, "second")
    minutes = round(whole / _MINUTE)
    if minutes < 60:
        return _count(minutes, "minute")
    if minutes * _MINUTE < 2 * _DAY:
        hours, rest = divmod(minutes, 60)
        return _count(hours, "hour") + (f" {_count(rest, 'minute')}" if rest else "")
    hours = round(whole / _HOUR)
    days, rest = divmod(hours, 24)
    return _count(days, "day") + (f" {_count(rest, 'hour')}" if rest else "")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
