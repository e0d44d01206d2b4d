"""What must never be logged is not logged, whoever asks."""

import asyncio
import gc
import io
import json
import logging
import sys
from typing import Any

import psycopg
import pytest
import structlog

from sync_common.runtime import configure_logging


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    configure_logging("svc", "info", fields={"lane"})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def test_only_allowed_fields_pass(lines: Any) -> None:
    structlog.get_logger().info("wrote", store_id=7, lane="live", body="Ann", email="ann@example.com")

    (line,) = lines()
    assert (line["event"], line["store_id"], line["lane"], line["service"]) == ("wrote", 7, "live", "svc")
    assert not {"body", "email"} & line.keys()


@pytest.mark.parametrize(
    "secret",
    ["shpat_0123456789abcdef", "shprt_abcdef", "ann@example.com", "Bearer abcdefghijkl", "://svc:hunter2@"],
)
def test_secrets_are_blotted_out_of_allowed_fields(lines: Any, secret: str) -> None:
    structlog.get_logger().info("x", reason=f"refused {secret} here")

    assert secret not in lines()[0]["reason"]
    assert "***" in lines()[0]["reason"]


def test_exception_is_named_without_its_message(lines: Any) -> None:
    def fail() -> None:
        raise ValueError("Ann Smith")

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed")
    logging.getLogger("lib").warning("from a library\nforged line")

    ours, theirs = lines()
    assert ours["error"] == "ValueError"
    assert "fail" in ours["traceback"]
    assert "Ann" not in json.dumps(ours)
    assert theirs["event"] == "from a library"


async def test_library_that_shows_an_exception_is_cut_short(lines: Any, postgres_url: str) -> None:
    """asyncio's "Task exception was never retrieved" carried PostgreSQL's DETAIL, and with it names of people."""

    def write() -> None:
        with psycopg.connect(postgres_url) as connection:
            connection.execute("CREATE TEMP TABLE people (name text UNIQUE)")
            for _ in range(2):
                connection.execute("INSERT INTO people VALUES ('Ann Smith')")

    async def fail() -> None:
        write()

    forgotten = asyncio.create_task(fail())
    await asyncio.wait({forgotten})
    with pytest.raises(psycopg.errors.UniqueViolation, match="Ann Smith") as caught:
        write()
    del forgotten
    gc.collect()
    for template in ("closing failed: %s", "closing failed: %r", f"closing failed: {caught.value!r}"):
        logging.getLogger("lib").warning(template, *[caught.value] * template.count("%"))

    unretrieved, *others = lines()
    assert unretrieved["event"] == "Task exception was never retrieved"
    assert unretrieved["error"] == "UniqueViolation"
    assert others[0]["event"] == "closing failed: UniqueViolation"
    assert all("Ann" not in json.dumps(line) for line in (unretrieved, *others))


def test_own_event_keeps_its_line_breaks_escaped(lines: Any) -> None:
    structlog.get_logger().info("one\ntwo")

    assert lines()[0]["event"] == "one\\ntwo"
