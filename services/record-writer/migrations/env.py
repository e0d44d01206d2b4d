"""Alembic's entry point; what it does is shared by all services."""

from sync_common.db.migrations import run_env

run_env()
