"""Run one service's Alembic migrations: its own schema, its own version table, its own role."""

from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

LOCK_TIMEOUT = "5s"


def upgrade(url: str, *, migrations: Path, schema: str, revision: str = "head") -> None:
    """Bring a schema up to `revision` under the role in `url`."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=url, schema=schema)
    command.upgrade(config, revision)


def run_env() -> None:
    """Be the body of every service's `migrations/env.py`."""
    attributes = context.config.attributes
    engine = create_engine(
        attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            version_table="alembic_version",
            version_table_schema=attributes["schema"],
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
