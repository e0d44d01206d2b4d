"""The HTTP server's side of a connection, with the limits that uvicorn lacks.

uvicorn waits for ever for a request that never comes or a header that never ends, keeps headers of any size, and opens
connections without end. Whatever cannot be read as HTTP is answered 401: it proves as little as any unsigned request.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from webhook_ingest import metrics
from webhook_ingest.suspicions import Suspicions

HEADER_BYTES_MAX: Final = 64 * 1024
BEGAN: Final = "began"
"""Under which name a request's state has the event loop's time of its first byte."""

# One line for each odd request would fill the disk: they are counted, and logged once a second.
_logger: Final = logging.getLogger("webhook_ingest.protocol")
_logger.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open, and how long a request may take to arrive, from its first byte to its last."""

    connections_max: int
    arrival_seconds: float
    suspicions: Suspicions


class DeliveryProtocol(HttpToolsProtocol):
    """One connection. Its clock runs from when it is opened, and while a request has arrived in part."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _logger
        self._limits = limits
        self._patience: asyncio.TimerHandle | None = None
        self._is_used = False
        self._header_bytes = 0
        self._is_whole = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Open the connection, or close it at once where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections_max:
            self._note("too_many_connections", 0)
            transport.abort()
            return
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; give up on headers that do not end."""
        super().data_received(data)
        if self._is_whole:
            return
        if self._reads_headers():
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES_MAX and not self.transport.is_closing():
                self._refuse(401, "endless_headers")
        if self._patience is None:
            self._start_clock()

    def on_message_begin(self) -> None:
        """Note when the request's first byte came: its answer is due within seconds of it."""
        super().on_message_begin()
        self._is_used = True
        self._header_bytes, self._is_whole = 0, False
        self.scope["state"][BEGAN] = self.loop.time()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is here, and the rest is up to us."""
        self._is_whole = True
        self._stop_clock()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as HTTP, like everything that proves nothing."""
        self._refuse(401, "malformed")

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is answered without the upgrade."""

    def _reads_headers(self) -> bool:
        return self._is_used and "method" not in self.scope  # which uvicorn adds when they are complete

    def _start_clock(self) -> None:
        if not self.transport.is_closing():
            self._patience = self.loop.call_later(self._limits.arrival_seconds, self._give_up)

    def _stop_clock(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self._reads_headers():
            self._refuse(408, "slow_headers")
        elif self._is_used:
            self._end(408)  # the app waits for the rest of a body; it learns that none comes, and notes it
        else:
            self.transport.close()  # opened in advance and not needed: nothing odd

    def _refuse(self, status: int, outcome: str) -> None:
        self._note(outcome, status)
        self._end(status)

    def _end(self, status: int) -> None:
        phrase = {401: b"Unauthorized", 408: b"Request Timeout"}[status]
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % (status, phrase)
        )
        self.transport.close()

    def _note(self, outcome: str, status: int) -> None:
        topic = metrics.topic_label(None)
        metrics.DELIVERIES.count(topic, outcome)
        self._limits.suspicions.note(outcome, status, topic)
