"""Pytest fixtures on the real parts: one PostgreSQL and one Kafka a run, a fresh migrated database a test.

Order of choice: addresses in the environment (`SHOPSYNC_POSTGRES_URL`, `SHOPSYNC_KAFKA_BOOTSTRAP`), Docker through
testcontainers (`STACK=docker`), else the local parts.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import structlog

from local_stack import schema
from local_stack.parts import kafka_server, postgres_server
from local_stack.postgres import replace_database
from local_stack.repository import LOCAL, scratch_folder
from sync_common.contracts.stack import SERVICES


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGTERM end a run as Ctrl-C does, so that the servers it started end with it; log errors without locals."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])  # locals take seconds
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist ends with its controller
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@dataclass(frozen=True)
class StackDatabase:
    """A freshly migrated database of its own."""

    admin_url: str
    name: str

    def url(self, role: str | None = None) -> str:
        """Return the address under a role, such as `svc_record_writer`; the superuser's when none is given."""
        return replace_database(self.admin_url, self.name, role)

    def url_of(self, service: str) -> str:
        """Return the address under a service's run-time role."""
        return self.url(SERVICES[service].runtime_role)


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """Return where this run's servers keep their data and logs.

    In memory, since a database a test is many files: on a disk, some file systems take 0.4 s to make them soon after
    others were deleted.
    """
    with scratch_folder("test-servers", in_memory=True) as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_url(run_folder: Path) -> Iterator[str]:
    """Return the superuser address of a running PostgreSQL."""
    server = postgres_server(run_folder, durable=False, port=0)
    yield server.address
    server.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(run_folder: Path) -> Iterator[str]:
    """Return the address of a running Kafka."""
    server = kafka_server(run_folder, cache=LOCAL / "cache", port=0)
    yield server.address
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """Return the name of a database migrated as a deployment does; it is only ever copied."""
    name = f"template_{schema.fingerprint()}"
    with psycopg.connect(postgres_url, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [int(name.rsplit("_", 1)[1][:7], 16)])
        if lock.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            unfinished = f"{name}_{uuid4().hex[:6]}"
            schema.prepare(schema.create_database(postgres_url, unfinished))
            lock.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}".encode())
    return name


@pytest.fixture
def stack_database(postgres_url: str, template_database: str) -> Iterator[StackDatabase]:
    """Return a fresh database with every service's schema, dropped after the test."""
    name = f"test_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, name, template=template_database)
    yield StackDatabase(postgres_url, name)
    if not os.environ.get("SHOPSYNC_KEEP_DATABASES"):
        schema.drop_database(postgres_url, name)


@pytest.fixture(scope="module")
def topic_prefix() -> str:
    """Return a short prefix that keeps a test module's topics and groups apart from all others on the broker."""
    return f"t{uuid4().hex[:8]}."
