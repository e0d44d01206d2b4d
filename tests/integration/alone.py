"""What a test needs that runs some of the services alone: servers of its own, and to know when a process is ready."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from local_stack import schema
from local_stack.parts import kafka_server
from local_stack.repository import LOCAL, scratch_folder
from local_stack.testing import StackDatabase


@dataclass(frozen=True)
class Servers:
    """A broker and a database, and a folder for what the processes write."""

    folder: Path
    bootstrap: str
    database: StackDatabase


@contextmanager
def own_servers(name: str, postgres_url: str, template_database: str) -> Iterator[Servers]:
    """Give a fresh database and a broker: a real process reads topics by their real names."""
    database = f"{name}_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, database, template=template_database)
    with ExitStack() as stop, scratch_folder(name) as folder:
        stop.callback(schema.drop_database, postgres_url, database)
        server = kafka_server(folder, cache=LOCAL / "cache", port=0)
        stop.callback(server.stop)
        yield Servers(folder, server.address, StackDatabase(postgres_url, database))


def answers(url: str) -> bool:
    """Say whether a process answers that it is well."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
