"""Make a database as a deployment does: roles, each service's migrations, then the views that span schemas."""

import hashlib
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from local_stack.postgres import replace_database
from local_stack.processes import StartFailed
from local_stack.repository import POSTGRES_SQL, migrations_of
from sync_common.bus.inbox import inbox_ddl
from sync_common.bus.outbox import outbox_ddl
from sync_common.contracts.stack import SERVICES, Service
from sync_common.db.migrations import upgrade

_LOCK = 0x53484F50  # any constant: makes two preparers of one server take turns


def schema_owners() -> list[Service]:
    """Return the services that own a schema."""
    return [service for service in SERVICES.values() if service.schema]


def create_database(admin_url: str, name: str, *, template: str | None = None) -> str:
    """Create a database, from a template where given, and return its superuser URL."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
        connection.execute(statement)
    return replace_database(admin_url, name)


def drop_database(admin_url: str, name: str) -> None:
    """Drop a database and whoever is still connected to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def prepare(url: str) -> None:
    """Bring a database to the newest schema; repeatable."""
    with psycopg.connect(replace_database(url, "postgres"), autocommit=True) as server:
        # Roles are shared by all databases of a server, and two sessions granting at once would collide.
        server.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _run_file(url, "roles.sql")
    database = urlsplit(url).path.lstrip("/")
    _check_trust(url, database)
    for service in schema_owners():
        assert service.schema is not None  # noqa: S101 - schema_owners() returns no other
        upgrade(
            replace_database(url, database, service.migration_role),
            migrations=migrations_of(service.name),
            schema=service.schema,
        )
    _run_file(url, "published.sql")


def fingerprint() -> str:
    """Return a short hash of everything `prepare` runs: equal hash, equal schema."""
    digest = hashlib.sha256()
    folders = [POSTGRES_SQL, *(migrations_of(service.name) for service in schema_owners())]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".sql"}:
                digest.update(path.read_bytes())
    for ddl in (outbox_ddl, inbox_ddl):  # migrations call them
        digest.update(ddl("any").encode())
    return digest.hexdigest()[:12]


def _check_trust(url: str, database: str) -> None:
    """Raise StartFailed unless the services' roles may log in: they are given no passwords here."""
    role = schema_owners()[0].runtime_role
    try:
        psycopg.connect(replace_database(url, database, role), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        raise StartFailed(
            f"PostgreSQL refuses {role}. Its roles have no passwords here, so pg_hba.conf must trust their log-ins"
            f" from this machine: {str(error).strip()}"
        ) from None


def _run_file(url: str, name: str) -> None:
    statements = (POSTGRES_SQL / name).read_bytes()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements)
