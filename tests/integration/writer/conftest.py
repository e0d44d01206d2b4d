"""The record-writer alone: its real process with a Kafka and a database of its own, the other five left out."""

import asyncio
from collections.abc import Iterator

import pytest

from ..alone import own_servers
from .alone import WriterAlone


@pytest.fixture(autouse=True)
def every_part_lives() -> None:
    """Leave out the whole platform, which the other integration tests start."""


@pytest.fixture(scope="module")
def writer(postgres_url: str, template_database: str) -> Iterator[WriterAlone]:
    """Return a running writer with a broker of its own, since a real process reads topics by their real names."""
    with own_servers("writer", postgres_url, template_database) as servers:
        found = WriterAlone(servers.folder, servers.bootstrap, servers.database)
        try:
            asyncio.run(found.prepare())
            found.start()
            yield found
        finally:
            found.stop()
