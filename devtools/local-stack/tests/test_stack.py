"""A stack starts further replicas of a service, tells of them, and stops them with the rest."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_stack import processes, stack
from local_stack.environment import Addresses, Secrets, default_http_ports, default_ops_ports
from local_stack.processes import Process
from local_stack.stack import Stack
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import OAUTH_GATEWAY, RECORD_WRITER


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Let a sleeping child stand for each process, ready at once; return what each is told, by name."""
    told: dict[str, dict[str, str]] = {}

    def start(name: str, _command: Any, *, log_path: Path, env: dict[str, str]) -> Process:
        told[name] = env
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        return processes.start(name, sleep, log_path=log_path)

    monkeypatch.setattr(stack, "start", start)
    monkeypatch.setattr(stack, "_answers", lambda url: True)
    return told


@pytest.fixture
def running(tmp_path: Path, environments: dict[str, dict[str, str]]) -> Iterator[Stack]:
    """A stack with one record-writer and nothing else."""
    addresses = Addresses("localhost:9092", lambda role: "", default_http_ports(), default_ops_ports())
    running = Stack(tmp_path, addresses, Secrets.new(), servers=())  # type: ignore[arg-type]
    running.start_process(RECORD_WRITER)
    yield running
    running.stop()


def test_replica_has_a_name_a_log_and_an_ops_port_of_its_own(
    running: Stack, environments: dict[str, dict[str, str]]
) -> None:
    second, third = running.start_replica(RECORD_WRITER), running.start_replica(RECORD_WRITER)

    names = [RECORD_WRITER, second, third]
    assert names == ["record-writer", "record-writer-2", "record-writer-3"]
    assert environments[RECORD_WRITER]["WRITER_OPS_PORT"] == str(SERVICES[RECORD_WRITER].ops_port)
    assert len({environments[name].pop("WRITER_OPS_PORT") for name in names}) == 3
    assert environments[second] == environments[RECORD_WRITER], "it differs in nothing else"
    told = running.describe()["processes"]
    assert len({told[name]["log"] for name in names}) == len({told[name]["ops_url"] for name in names}) == 3


def test_replica_that_dies_is_dead_until_it_is_started_again(running: Stack) -> None:
    name = running.start_replica(RECORD_WRITER)

    running.processes[name].kill(signal.SIGKILL)
    running.processes[name].popen.wait()
    assert [process.name for process in running.dead()] == [name]

    running.restart(name)
    assert running.dead() == []


def test_replica_is_stopped_alone_and_forgotten_or_with_the_stack(running: Stack) -> None:
    gone, kept = running.start_replica(RECORD_WRITER), running.start_replica(RECORD_WRITER)
    children = dict(running.processes)

    running.stop_replica(gone)
    assert not children[gone].running
    assert running.dead() == []
    assert gone not in running.describe()["processes"]

    running.stop()
    assert not children[kept].running


def test_service_that_others_call_has_no_replica(running: Stack) -> None:
    with pytest.raises(AssertionError, match="one address"):
        running.start_replica(OAUTH_GATEWAY)
