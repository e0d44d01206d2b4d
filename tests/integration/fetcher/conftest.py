"""Two shopify-fetchers on one database, facing the simulator; the other five services are left out."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from local_stack import schema
from local_stack.parts import kafka_server
from local_stack.repository import LOCAL, scratch_folder
from local_stack.testing import StackDatabase

from .replicas import Replicas


@pytest.fixture(autouse=True)
def every_part_lives() -> None:
    """Leave out the whole platform, which the other integration tests start."""


@pytest.fixture
def replicas(postgres_url: str, template_database: str) -> Iterator[Replicas]:
    """Return two running fetchers with a broker, a database and a simulator of their own."""
    name = f"fetchers_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, name, template=template_database)
    with ExitStack() as stop, scratch_folder("fetchers") as folder:
        stop.callback(schema.drop_database, postgres_url, name)
        server = kafka_server(folder, cache=LOCAL / "cache", port=0)
        stop.callback(server.stop)
        found = Replicas(folder, server.address, StackDatabase(postgres_url, name))
        stop.callback(found.stop)
        asyncio.run(found.start())
        yield found
