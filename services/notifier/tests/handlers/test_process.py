"""The deployed process, killed when Loops has the mail and its row does not know yet."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from local_stack.processes import Process, free_ports, port_is_open, start, wait_until
from loops_stub.templates import TEMPLATES
from sync_common.bus import Producer, ensure_topics
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import LIFECYCLE_TOPIC

from .test_mails import NOW, disconnected, recipients


@pytest.fixture
async def settings(stack_database: Any, loops_url: str, kafka_bootstrap: str) -> dict[str, str]:
    """Return what the process is told."""
    await ensure_topics(kafka_bootstrap, topics=SERVICES["notifier"].consumes)
    return {
        "NOTIFIER_ENVIRONMENT": "development",
        "NOTIFIER_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "NOTIFIER_DATABASE_URL": stack_database.url_of("notifier"),
        "NOTIFIER_LOOPS_URL": loops_url,
        "NOTIFIER_LOOPS_API_KEY": "local-loops-key",
        "NOTIFIER_TEMPLATES": json.dumps({one.name: one.transactional_id for one in TEMPLATES.values()}),
        "NOTIFIER_PUBLIC_URL": "https://app.example.com",
        "NOTIFIER_SUPPORT_URL": "https://app.example.com/support",
        "NOTIFIER_SEALING_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
    }


@pytest.fixture
async def producer(kafka_bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(kafka_bootstrap, "notifier-test")
    yield producer
    await producer.stop()


@pytest.mark.timeout(180)
async def test_process_killed_between_send_and_record_sends_one_mail(
    world: Any, settings: dict[str, str], producer: Producer, tmp_path: Path
) -> None:
    event = disconnected(world)
    headers = event_envelope(event, source="test", now=NOW).to_headers()
    await world.fault("silent_after_accepting")

    first = running(settings, tmp_path)
    try:
        for _ in range(50):
            await producer.send(LIFECYCLE_TOPIC, event.key().encode(), event_body(event), headers)
        await until(lambda: world.mails(), lambda mails: len(mails) == 1)
    finally:
        first.kill()
        first.popen.wait(10)
    assert [row["state"] for row in world.rows()] == ["pending", "pending"]

    world.run("UPDATE notify.emails SET lease_expires_at = clock_timestamp() WHERE lease_owner IS NOT NULL")
    second = running(settings, tmp_path)
    try:
        await until(
            lambda: asyncio.to_thread(world.rows), lambda rows: {row["state"] for row in rows} == {"sent"}
        )
    finally:
        second.stop()

    assert recipients(await world.mails()) == ["admin@example.com", "owner@example.com"]
    assert second.popen.returncode == 0


def running(settings: dict[str, str], folder: Path) -> Process:
    """Start the process and wait until its port is open."""
    port = free_ports({"ops": 0})["ops"]
    process = start(
        "notifier",
        [sys.executable, "-m", "notifier"],
        log_path=folder / "notifier.log",
        env={**settings, "NOTIFIER_OPS_PORT": str(port)},
    )
    wait_until(lambda: port_is_open(port), process, timeout_seconds=30)
    return process


async def until(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> None:
    """Return when what is looked at is as it should be."""
    async with asyncio.timeout(60):
        while not holds(await look()):  # noqa: ASYNC110 - neither the stub nor the table tells when it changes
            await asyncio.sleep(0.05)
