"""Two shopify-fetchers on one database, facing the simulator; the other five services are left out."""

import asyncio
from collections.abc import Iterator

import pytest

from ..alone import own_servers
from .replicas import Replicas


@pytest.fixture(autouse=True)
def every_part_lives() -> None:
    """Leave out the whole platform, which the other integration tests start."""


@pytest.fixture
def replicas(postgres_url: str, template_database: str) -> Iterator[Replicas]:
    """Return two running fetchers with a broker, a database and a simulator of their own."""
    with own_servers("fetchers", postgres_url, template_database) as servers:
        found = Replicas(servers.folder, servers.bootstrap, servers.database)
        try:
            asyncio.run(found.start())
            yield found
        finally:
            found.stop()
