"""Processes are started with a log, watched until ready, and stopped whatever they do."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from local_stack.processes import StartFailed, free_port, free_ports, start, wait_for_end, wait_until


def python(tmp_path: Path, code: str) -> tuple[list[str], Path]:
    return [sys.executable, "-c", code], tmp_path / "log"


def test_process_that_ends_while_starting_is_reported_with_its_log(tmp_path: Path) -> None:
    command, log_path = python(tmp_path, "print('port in use'); raise SystemExit(3)")
    process = start("gateway", command, log_path=log_path)

    with pytest.raises(StartFailed, match=r"(?s)gateway ended while starting.*port in use"):
        wait_until(lambda: False, process, timeout_seconds=20)


def test_process_that_ends_while_another_is_awaited_is_reported_at_once(tmp_path: Path) -> None:
    """It used to be noticed only when its own turn came, after all the others had got ready."""
    dying = start(
        "gateway", [sys.executable, "-c", "raise SystemExit('port in use')"], log_path=tmp_path / "a"
    )
    awaited = start("slow", [sys.executable, "-c", "import time; time.sleep(600)"], log_path=tmp_path / "b")

    with pytest.raises(StartFailed, match=r"(?s)gateway ended while starting.*port in use"):
        wait_until(lambda: False, awaited, timeout_seconds=60, beside=[dying])

    awaited.stop()


def test_process_that_never_gets_ready_is_reported_in_time(tmp_path: Path) -> None:
    command, log_path = python(tmp_path, "import time; time.sleep(60)")
    process = start("slow", command, log_path=log_path)

    with pytest.raises(StartFailed, match=r"slow was not ready in 0\.2 s"):
        wait_until(lambda: False, process, timeout_seconds=0.2)

    process.stop()
    assert not process.running


@pytest.mark.parametrize("status", [0, 3])
def test_process_that_is_to_end_is_waited_for(tmp_path: Path, status: int) -> None:
    """One that ended between two looks at it was reported as ended while starting."""
    command, log_path = python(tmp_path, f"raise SystemExit({status})")

    assert wait_for_end(start("format", command, log_path=log_path), timeout_seconds=20) == status


def test_process_that_is_to_end_and_does_not_is_reported(tmp_path: Path) -> None:
    command, log_path = python(tmp_path, "import time; time.sleep(60)")
    process = start("format", command, log_path=log_path)

    with pytest.raises(StartFailed, match=r"format was not ready in 0\.2 s"):
        wait_for_end(process, timeout_seconds=0.2)

    process.stop()


def test_process_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    command, log_path = python(tmp_path, code)
    process = start("stubborn", command, log_path=log_path)
    wait_until(lambda: "up" in process.log_tail(), process, timeout_seconds=20)

    process.stop(timeout_seconds=0.1)

    assert process.popen.returncode == -signal.SIGKILL


def test_busy_port_is_replaced_by_a_free_one() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        busy = holder.getsockname()[1]

        replacement = free_port(busy)

    assert replacement != busy
    assert free_port(replacement) == replacement


def test_no_port_is_given_out_twice() -> None:
    names = [str(number) for number in range(200)]

    ports = free_ports(dict.fromkeys(names, 0))

    assert len(set(ports.values())) == len(names)
