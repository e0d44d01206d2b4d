"""What may be held at once. More is answered 503, which Shopify retries."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from webhook_ingest import metrics
from webhook_ingest.errors import NotDurable


@dataclass(slots=True)
class WaitingRoom:
    """Bounds how many deliveries wait for Kafka, in all and per shop, so that no shop crowds out the others."""

    size: int
    share: int
    _by_shop: Counter[str] = field(default_factory=Counter)
    _total: int = 0

    @contextmanager
    def place(self, shop: str) -> Iterator[None]:
        """Hold one place for `shop`; raise NotDurable when there is none."""
        if self._total >= self.size or self._by_shop[shop] >= self.share:
            raise NotDurable("too many deliveries are waiting")
        self._enter(shop, 1)
        try:
            yield
        finally:
            self._enter(shop, -1)

    def _enter(self, shop: str, change: int) -> None:
        self._total += change
        self._by_shop[shop] += change
        if not self._by_shop[shop]:
            del self._by_shop[shop]
        metrics.WAITING.set(self._total)


@dataclass(slots=True)
class BodyMemory:
    """Bounds the bytes of all bodies held, most of them not yet known to be Shopify's."""

    bytes_max: int
    _held: int = 0

    @contextmanager
    def account(self) -> Iterator[Callable[[int], None]]:
        """Give a function that counts bytes for one body, and raises NotDurable when all are taken."""
        own = 0

        def take(size: int) -> None:
            nonlocal own
            if self._held + size > self.bytes_max:
                raise NotDurable("too many bytes are held")
            self._held += size
            own += size

        try:
            yield take
        finally:
            self._held -= own
