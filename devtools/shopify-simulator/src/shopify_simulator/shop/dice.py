"""Cheap random choices; `random.Random`'s own are several times slower."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """A seeded source of choices."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng.random

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self.random() * len(items))]

    def some(self, items: Sequence[Item], most: int) -> list[Item]:
        """Up to `most` different items, in a chance order."""
        chosen: list[Item] = []
        for _ in range(self.whole(0, most)):
            item = self.pick(items)
            if item not in chosen:
                chosen.append(item)
        return chosen

    def between(self, start: datetime, end: datetime) -> datetime:
        """An instant between two others, in whole seconds."""
        return start + timedelta(seconds=int(self.random() * max(0.0, (end - start).total_seconds())))
