"""webhook-ingest against less of itself: what verifying, routing and Kafka cost, and what a bare app reaches."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

import psutil
import uvloop
from rich.console import Console

from benchmarks.measure import table
from local_stack.parts import kafka_server
from local_stack.processes import free_ports, port_is_open, start, wait_until
from local_stack.repository import LOCAL, scratch_folder
from shopify_simulator.webhooks.rush import delivery, rush
from sync_common.bus import ensure_topics
from sync_common.contracts.resources import Resource
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import WEBHOOK_INGEST, live_topic

SECRET = "hush"  # noqa: S105 - of nobody
TOPIC = live_topic(Resource.ORDERS)
SHOPS = 50
BODY_BYTES = 3_000
CONNECTIONS = 64
DELIVERIES = 30_000
WARM_UP = 3_000
ROUNDS = 3

RECORD_ID = b"/820982911946154508"
# What a delivery's record carries beside its body, byte for byte in length.
RECORD_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ("ce_type", b"shopify.webhook.delivered"),
    ("ce_source", b"webhook-ingest"),
    ("ce_subject", b"orders/820982911946154508"),
    ("ce_time", b"2026-11-22T10:00:00.123456Z"),
    ("ce_shop", b"shop-00.myshopify.com"),
    ("ce_shape", b"rest"),
    ("ce_observedat", b"2026-11-22T10:00:00.123456Z"),
    ("ce_apiversion", b"2026-10"),
    ("ce_digest", b"0" * 64),
    ("ce_webhooktopic", b"orders/updated"),
    ("ce_webhookid", b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ("ce_shopifyeventid", b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ("ce_triggeredat", b"2026-11-22T10:00:00.123456Z"),
    ("ce_traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
]

KINDS = {
    "bare server": "server",
    "ours, Kafka apart": "app",
    "bare: verify and produce": "verify",
    "ours": "ours",
}


@dataclass
class Round:
    """What one server did with one rush."""

    seconds: float = 0.0
    server_cpu: float = 0.0
    answers: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, number: int, status: int, seconds: float) -> None:
        """Take one answer."""
        self.statuses[status] += 1
        self.answers.append(seconds)

    @property
    def per_second(self) -> float:
        """Return the answers per second."""
        return len(self.answers) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share was answered."""
        return 1_000 * sorted(self.answers)[int(share * (len(self.answers) - 1))]


def run(console: Console) -> None:
    """Print requests per second, percentiles and CPU of each, and their ratios."""
    with scratch_folder("bench-ingest") as folder:
        kafka = kafka_server(folder, cache=LOCAL / "cache", port=0)
        try:
            uvloop.run(ensure_topics(kafka.address, topics=SERVICES[WEBHOOK_INGEST].produces))
            rounds: dict[str, list[Round]] = {name: [] for name in KINDS}
            for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all of them
                for name, kind in KINDS.items():
                    rounds[name].append(_one_round(folder, kind, kafka.address))
        finally:
            kafka.stop()
    _show(console, rounds)


def _show(console: Console, rounds: dict[str, list[Round]]) -> None:
    shown = table(
        f"ingest: {DELIVERIES:,} signed deliveries of {BODY_BYTES:,} bytes from {SHOPS} shops over {CONNECTIONS}"
        f" connections, one process, median of {ROUNDS} rounds",
        "", "requests/s", "p50 ms", "p99 ms", "max ms", "CPU µs", "of the bare verifier",
    )  # fmt: skip
    limit = median(one.per_second for one in rounds["bare: verify and produce"])
    for name, several in rounds.items():
        if odd := sum((one.statuses for one in several), Counter()) - Counter({200: 10**9}):
            raise RuntimeError(f"{name} answered {dict(odd)}")
        rate = median(one.per_second for one in several)
        shown.add_row(
            name,
            f"{rate:,.0f}",
            *(f"{median(one.percentile(share) for one in several):.1f}" for share in (0.5, 0.99, 1)),
            f"{median(1e6 * one.server_cpu / len(one.answers) for one in several):.0f}",
            f"{rate / limit:.2f}",
        )  # fmt: skip
    console.print(shown)


def _one_round(folder: Path, kind: str, bootstrap: str) -> Round:
    with _server(folder, kind, bootstrap) as (pid, port):
        uvloop.run(_rush(port, Round(), WARM_UP))
        process, result = psutil.Process(pid), Round()
        before, started = sum(process.cpu_times()[:2]), time.perf_counter()
        uvloop.run(_rush(port, result, DELIVERIES))
        result.seconds = time.perf_counter() - started
        result.server_cpu = sum(process.cpu_times()[:2]) - before
        return result


async def _rush(port: int, result: Round, count: int) -> None:
    requests = islice(_deliveries(), count)
    await rush("127.0.0.1", port, requests, connections=CONNECTIONS, on_answer=result.note)


def _deliveries() -> Iterator[bytes]:
    """Return an endless stream of signed orders, prepared beforehand: signing is not what is measured."""
    prepared = [_delivery(number) for number in range(20 * SHOPS)]
    while True:
        yield from prepared


def _delivery(number: int) -> bytes:
    head = f'{{"id": {820982911946154508 + number}, "note": "'.encode()
    body = head + b"x" * (BODY_BYTES - len(head) - 2) + b'"}'
    return delivery(
        body,
        secret=SECRET,
        topic="orders/updated",
        shop=f"shop-{number % SHOPS:02}.myshopify.com",
        webhook_id=f"b54557e4-bdd9-4b37-8a5f-{number:012}",
    )


@contextmanager
def _server(folder: Path, kind: str, bootstrap: str) -> Iterator[tuple[int, int]]:
    """Run one of the servers; give its process id and port."""
    ports = free_ports({"http": 0, "ops": 0})
    command = ["-m", "benchmarks.bare_ingest", kind, str(ports["http"]), bootstrap]
    settings = {
        "INGEST_ENVIRONMENT": "development",
        "INGEST_KAFKA_BOOTSTRAP": bootstrap,
        "INGEST_HTTP_PORT": str(ports["http"]),
        "INGEST_OPS_PORT": str(ports["ops"]),
        "INGEST_CLIENT_SECRETS": SECRET,
    }
    if kind == "ours":
        command = ["-m", "webhook_ingest"]
    process = start(kind, [sys.executable, *command], log_path=folder / f"{kind}.log", env=settings)
    try:
        wait_until(lambda: port_is_open(ports["http"]), process, timeout_seconds=30)
        yield process.pid, ports["http"]
    finally:
        process.stop()
