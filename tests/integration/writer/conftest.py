"""The record-writer alone: its real process with a Kafka and a database of its own, the other five left out."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from local_stack import schema
from local_stack.parts import kafka_server
from local_stack.repository import LOCAL, scratch_folder
from local_stack.testing import StackDatabase

from .alone import WriterAlone


@pytest.fixture(autouse=True)
def every_part_lives() -> None:
    """Leave out the whole platform, which the other integration tests start."""


@pytest.fixture(scope="module")
def writer(postgres_url: str, template_database: str) -> Iterator[WriterAlone]:
    """Return a running writer with a broker of its own, since a real process reads topics by their real names."""
    name = f"writer_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, name, template=template_database)
    with ExitStack() as stop, scratch_folder("writer-alone") as folder:
        stop.callback(schema.drop_database, postgres_url, name)
        server = kafka_server(folder, cache=LOCAL / "cache", port=0)
        stop.callback(server.stop)
        found = WriterAlone(folder, server.address, StackDatabase(postgres_url, name))
        stop.callback(found.stop)
        asyncio.run(found.prepare())
        found.start()
        yield found
