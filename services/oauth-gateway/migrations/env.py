"""Alembic runs this file; the work is shared by all services."""

from sync_common.db.migrations import run_env

run_env()
