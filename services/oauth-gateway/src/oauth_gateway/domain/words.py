"""Times, numbers and durations as people read them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_skeleton, format_time
from babel.numbers import format_decimal, format_percent

DEFAULT_LOCALE: Final = "en_US"
_UTC: Final = ZoneInfo("UTC")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ACCEPT_LANGUAGE_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Viewer:
    """One reader at one moment: numbers and dates follow `locale` and `zone`, words are English."""

    now: datetime
    locale: str = DEFAULT_LOCALE
    zone: ZoneInfo = _UTC

    def number(self, value: int) -> str:
        """Write a number with the reader's grouping."""
        return format_decimal(value, locale=self.locale)

    def lag(self, seconds: float) -> str:
        """Write how long something took, short and to a tenth where that says something: `0.2 s`, `12 s`, `3 min`."""
        if seconds < 0.1:
            return "under 0.1 s"
        if seconds < 9.95:
            return f"{format_decimal(seconds, format='0.0', locale=self.locale)} s"
        return f"{round(seconds)} s" if seconds < 59.5 else rough_time(seconds)

    def percent(self, part: int, whole: int) -> str:
        """Write a share to one decimal, never rounding a miss up to 100%."""
        share = part / whole
        if part < whole:
            share = min(share, 0.999)
        return format_percent(share, format="#,##0.#%", locale=self.locale)

    def absolute(self, instant: datetime) -> str:
        """Write date, time and zone: `Nov 22, 2026, 3:01:12 PM UTC`."""
        local = instant.astimezone(self.zone)
        return f"{format_datetime(local, 'medium', locale=self.locale)} {local.tzname()}"

    def long_time(self, instant: datetime) -> str:
        """Write `Nov 22, 2026 at 2:00 PM`."""
        local = instant.astimezone(self.zone)
        day = format_skeleton("yMMMd", local, locale=self.locale)
        return f"{day} at {self._clock(local)}"

    def day(self, instant: datetime) -> str:
        """Write `Nov 26`, with the year where it is another one."""
        local, today = instant.astimezone(self.zone), self.now.astimezone(self.zone).date()
        return format_skeleton("MMMd" if local.year == today.year else "yMMMd", local, locale=self.locale)

    def day_time(self, instant: datetime) -> str:
        """Write `Today, 3:54 PM`, `Yesterday, 10:00 AM` or `Oct 1, 8:00 AM`."""
        local, today = instant.astimezone(self.zone), self.now.astimezone(self.zone).date()
        if local.date() == today:
            day = "Today"
        elif local.date() == today - timedelta(days=1):
            day = "Yesterday"
        else:
            day = self.day(instant)
        return f"{day}, {self._clock(local)}"

    def ago(self, instant: datetime) -> str:
        """Write `2 hours ago` under a day, the date and time after it."""
        seconds = (self.now - instant).total_seconds()
        if seconds < 60:
            return "just now"
        if seconds < 3600:
            return f"{_plural(int(seconds // 60), 'minute')} ago"
        if seconds < 86_400:
            return f"{_plural(int(seconds // 3600), 'hour')} ago"
        return self.day_time(instant)

    def until(self, instant: datetime) -> str:
        """Write `24 min`, for what is still to come."""
        return short_wait((instant - self.now).total_seconds())

    def long_until(self, instant: datetime) -> str:
        """Write `15 minutes`, for what is still to come."""
        return long_duration(60 * max(1, round((instant - self.now).total_seconds() / 60)))

    def days_until(self, instant: datetime) -> str:
        """Write `29 days`, or hours and minutes under a day, for what is still to come."""
        days = round((instant - self.now).total_seconds() / 86_400)
        return _plural(days, "day") if days else self.until(instant)

    def _clock(self, local: datetime) -> str:
        return format_time(local, "short", locale=self.locale).replace("\u202f", " ")


def short_wait(seconds: float) -> str:
    """Write a rough wait: `under 1 min`, `24 min`, `1 h 5 min`."""
    return "under 1 min" if seconds < 60 else rough_time(seconds)


def rough_time(seconds: float) -> str:
    """Write a time in minutes, over sixty in hours: `24 min`, `3 h`, `1 h 5 min`."""
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return " ".join(f"{amount} {unit}" for amount, unit in ((hours, "h"), (minutes, "min")) if amount)


def short_duration(seconds: int) -> str:
    """Write `12s`, `3m 24s` or `1h 05m`."""
    minutes, rest = divmod(max(0, seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes_rest = divmod(minutes, 60)
    return f"{hours}h {minutes_rest:02}m" if hours else f"{minutes}m {rest:02}s"


def long_duration(seconds: int) -> str:
    """Write `3 minutes 24 seconds`."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    return " ".join(_plural(amount, unit) for amount, unit in parts if amount) or "under a second"


def one_line(typed: str) -> str:
    """Return what somebody typed as one line, without characters that hide or turn text around."""
    return " ".join(_CONTROL.sub(" ", typed).split())


def sentence(text: str) -> str:
    """Return the text with one full stop at its end."""
    return f"{text.rstrip('. ')}."


def plural(count: int, singular: str) -> str:
    """Return the noun in the number that `count` asks for."""
    return singular if count == 1 else f"{singular}s"


def listed(names: Sequence[str]) -> str:
    """Write `orders`, `customers and orders` or `customers, orders, and products`."""
    *first, last = names
    if not first:
        return last
    return f"{', '.join(first)}{',' if len(first) > 1 else ''} and {last}"


def zone_named(*names: str | None) -> ZoneInfo:
    """Return the first time zone that is one by its IANA name, UTC where none is."""
    known = available_timezones()
    return next((ZoneInfo(name) for name in names if name in known), _UTC)


def locale_for(accept_language: str) -> str:
    """Return the first locale of an Accept-Language header that CLDR knows."""
    for entry in accept_language[:_ACCEPT_LANGUAGE_LENGTH_MAX].split(","):
        tag = entry.split(";", 1)[0].strip()
        try:
            return str(Locale.parse(tag, sep="-"))
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return DEFAULT_LOCALE


def utc_text(instant: datetime) -> str:
    """Write an instant for a `datetime` attribute."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plural(count: int, unit: str) -> str:
    return f"{count} {plural(count, unit)}"
