"""Child processes with a log file each: start, wait until ready, stop, and show the end of a dead one's log."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# Below those that kernels give to outgoing connections, one of which may come before the server that was to listen.
_PORTS = range(12_000, 32_000)


class StartFailed(RuntimeError):
    """Raised when a process ended or stayed unready; the message holds the end of its log."""


@dataclass
class Process:
    """A running child with its log."""

    name: str
    log_path: Path
    popen: "subprocess.Popen[bytes]" = field(repr=False)
    stop_signal: int = signal.SIGTERM

    @property
    def pid(self) -> int:
        """Return the process id, which is also its group's."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Say whether it still runs."""
        return self.popen.poll() is None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def kill(self, sig: int = signal.SIGKILL) -> None:
        """Send a signal to this process alone."""
        self.popen.send_signal(sig)

    def stop(self, timeout_seconds: float = 20) -> None:
        """Ask it to end; end it after the timeout."""
        if not self.running:
            return
        self.popen.send_signal(self.stop_signal)
        try:
            self.popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log_path: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Process:
    """Start a child in a session of its own, so that Ctrl-C reaches it only through us."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        popen = subprocess.Popen(  # noqa: S603 - the command is ours
            [str(part) for part in command],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
        )
    return Process(name, log_path, popen, stop_signal)


@contextmanager
def stopped_on_error(process: Process) -> Iterator[None]:
    """Stop a child whose start fails or is interrupted inside the block: nobody else knows of it yet."""
    try:
        yield
    except BaseException:
        process.stop()
        raise


def wait_until(
    ready: Callable[[], bool],
    process: Process,
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.05,
    beside: Iterable[Process] = (),
) -> None:
    """Return once `ready` holds; raise StartFailed when the process, or one beside it, ends or the time is up."""
    watched = [process, *beside]
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        for one in watched:
            if not one.running:
                raise StartFailed(f"{one.name} ended while starting:\n{one.log_tail()}")
        if time.monotonic() > deadline:
            raise _unready(process, timeout_seconds)
        time.sleep(interval_seconds)


def wait_for_end(process: Process, *, timeout_seconds: float) -> int:
    """Return the exit status of a child that does one thing and ends; raise StartFailed when the time is up."""
    try:
        return process.popen.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        raise _unready(process, timeout_seconds) from None


def _unready(process: Process, timeout_seconds: float) -> StartFailed:
    return StartFailed(f"{process.name} was not ready in {timeout_seconds:g} s:\n{process.log_tail()}")


def started_after_boot(pid: int) -> float:
    """Return how many seconds after the machine a process was started, which no step of the clock changes."""
    return psutil.Process(pid).create_time() - psutil.boot_time()


def port_is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def free_port(preferred: int = 0) -> int:
    """Return `preferred` when nothing holds it, else any free port."""
    return free_ports({"": preferred})[""]


def free_ports(preferred: Mapping[str, int]) -> dict[str, int]:
    """Return a free port by name, the preferred one where nothing holds it; no two names get the same."""
    with ExitStack() as held:  # all are held until the last is chosen, or one could be given out twice
        return {name: _hold(port, held) for name, port in preferred.items()}


def _hold(preferred: int, held: ExitStack) -> int:
    others = random.sample(_PORTS, k=50)
    for port in (preferred, *others) if preferred else others:
        probe = held.enter_context(socket.socket())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            continue
        return port
    raise OSError("no free port on 127.0.0.1")
