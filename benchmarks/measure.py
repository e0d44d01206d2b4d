"""What a piece of work took, and a table to show it in."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from rich.table import Table


@dataclass
class Cost:
    """Records handled, the seconds that took, and the CPU seconds that this process spent on it."""

    records: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Return the records per second."""
        return self.records / self.seconds

    @property
    def cpu_micros(self) -> float:
        """Return the CPU microseconds that one record cost."""
        return 1e6 * self.cpu_seconds / self.records


class Stopwatch:
    """Time and CPU since it was started."""

    def __init__(self) -> None:
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def cost(self, records: int) -> Cost:
        """Return what so many records took so far."""
        return Cost(records, time.perf_counter() - self._started, time.process_time() - self._cpu)


@contextmanager
def measured(records: int) -> Iterator[Cost]:
    """Fill in the cost of the block's work at its end."""
    cost, watch = Cost(), Stopwatch()
    yield cost
    found = watch.cost(records)
    cost.records, cost.seconds, cost.cpu_seconds = found.records, found.seconds, found.cpu_seconds


def middle(costs: list[Cost]) -> Cost:
    """Return the median of several rounds of the same work."""
    return Cost(
        costs[0].records, median(cost.seconds for cost in costs), median(cost.cpu_seconds for cost in costs)
    )


def machine() -> str:
    """Say when and on what this was measured, and how busy it was."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {load}"


def table(title: str, *headings: str) -> Table:
    """Return an empty table; all but the first column hold numbers."""
    made = Table(title=title, title_justify="left")
    for index, heading in enumerate(headings):
        made.add_column(heading, justify="right" if index else "left")
    return made
