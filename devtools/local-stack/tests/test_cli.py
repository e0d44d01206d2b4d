"""What the commands make of a part that ends and of a page that is not as expected."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from local_stack import cli, demo
from local_stack.browser import PageProblem


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
