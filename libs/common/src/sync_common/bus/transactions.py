"""What the bus needs of a database; `sync_common.db.Database` offers it."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

Transaction = AsyncConnection


class Transactional(Protocol):
    """Anything that opens transactions: committed at the end of the block, rolled back on an error."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction."""
        ...

    def is_transient(self, error: BaseException, /) -> bool:
        """Say whether trying again may help after `error`."""
        ...
