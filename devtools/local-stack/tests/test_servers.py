"""Servers: one that does not start leaves no child behind, and one that is given is used as it is."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from testcontainers.community.postgres import PostgresContainer

from local_stack import kafka, postgres, schema, stack
from local_stack.parts import POSTGRES_VARIABLE, Server, postgres_server
from local_stack.processes import StartFailed
from local_stack.repository import LOCAL, scratch_folder
from local_stack.testing import StackDatabase


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder("test-servers") as folder:
        yield folder


@pytest.fixture
def children() -> Iterator[list[psutil.Process]]:
    """What this process had started before the test; afterwards there must be no more."""
    before = psutil.Process().children()
    yield before
    left = [child for child in psutil.Process().children() if child not in before]
    for child in left:
        child.kill()
    assert not left


@pytest.mark.usefixtures("children")
def test_postgres_that_stays_unready_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "READY_SECONDS", 0)
    monkeypatch.setattr(postgres, "_accepts", lambda url: False)

    with pytest.raises(StartFailed, match="postgres was not ready"):
        postgres.start_postgres(folder / "postgres", log_path=folder / "log", port=0)


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize("stage", ["kafka-format", "kafka"])
def test_kafka_that_stays_unready_is_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(kafka, "READY_SECONDS", 0)
    monkeypatch.setattr(kafka, "port_is_open", lambda port: False)
    if stage == "kafka":
        (folder / "kafka" / "data").mkdir(parents=True)
        (folder / "kafka" / "data" / "meta.properties").touch()

    with pytest.raises(StartFailed, match=f"{stage} was not ready"):
        kafka.start_kafka(folder / "kafka", cache=LOCAL / "cache", log_path=folder / "log", port=0)


def test_stack_that_cannot_be_described_stops_its_servers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    servers = tuple(Server(name, partial(stopped.append, name)) for name in ("postgres", "kafka"))
    monkeypatch.setattr(stack, "_start_servers", lambda *_, **__: servers)
    monkeypatch.setattr(stack, "free_ports", lambda wanted: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        stack.start_stack(folder / "run", cache=LOCAL / "cache")

    assert stopped == ["kafka", "postgres"]


def test_given_superuser_keeps_user_and_password_and_roles_have_none(folder: Path) -> None:
    given = "postgresql://admin:pw@db:5432/postgres?sslmode=disable"
    database = StackDatabase(given, "x")
    platform = stack._describe(
        folder, Server(given, lambda: None), Server("kafka:9092", lambda: None), default_ports=False
    )

    assert database.url() == "postgresql://admin:pw@db:5432/x?sslmode=disable"
    assert platform.database_url() == "postgresql://admin:pw@db:5432/shopsync?sslmode=disable"
    assert database.url("svc_notifier") == "postgresql://svc_notifier@db:5432/x?sslmode=disable"
    assert platform.describe()["database_urls"]["postgres"] == platform.database_url()


def test_container_has_the_superuser_that_everything_expects(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No daemon is needed: what counts is what the container is told."""
    monkeypatch.setenv("STACK", "docker")
    monkeypatch.delenv(POSTGRES_VARIABLE, raising=False)
    told: dict[str, str] = {}

    def start(container: PostgresContainer) -> None:
        container._container = Mock()
        container._configure()
        told.update(container.env)

    monkeypatch.setattr("testcontainers.core.container.DockerClient", Mock())
    monkeypatch.setattr(PostgresContainer, "start", start)
    monkeypatch.setattr(PostgresContainer, "get_container_host_ip", lambda _: "db")
    monkeypatch.setattr(PostgresContainer, "get_exposed_port", lambda *_: 5432)

    server = postgres_server(folder)

    assert urlsplit(server.address).username == told["POSTGRES_USER"] == "postgres"
    assert urlsplit(server.address).path == f"/{told['POSTGRES_DB']}" == "/postgres"
    assert told["POSTGRES_HOST_AUTH_METHOD"] == "trust"


def test_server_that_wants_passwords_of_the_roles_is_refused_in_words(folder: Path) -> None:
    server = postgres.start_postgres(folder / "postgres", log_path=folder / "log", port=0, durable=False)
    try:
        rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (folder / "postgres" / "pg_hba.conf").write_text(rules)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("SELECT pg_reload_conf()")

        with pytest.raises(StartFailed, match="have no passwords here"):
            schema.prepare(schema.create_database(server.url(), "x"))
    finally:
        server.process.stop()
