"""A server that does not start leaves no child behind."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from local_stack import kafka, postgres, stack
from local_stack.parts import Server
from local_stack.processes import StartFailed
from local_stack.repository import LOCAL, scratch_folder


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
