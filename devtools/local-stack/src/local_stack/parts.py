"""The two third-party servers, wherever they come from: the environment, Docker, or this machine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local_stack.kafka import start_kafka
from local_stack.postgres import start_postgres
from local_stack.processes import Process

POSTGRES_VARIABLE = "SHOPSYNC_POSTGRES_URL"
KAFKA_VARIABLE = "SHOPSYNC_KAFKA_BOOTSTRAP"


@dataclass(frozen=True)
class Server:
    """A server that answers at `address`; `process` is set when it is our own child."""

    address: str
    stop: Callable[[], None]
    process: Process | None = None


def in_docker() -> bool:
    """Say whether `STACK=docker` asks for containers."""
    return os.environ.get("STACK") == "docker"


def postgres_server(folder: Path, *, durable: bool = True, port: int = 5432) -> Server:
    """Give a PostgreSQL; the address is its superuser's URL."""
    if given := os.environ.get(POSTGRES_VARIABLE):
        return Server(given, _leave)
    if in_docker():
        from testcontainers.community.postgres import PostgresContainer

        container = PostgresContainer(
            "postgres:18-alpine", username="postgres", dbname="postgres", driver=None
        )
        container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust").start()
        return Server(container.get_connection_url(), container.stop)
    log_path = folder / "logs" / "postgres.log"
    local = start_postgres(folder / "postgres", log_path=log_path, port=port, durable=durable)
    return Server(local.url(), local.process.stop, local.process)


def kafka_server(folder: Path, *, cache: Path, port: int = 9092) -> Server:
    """Give a Kafka; the address is its bootstrap server."""
    if given := os.environ.get(KAFKA_VARIABLE):
        return Server(given, _leave)
    if in_docker():
        from testcontainers.community.kafka import KafkaContainer

        container = KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft()
        container.start()
        return Server(container.get_bootstrap_server(), container.stop)
    local = start_kafka(folder / "kafka", cache=cache, log_path=folder / "logs" / "kafka.log", port=port)
    return Server(local.bootstrap, local.process.stop, local.process)


def _leave() -> None:
    """Do nothing: a server given by its address is not ours to stop."""
