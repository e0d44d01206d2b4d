"""Alembic's entry point; everything is in sync_common."""

from sync_common.db.migrations import run_env

run_env()
