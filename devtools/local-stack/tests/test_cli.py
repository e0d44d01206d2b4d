"""What the commands make of a part that ends, a page that is not as expected, and a clock that is set."""

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from local_stack import cli, demo
from local_stack.browser import PageProblem
from local_stack.processes import started_after_boot


@pytest.mark.parametrize(
    "problem",
    [PageProblem("log-in led to /error"), httpx.ConnectError("refused"), psycopg.OperationalError("closed")],
)
def test_problem_of_the_demo_is_printed_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def create_shop(*_: Any, **__: Any) -> None:
        raise problem

    monkeypatch.setattr(demo, "Platform", lambda stack: SimpleNamespace(create_shop=create_shop))
    console = Console(file=io.StringIO(), width=200)

    held = demo.run_demo(SimpleNamespace(), console, customers=1, orders=1, products=1)  # type: ignore[arg-type]

    assert not held
    assert str(problem) in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("dies", [False, True])
def test_demo_fails_when_a_part_has_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool) -> None:
    """It used to end with status 0 as long as what it looked at was right."""
    log_path = tmp_path / "notifier.log"
    log_path.write_text("out of memory")
    dead = [SimpleNamespace(name="notifier", log_path=log_path)] if dies else []
    stack = SimpleNamespace(dead=lambda: dead, stop=lambda: None)
    monkeypatch.setattr(cli, "_down", lambda: False)
    monkeypatch.setattr(cli, "_start", lambda: stack)
    monkeypatch.setattr(cli, "run_demo", lambda *_, **__: True)
    monkeypatch.setattr(cli, "STACK_FILE", tmp_path / "stack.json")

    ended = CliRunner().invoke(cli.app, ["demo", "--once"])

    assert ended.exit_code == int(dies)
    assert ("out of memory" in ended.output) is dies


def test_process_is_known_again_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the clock used to make `status` call everything dead, and `down` leave it running."""
    recorded = {"pid": os.getpid(), "started_after_boot": started_after_boot(os.getpid())}
    create_time, boot_time = psutil.Process.create_time, psutil.boot_time

    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600)

    assert cli._alive(recorded)
    assert not cli._alive({**recorded, "started_after_boot": recorded["started_after_boot"] - 60})
