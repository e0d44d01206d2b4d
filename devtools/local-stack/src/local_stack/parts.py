"""The two third-party servers, wherever they come from: the environment, Docker, or this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_stack.kafka import start_kafka
from local_stack.postgres import start_postgres

POSTGRES_VARIABLE = "SHOPSYNC_POSTGRES_URL"
KAFKA_VARIABLE = "SHOPSYNC_KAFKA_BOOTSTRAP"


def wants_docker() -> bool:
    """Say whether `STACK=docker` asks for containers."""
    return os.environ.get("STACK") == "docker"


@contextmanager
def running_postgres(folder: Path, *, durable: bool = True, port: int = 5432) -> Iterator[str]:
    """Give a superuser URL of a PostgreSQL that runs until the end of the block."""
    if given := os.environ.get(POSTGRES_VARIABLE):
        yield given
    elif wants_docker():
        from testcontainers.postgres import PostgresContainer

        container = PostgresContainer("postgres:18-alpine", driver=None)
        with container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust"):
            yield container.get_connection_url()
    else:
        server = start_postgres(
            folder / "postgres", log_path=folder / "logs" / "postgres.log", port=port, durable=durable
        )
        try:
            yield server.url()
        finally:
            server.process.stop()


@contextmanager
def running_kafka(folder: Path, *, cache: Path, port: int = 9092) -> Iterator[str]:
    """Give the bootstrap address of a Kafka that runs until the end of the block."""
    if given := os.environ.get(KAFKA_VARIABLE):
        yield given
    elif wants_docker():
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft() as container:
            yield container.get_bootstrap_server()
    else:
        broker = start_kafka(folder / "kafka", cache=cache, log_path=folder / "logs" / "kafka.log", port=port)
        try:
            yield broker.bootstrap
        finally:
            broker.process.stop()
