"""How fast a sync runs and how long it still takes."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from oauth_gateway.domain.jobs import Job, Part
from oauth_gateway.domain.words import rough_time

WINDOW_SECONDS: Final = 60.0
SETTLING_SECONDS: Final = 10.0
_SLOWDOWN_WORTH_TELLING_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How many records were done at an instant, in seconds of any clock."""

    at: float
    done: int


@dataclass(slots=True)
class Samples:
    """The last minute of a job's progress."""

    _kept: deque[Sample] = field(default_factory=deque)

    def add(self, at: float, done: int) -> None:
        """Note progress; forget what is older than the window, keeping one sample at its far edge."""
        self._kept.append(Sample(at, done))
        while len(self._kept) > 2 and self._kept[1].at <= at - WINDOW_SECONDS:
            self._kept.popleft()

    @property
    def span(self) -> float:
        """Return the seconds between the first and the last sample kept."""
        return self._kept[-1].at - self._kept[0].at if self._kept else 0.0

    def rate(self) -> float | None:
        """Return records a second over the window."""
        return rate(tuple(self._kept))


def rate(samples: Sequence[Sample]) -> float | None:
    """Return records a second between the first and the last sample; None when too little time has passed."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    elapsed = last.at - first.at
    return (last.done - first.done) / elapsed if elapsed >= 1 else None


def average_rate(started_at: datetime | None, done: int, now: datetime) -> float | None:
    """Return records a second since the start: what is known without having watched."""
    if started_at is None:
        return None
    return rate((Sample(0, 0), Sample((now - started_at).total_seconds(), done)))


class Pace(Protocol):
    """Knows how fast jobs run."""

    def of_job(self, job: Job) -> float | None:
        """Return records a second of a whole job."""

    def of_part(self, job: Job, part: Part) -> float | None:
        """Return records a second of one resource."""

    def furthest(self, job: Job, part: Part | None = None) -> float:
        """Return the largest share that was shown of a job, or of one resource of it."""


@dataclass(frozen=True, slots=True)
class AveragePace:
    """The pace since the start: what a page knows that nobody has watched."""

    now: datetime

    def of_job(self, job: Job) -> float | None:
        """Return the average of a whole job."""
        return average_rate(job.started_at, job.done, self.now)

    def of_part(self, job: Job, part: Part) -> float | None:
        """Return the average of one resource."""
        return average_rate(part.started_at, part.done, self.now)

    def furthest(self, job: Job, part: Part | None = None) -> float:
        """Return nothing: nobody has watched."""
        return 0.0


@dataclass(slots=True)
class WatchedPace:
    """The pace over the last minute, from samples taken while a page is open; at first the average since the start."""

    _samples: dict[tuple[int, str], Samples] = field(default_factory=dict)
    _furthest: dict[tuple[int, str], float] = field(default_factory=dict)
    _average: AveragePace | None = None

    def watch(self, jobs: Sequence[Job], *, at: float, now: datetime) -> None:
        """Note the progress of the active jobs; forget the others."""
        watched: dict[tuple[int, str], Samples] = {}
        furthest: dict[tuple[int, str], float] = {}
        for job in jobs:
            shares = (("", _share(job)), *((p.resource, p.shown_done / p.shown_total) for p in job.parts))
            for name, share in shares:
                furthest[job.id, name] = max(share, self._furthest.get((job.id, name), 0.0))
            for key, done in (((job.id, ""), job.done), *(((job.id, p.resource), p.done) for p in job.parts)):
                watched[key] = self._samples.get(key) or Samples()
                watched[key].add(at, done)
        self._samples, self._furthest = watched, furthest
        self._average = AveragePace(now)

    def of_job(self, job: Job) -> float | None:
        """Return the last minute's pace of a whole job."""
        watched = self._rate((job.id, ""))
        return watched if watched is not None or self._average is None else self._average.of_job(job)

    def of_part(self, job: Job, part: Part) -> float | None:
        """Return the last minute's pace of one resource."""
        watched = self._rate((job.id, part.resource))
        return watched if watched is not None or self._average is None else self._average.of_part(job, part)

    def furthest(self, job: Job, part: Part | None = None) -> float:
        """Return the largest share so far: a total that grows must not move a bar back."""
        return self._furthest.get((job.id, part.resource if part else ""), 0.0)

    def _rate(self, key: tuple[int, str]) -> float | None:
        samples = self._samples.get(key)
        return samples.rate() if samples and samples.span >= SETTLING_SECONDS else None


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar: how long it is, how much of it is filled, and the same as a percentage."""

    length: int
    filled: int
    percent: int


def job_bar(job: Job, pace: Pace) -> Bar:
    """Draw a whole job; it never moves back, and 100% is kept for the completed job."""
    length, furthest = job.total or 1, pace.furthest(job)
    filled = max(job.done if job.total else 0, round(furthest * length))
    return Bar(length, filled, min(99, max(job.percent, int(100 * furthest))))


def part_bar(part: Part, job: Job, pace: Pace) -> Bar:
    """Draw one resource of a job; it never moves back."""
    furthest = pace.furthest(job, part)
    filled = max(part.shown_done, round(furthest * part.shown_total))
    percent = part.percent if part.state == "done" else min(99, max(part.percent, int(100 * furthest)))
    return Bar(part.shown_total, filled, percent)


def _share(job: Job) -> float:
    return job.done / job.total if job.total else 0.0


def time_left(job: Job, *, records_a_second: float | None, now: datetime) -> str:
    """Say how long a job still takes; no number in its first ten seconds or while nothing moves."""
    if job.status == "pending":
        return "Starting soon"
    elapsed = (now - job.started_at).total_seconds() if job.started_at else 0.0
    total = job.total
    if not records_a_second and job.is_throttled(now):
        # a whole minute of waiting tells nothing of the pace after it
        records_a_second = average_rate(job.started_at, job.done, now)
    if elapsed < SETTLING_SECONDS or total is None or not records_a_second or records_a_second <= 0:
        return "Estimating time left"
    seconds = (total - job.done) / records_a_second
    if job.throttled_until is not None and job.is_throttled(now):
        seconds += (job.throttled_until - now).total_seconds()
    words = f"{'Under 1 min' if seconds < 60 else f'About {rough_time(seconds)}'} left"
    if (
        job.estimated_seconds
        and (late := elapsed + seconds - job.estimated_seconds) > _SLOWDOWN_WORTH_TELLING_SECONDS
    ):
        words += f", {rough_time(late)} more than expected"
    return words


def part_words(part: Part, *, number: str, total: str, duration: str | None, pace: str | None) -> str:
    """Say what a step has done: `3,190 of 12,300 · 24 a second`; numbers come written for the reader."""
    if part.state == "done":
        return f"{number} of {total} in {duration}" if duration else f"{number} of {total}"
    if part.state in ("running", "published"):
        words = f"{number} of {total}" if part.total is not None else f"{number} so far"
        return f"{words} · {pace}" if pace else words
    if part.is_skipped:
        return part.skip_words
    if part.state == "failed":
        return f"Stopped at {number}"
    return f"{total} to sync" if part.total else "Not started"
