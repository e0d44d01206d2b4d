"""Adapters from the handlers that services write to the one kind that the consumer calls."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from sync_common.bus.message import BatchHandler, Message, Outcome, Rejected, rejection_of
from sync_common.bus.transactions import Transaction, Transactional
from sync_common.contracts.envelope import MalformedEnvelope


class TransactionalHandler(Protocol):
    """Handle a batch inside a transaction that somebody else opens and commits."""

    def __call__(self, batch: Sequence[Message], *, tx: Transaction) -> Awaitable[Sequence[Outcome]]:
        """Answer once per message, in order."""
        ...


def in_transaction(database: Transactional, handler: TransactionalHandler) -> BatchHandler:
    """Give each call of `handler` one transaction; it commits when the handler returns, else rolls back."""

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        async with database.transaction() as tx:
            return await handler(batch, tx=tx)

    return handle


class MessageHandler(Protocol):
    """Handle one message inside a transaction."""

    def __call__(self, message: Message, /, *, tx: Transaction) -> Awaitable[Outcome]:
        """Answer Done or Rejected, or raise Rejected."""
        ...


def one_by_one(handler: MessageHandler) -> TransactionalHandler:
    """Let a handler of single messages serve batches; a message it rejects leaves nothing behind."""

    async def handle(batch: Sequence[Message], *, tx: Transaction) -> Sequence[Outcome]:
        return [await _answer(handler, message, tx) for message in batch]

    return handle


async def _answer(handler: MessageHandler, message: Message, tx: Transaction) -> Outcome:
    try:
        async with tx.begin_nested():
            outcome = await handler(message, tx=tx)
            if isinstance(outcome, Rejected):
                raise outcome
            return outcome
    except (Rejected, MalformedEnvelope) as error:
        return rejection_of(error)
