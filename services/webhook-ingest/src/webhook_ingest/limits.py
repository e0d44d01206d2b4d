"""What may be held at once. More is answered 503, which Shopify retries."""

import asyncio
from dataclasses import dataclass
from types import TracebackType

from webhook_ingest import metrics
from webhook_ingest.errors import Crowded, NotDurable


class WaitingRoom:
    """Bounds how many deliveries wait, in all and per shop, and how many of one shop are on their way to Kafka.

    Those of a shop in a storm take turns, while the others' go at once: a Kafka client that has little to do answers
    in a few rounds of the event loop, and a loop full of one shop's work makes each round long.
    """

    def __init__(self, *, size: int, share: int, at_once: int) -> None:
        self._size = size
        self._share = share
        self.at_once = at_once
        self._shops: dict[str, _Shop] = {}
        self._total = 0
        metrics.WAITING.set_function(lambda: self._total)

    def place(self, shop: str, *, until: float) -> "Place":
        """Return a place for `shop`, held in an `async with` block.

        Entering raises Crowded when there is none, and NotDurable when its turn does not come `until` that time of
        the event loop.
        """
        return Place(self, shop, until)

    def enter(self, name: str) -> "_Shop":
        """Count a delivery in; raise Crowded when there is no place for it."""
        shop = self._shops.get(name)
        if self._total >= self._size or (shop is not None and shop.deliveries >= self._share):
            raise Crowded("too many deliveries are waiting")
        if shop is None:
            shop = self._shops[name] = _Shop()
        self._total += 1
        shop.deliveries += 1
        return shop

    def leave(self, name: str, shop: "_Shop") -> None:
        """Count a delivery out; who has waited longest is next."""
        self._total -= 1
        shop.deliveries -= 1
        if shop.turns and shop.on_their_way < self.at_once:
            turn = shop.turns.pop(0)
            if not turn.done():  # else it has just given up, and will leave the turn to the next
                turn.set_result(None)
        if not shop.deliveries:
            del self._shops[name]


class _Shop:
    """What one shop has in the room."""

    __slots__ = ("deliveries", "turns")

    def __init__(self) -> None:
        self.deliveries = 0
        self.turns: list[asyncio.Future[None]] = []

    @property
    def on_their_way(self) -> int:
        return self.deliveries - len(self.turns)


class Place:
    """One place in the waiting room; the block begins when its turn has come."""

    __slots__ = ("_name", "_room", "_shop", "_until")

    def __init__(self, room: WaitingRoom, name: str, until: float) -> None:
        self._room = room
        self._name = name
        self._until = until

    async def __aenter__(self) -> None:
        self._shop = self._room.enter(self._name)
        if self._shop.on_their_way > self._room.at_once:
            await self._turn(self._shop)

    async def _turn(self, shop: _Shop) -> None:
        turn = asyncio.get_running_loop().create_future()
        shop.turns.append(turn)
        try:
            async with asyncio.timeout_at(self._until):
                await turn
        except BaseException as error:
            if turn in shop.turns:
                shop.turns.remove(turn)
            self._room.leave(self._name, shop)
            if isinstance(error, TimeoutError):
                raise NotDurable("the shop's turn did not come in time") from None
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.leave(self._name, self._shop)


@dataclass(slots=True)
class BodyMemory:
    """Bounds the bytes of all bodies held, most of them not yet known to be Shopify's."""

    bytes_max: int
    held: int = 0

    def take(self, size: int) -> None:
        """Count bytes; raise Crowded when all are taken."""
        if self.held + size > self.bytes_max:
            raise Crowded("too many bytes are held")
        self.held += size

    def give_back(self, size: int) -> None:
        """Count bytes as free again."""
        self.held -= size
