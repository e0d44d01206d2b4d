"""Look at a store's jobs all the time while a test does something else; say what must never be seen."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from threading import Event, Thread
from typing import Any

from local_stack.platform import Platform, Row

PAUSE_SECONDS = 0.05
ACTIVE = {"pending", "running"}
STATES = ("waiting", "running", "published", "done")
LOOK = """
    SELECT j.job_id, j.status, j.epoch, p.resource, p.state, p.cursor, p.published
    FROM sync.sync_jobs j LEFT JOIN sync.sync_job_parts p USING (advertiser_id, job_id)
    WHERE j.store_id = %s AND j.slot = 'sync'"""


class Watch:
    """What was seen, moment by moment; each moment is one statement, so what it shows was true at once."""

    def __init__(self) -> None:
        self.moments: list[Sequence[Row]] = []

    def epochs(self, job_id: int) -> list[int]:
        """Return the epochs of a job while it ran, in the order in which they were first seen."""
        seen = (
            row["epoch"] for row in self._rows() if row["job_id"] == job_id and row["status"] == "running"
        )
        return list(dict.fromkeys(seen))

    def active_at_once(self) -> int:
        """Return the largest number of pending and running jobs that one moment showed."""
        return max(
            len({row["job_id"] for row in moment if row["status"] in ACTIVE}) for moment in self.moments
        )

    def steps_back(self) -> list[str]:
        """Return where a job or a part of it went back: only a holder that was taken for dead can do that."""
        found = []
        for job_id, resource in {(row["job_id"], row["resource"]) for row in self._rows()}:
            told = [row for row in self._rows() if (row["job_id"], row["resource"]) == (job_id, resource)]
            for name, values in (
                ("epoch", [row["epoch"] for row in told]),
                ("published", [row["published"] or 0 for row in told]),
                ("state", [STATES.index(row["state"] or "waiting") for row in told]),
                ("cursor", _order_of_appearance(row["cursor"] for row in told)),
            ):
                falls = [f"{before} to {after}" for before, after in pairwise(values) if after < before]
                found += [f"job {job_id}, {resource}: {name} went back from {fall}" for fall in falls]
        return found

    def _rows(self) -> Iterator[Row]:
        return (row for moment in self.moments for row in moment)


@contextmanager
def watched(platform: Platform, store_id: int) -> Iterator[Watch]:
    """Watch the syncs of a store inside the block, and once more at its end."""
    watch, stop = Watch(), Event()

    def look() -> None:
        with platform.database() as connection:
            while True:
                is_last = stop.is_set()
                watch.moments.append(connection.execute(LOOK, [store_id]).fetchall())
                if is_last:
                    return
                stop.wait(PAUSE_SECONDS)

    thread = Thread(target=look, name=f"watch-{store_id}", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def _order_of_appearance(values: Iterator[Any]) -> list[int]:
    known: dict[Any, int] = {}
    return [known.setdefault(value, len(known)) for value in values]
