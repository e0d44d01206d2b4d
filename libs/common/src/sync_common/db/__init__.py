"""PostgreSQL: the pool, the transaction, leases and SQL files. Works behind a transaction pooler."""

from sync_common.db.database import Database, Transaction, UnsafeRole, is_transient, raw_cursor
from sync_common.db.lease import Lease
from sync_common.db.sql import load_sql

__all__ = ["Database", "Lease", "Transaction", "UnsafeRole", "is_transient", "load_sql", "raw_cursor"]
