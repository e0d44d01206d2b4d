"""`python -m local_stack up|down|status|logs|demo`: the platform on one machine."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from local_stack.demo import run_demo
from local_stack.parts import KAFKA_VARIABLE, POSTGRES_VARIABLE, in_docker, kafka_server, postgres_server
from local_stack.processes import StartFailed, started_after_boot
from local_stack.repository import LOCAL, scratch_folder
from local_stack.stack import Stack, start_stack

RUN = LOCAL / "run"
STACK_FILE = LOCAL / "stack.json"
CACHE = LOCAL / "cache"
_START_SECONDS_APART = 2.0  # the kernel tells its own start in whole seconds, and not always the same one

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(width=None if sys.stdout.isatty() else 110)


@app.command()
def up() -> None:
    """Start everything afresh, and return when all parts are ready."""
    _down()
    started = time.monotonic()
    stack = _start()
    _show(stack.describe())
    console.print(f"Ready in {time.monotonic() - started:.0f} s. `make down` stops it.")
    if in_docker():  # containers live as long as the process that asked for them
        with _kept(stack):
            _until_interrupted()


@app.command()
def down() -> None:
    """Stop everything."""
    console.print("Stopped." if _down() else "Nothing was running.")


@app.command()
def status() -> None:
    """Say what runs, and show the end of the log of what does not."""
    described = _described()
    if described is None:
        console.print("Nothing is running. `make up` starts it.")
        raise typer.Exit(1)
    _show(described)
    dead = [name for name, process in described["processes"].items() if not _alive(process)]
    for name in dead:
        _report_dead(name, Path(described["processes"][name]["log"]))
    raise typer.Exit(1 if dead else 0)


@app.command()
def logs(
    names: Annotated[list[str] | None, typer.Argument(help="Processes; all when left out.")] = None,
) -> None:
    """Follow the logs until Ctrl-C."""
    described = _described()
    if described is None:
        console.print("Nothing is running. `make up` starts it.")
        raise typer.Exit(1)
    chosen = names or list(described["processes"])
    unknown = set(chosen) - set(described["processes"])
    if unknown:
        console.print(f"No such process: {', '.join(sorted(unknown))}")
        raise typer.Exit(2)
    paths = [described["processes"][name]["log"] for name in chosen]
    os.execvp("tail", ["tail", "-n", "20", "-F", *paths])  # noqa: S606, S607 - the system's own tail


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end; exit 0 only if everything held.")
    ] = False,
    customers: Annotated[int, typer.Option(min=1)] = 10_000,
    orders: Annotated[int, typer.Option(min=1)] = 20_000,
    products: Annotated[int, typer.Option(min=1)] = 1_000,
) -> None:
    """Connect a made-up store, mirror it, change it, and show that everything balances."""
    _down()
    console.print("Starting PostgreSQL, Kafka, six services, a Shopify simulator and a Loops stub…")
    stack = _start()
    held = False
    with _kept(stack):
        held = run_demo(stack, console, customers=customers, orders=orders, products=products)
        held &= not stack.dead()
        if not once:
            _invite(stack)
            _until_interrupted()
    raise typer.Exit(0 if held else 1)


@app.command("with-servers", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def with_servers(context: typer.Context) -> None:
    """Run a command with one PostgreSQL and one Kafka up, their addresses in its environment."""
    _stop_on_sigterm()
    with scratch_folder("servers", in_memory=True) as folder, ExitStack() as running:
        postgres = postgres_server(folder, durable=False, port=0)
        running.callback(postgres.stop)
        kafka = kafka_server(folder, cache=CACHE, port=0)
        running.callback(kafka.stop)
        env = os.environ | {POSTGRES_VARIABLE: postgres.address, KAFKA_VARIABLE: kafka.address}
        status = subprocess.run(context.args, env=env, check=False).returncode  # noqa: S603 - the caller's
    raise typer.Exit(status)


def _stop_on_sigterm() -> None:
    """Let SIGTERM unwind as Ctrl-C does, so that what was started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _start() -> Stack:
    _stop_on_sigterm()
    try:
        stack = start_stack(RUN, cache=CACHE)
    except StartFailed as failure:
        console.print(str(failure), markup=False, style="red")
        raise typer.Exit(1) from None
    try:
        STACK_FILE.write_text(json.dumps(stack.describe(), indent=2) + "\n")
    except BaseException:
        stack.stop()
        raise
    return stack


@contextmanager
def _kept(stack: Stack) -> Iterator[None]:
    """Report a part that dies at once, until the block ends or Ctrl-C; then stop everything."""
    stopping = threading.Event()
    watcher = threading.Thread(target=_watch, args=(stack, stopping), daemon=True)
    watcher.start()
    try:
        yield
    except KeyboardInterrupt:
        console.print("\nStopping…")
    finally:
        stopping.set()
        watcher.join()
        stack.stop()
        STACK_FILE.unlink(missing_ok=True)


def _watch(stack: Stack, stopping: threading.Event) -> None:
    reported: set[str] = set()
    last_look = False
    while not last_look:
        last_look = stopping.wait(0.5)
        for process in stack.dead():
            if process.name not in reported:
                reported.add(process.name)
                _report_dead(process.name, process.log_path)


def _until_interrupted() -> None:
    threading.Event().wait()


def _report_dead(name: str, log_path: Path) -> None:
    tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-20:])
    console.print(f"{name} has ended. The end of its log ({log_path}):", style="bold red")
    console.print(tail, markup=False, highlight=False)


def _invite(stack: Stack) -> None:
    login = stack.login
    console.print()
    console.print(f"  Web UI     {stack.describe()['web_url']}", highlight=False)
    console.print(f"  Log in     {login.email}  {login.password}", highlight=False)
    console.print(f"  Simulator  {stack.describe()['simulator_admin_url']}", highlight=False)
    console.print("  Ctrl-C stops everything.")


def _show(described: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "address", "log"):
        table.add_column(heading)
    for name, process in described["processes"].items():
        state = "[green]running" if _alive(process) else "[red]ended"
        address = process.get("url", process.get("ops_url", ""))
        table.add_row(name, state, address, os.path.relpath(process["log"]))
    console.print(table)
    login = described["login"]
    console.print(f"Web UI {described['web_url']}, log in as {login['email']} with {login['password']}")


def _described() -> dict[str, Any] | None:
    try:
        described: dict[str, Any] = json.loads(STACK_FILE.read_text())
    except FileNotFoundError:
        return None
    return described


def _alive(process: dict[str, Any]) -> bool:
    """Say whether the recorded process still runs, and its number was not given to another."""
    try:
        zombie = psutil.Process(process["pid"]).status() == psutil.STATUS_ZOMBIE
        since = started_after_boot(process["pid"])
    except psutil.NoSuchProcess:
        return False
    return not zombie and abs(since - process["started_after_boot"]) < _START_SECONDS_APART


def _down() -> bool:
    described = _described()
    if described is None:
        return False
    names = [name for name, process in described["processes"].items() if _alive(process)]
    servers = [name for name in names if name in {"postgres", "kafka"}]
    for group in ([name for name in names if name not in servers], servers):
        running = [psutil.Process(described["processes"][name]["pid"]) for name in group]
        for name, process in zip(group, running, strict=True):
            process.send_signal(described["processes"][name]["stop_signal"])
        for process in psutil.wait_procs(running, timeout=25)[1]:
            process.kill()
    STACK_FILE.unlink()
    return bool(names)


def main() -> None:
    """Run the command line."""
    app(prog_name="local_stack")
