"""When a store syncs by itself."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_common.contracts.events.lifecycle import JobType
from sync_orchestrator.domain.planning import FULL_SYNC_EVERY


class Frequency(StrEnum):
    """How often a store syncs. Realtime lives by webhooks, with a daily full sync behind them."""

    REALTIME = "realtime"
    EVERY_15_MIN = "every_15_min"
    HOURLY = "hourly"
    EVERY_6_HOURS = "every_6_hours"
    DAILY = "daily"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Run:
    """One scheduled run. Its slot is unique per store, so that no run happens twice."""

    at: datetime
    slot: str


PERIODS: Final = {
    Frequency.REALTIME: timedelta(days=1),
    Frequency.EVERY_15_MIN: timedelta(minutes=15),
    Frequency.HOURLY: timedelta(hours=1),
    Frequency.EVERY_6_HOURS: timedelta(hours=6),
}
DAILY_AT: Final = time(2, 0)
CATCH_UP_SPREAD: Final = timedelta(minutes=20)
LATE_AFTER: Final = timedelta(minutes=5)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_DAY: Final = timedelta(days=1)


def zone_of(name: str) -> ZoneInfo:
    """Return a shop's time zone; one that this machine does not know counts as UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def next_run(frequency: Frequency, *, store_id: int, zone: ZoneInfo, after: datetime) -> Run | None:
    """Return the first run strictly after an instant; None where a store syncs by hand only."""
    if frequency is Frequency.MANUAL:
        return None
    if frequency is Frequency.DAILY:
        return _next_daily(zone, after)
    return _next_periodic(frequency, store_id, after)


def _next_periodic(frequency: Frequency, store_id: int, after: datetime) -> Run:
    period = PERIODS[frequency]
    offset = stagger(store_id, period)
    turns = (after - _EPOCH - offset) // period + 1
    at = _EPOCH + offset + turns * period
    return Run(at, f"{frequency}/{at:%Y-%m-%dT%H:%M:%SZ}")


def _next_daily(zone: ZoneInfo, after: datetime) -> Run:
    day = after.astimezone(zone).date() - _ONE_DAY
    while (at := first_valid_instant(day, DAILY_AT, zone)) <= after:
        day += _ONE_DAY
    return Run(at, f"{Frequency.DAILY}/{day.isoformat()}")


def first_valid_instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall-clock time: of two the first, of none the first instant after the gap."""
    local = datetime.combine(day, wall, tzinfo=zone)  # fold=0: the first of two
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(instant, zone)


def _end_of_gap(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment the clocks went forward, by bisection to the second.

    Inside a gap fold=0 reads the clock as if it had not yet moved, so that instant lies after the change.
    """
    before, after = instant - _ONE_DAY, instant
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def stagger(store_id: int, period: timedelta) -> timedelta:
    """Return a store's place within a period, the same on every machine."""
    digest = blake2b(str(store_id).encode(), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(digest) % int(period.total_seconds()))


def due_at(planned: datetime, *, store_id: int, now: datetime) -> datetime:
    """Return when a run that has come due starts: at once, or after a long pause at the store's own moment."""
    return now + stagger(store_id, CATCH_UP_SPREAD) if now - planned > LATE_AFTER else now


def scheduled_type(frequency: Frequency, *, last_full_sync_at: datetime | None, now: datetime) -> JobType:
    """Return what a scheduled run reads: everything once a week (realtime: each day), else the changes."""
    if frequency is Frequency.REALTIME or last_full_sync_at is None:
        return JobType.FULL_SYNC
    return JobType.FULL_SYNC if now - last_full_sync_at >= FULL_SYNC_EVERY else JobType.INCREMENTAL_SYNC
