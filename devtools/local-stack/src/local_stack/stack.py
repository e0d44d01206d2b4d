"""The whole platform on one machine: start in order, wait until ready, watch, stop."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg

from local_stack import environment, schema
from local_stack.environment import LOOPS_STUB, SIMULATOR, Addresses, Secrets
from local_stack.parts import Server, kafka_server, postgres_server
from local_stack.postgres import replace_database
from local_stack.processes import (
    Process,
    StartFailed,
    free_port,
    free_ports,
    start,
    started_after_boot,
    wait_until,
)
from sync_common.bus.topics import ensure_topics
from sync_common.contracts.stack import DATABASE, DEV_TOOLS, SERVICES, Service
from sync_common.contracts.topics import OAUTH_GATEWAY

READY_SECONDS = 90


@dataclass(frozen=True)
class Login:
    """The demo user of a local stack."""

    email: str
    password: str
    advertiser: str
    slug: str


@dataclass
class Stack:
    """A running stack: its processes in starting order, and where to reach them."""

    folder: Path
    addresses: Addresses
    secrets: Secrets
    servers: tuple[Server, Server]
    processes: dict[str, Process] = field(default_factory=dict)
    replicas: dict[str, Service] = field(default_factory=dict)

    @property
    def login(self) -> Login:
        """Return who may log in to the web UI."""
        return Login("demo@example.com", self.secrets.demo_password, "Acme Apparel", "acme-apparel")

    def database_url(self, role: str | None = None) -> str:
        """Return the platform database's address under a role; the superuser's when none is given."""
        return self.addresses.database_url(role)

    def url(self, name: str) -> str:
        """Return the HTTP address of a service or tool."""
        return self.addresses.url(name)

    def dead(self) -> list[Process]:
        """Return the processes that have ended by themselves."""
        return [process for process in self.processes.values() if not process.running]

    def start_process(self, name: str) -> Process:
        """Start one service or tool, without waiting until it is ready."""
        service = self._service(name)
        if service:
            own = replace(self.addresses, ops_ports={service.name: self.addresses.ops_ports[name]})
            package, env = service.package, environment.of_service(service, own, self.secrets)
        else:
            tool = DEV_TOOLS[name]
            package = tool.package
            env = environment.of_tool(tool, self.addresses, self.secrets, self.folder)
        command = [sys.executable, "-m", package]
        self.processes[name] = start(name, command, log_path=self.log_path(name), env=env)
        return self.processes[name]

    def start_replica(self, of: str) -> str:
        """Start one more process of a service that nobody calls; return its name once it is ready."""
        service = SERVICES[of]
        assert service.http_port is None, f"{of} is called at one address"  # noqa: S101 - a slip of the caller
        name = next(name for name in (f"{of}-{number}" for number in count(2)) if name not in self.replicas)
        self.addresses.ops_ports[name] = free_port()
        self.replicas[name] = service
        self.start_process(name)
        self.wait_ready(name)
        return name

    def stop_replica(self, name: str) -> None:
        """Stop such a process, and know it no more."""
        self.processes.pop(name).stop()
        del self.replicas[name], self.addresses.ops_ports[name]

    def wait_ready(self, name: str, *, beside: Iterable[Process] = ()) -> None:
        """Return once a service or tool says it is ready; raise StartFailed with the log of what ended."""
        url = f"{self.addresses.ops_url(name)}/readyz" if self._service(name) else f"{self.url(name)}/healthz"
        wait_until(lambda: _answers(url), self.processes[name], timeout_seconds=READY_SECONDS, beside=beside)

    def restart(self, name: str) -> None:
        """Start a service again after it was killed, and wait until it is ready."""
        self.processes[name].stop()
        self.start_process(name)
        self.wait_ready(name)

    def log_path(self, name: str) -> Path:
        """Return where a process writes its log."""
        return self.folder / "logs" / f"{name}.log"

    def create_user(self, login: Login, *, name: str = "Demo Owner", role: str = "owner") -> None:
        """Create a user with an advertiser; repeatable."""
        service = SERVICES[OAUTH_GATEWAY]
        command = [
            sys.executable, "-m", service.package, "create-user", "--email", login.email, "--name", name,
            "--advertiser", login.advertiser, "--slug", login.slug, "--role", role,
        ]  # fmt: skip
        env = environment.of_service(service, self.addresses, self.secrets)
        done = subprocess.run(  # noqa: S603 - the command is ours
            command,
            env={**env, "PATH": ""},
            input=login.password,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StartFailed(f"the demo user could not be created:\n{done.stdout}{done.stderr}")

    def describe(self) -> dict[str, Any]:
        """Return what `stack.json` says: addresses, logs, pids, one database URL per role, the login."""
        roles = [r for s in schema.schema_owners() for r in (s.runtime_role, s.migration_role)]
        return {
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "web_url": self.url(OAUTH_GATEWAY),
            "login": {"email": self.login.email, "password": self.login.password, "slug": self.login.slug},
            "simulator_admin_url": f"{self.url(SIMULATOR)}/_admin",
            "mail_url": self.url(LOOPS_STUB),
            "kafka_bootstrap": self.addresses.kafka_bootstrap,
            "database_urls": {"postgres": self.database_url(), **{r: self.database_url(r) for r in roles}},
            "processes": {
                name: {
                    "pid": process.pid,
                    "started_after_boot": started_after_boot(process.pid),
                    "stop_signal": int(process.stop_signal),
                    "log": str(process.log_path),
                    **({"url": self.url(name)} if name in self.addresses.http_ports else {}),
                    **({"ops_url": self.addresses.ops_url(name)} if self._service(name) else {}),
                }
                for name, process in self.processes.items()
            },
        }

    def stop(self) -> None:
        """Stop everything, services first, servers last."""
        self.stop_processes()
        for server in reversed(self.servers):
            server.stop()

    def stop_processes(self) -> None:
        """Stop the services and tools."""
        own = [
            process
            for name, process in self.processes.items()
            if name in {*SERVICES, *self.replicas, *DEV_TOOLS}
        ]
        for process in own:
            if process.running:
                process.popen.terminate()  # all at once: they drain side by side
        for process in own:
            process.stop()

    def _service(self, name: str) -> Service | None:
        """Return which service a process is one of; None for a tool or a server."""
        return SERVICES.get(name) or self.replicas.get(name)


def start_stack(folder: Path, *, cache: Path, default_ports: bool = True, durable: bool = True) -> Stack:
    """Start the whole platform afresh in `folder` and return once every part is ready."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    servers = _start_servers(folder, cache, default_ports=default_ports, durable=durable)
    with ExitStack() as on_error:  # Ctrl-C as well: what did start is stopped again
        for server in servers:
            on_error.callback(server.stop)
        stack = _describe(folder, *servers, default_ports=default_ports)
        on_error.callback(stack.stop_processes)
        _start_processes(stack)
        on_error.pop_all()
    return stack


def _start_servers(folder: Path, cache: Path, *, default_ports: bool, durable: bool) -> tuple[Server, Server]:
    with ThreadPoolExecutor() as pool:
        starting = (
            pool.submit(postgres_server, folder, durable=durable, port=5432 if default_ports else 0),
            pool.submit(kafka_server, folder, cache=cache, port=9092 if default_ports else 0),
        )
        try:
            postgres, kafka = (one.result() for one in starting)
        except BaseException:  # Ctrl-C as well: what did start is stopped again
            for one in starting:
                if one.exception() is None:
                    one.result().stop()
            raise
    return postgres, kafka


def _describe(folder: Path, postgres: Server, kafka: Server, *, default_ports: bool) -> Stack:
    http, ops = environment.default_http_ports(), environment.default_ops_ports()
    wanted = {f"http/{name}": port for name, port in http.items()} | {
        f"ops/{name}": port for name, port in ops.items()
    }
    ports = free_ports(wanted if default_ports else dict.fromkeys(wanted, 0))
    addresses = Addresses(
        kafka_bootstrap=kafka.address,
        database_url=lambda role: replace_database(postgres.address, DATABASE, role),
        http_ports={name: ports[f"http/{name}"] for name in http},
        ops_ports={name: ports[f"ops/{name}"] for name in ops},
    )
    stack = Stack(folder, addresses, Secrets.new(), servers=(postgres, kafka))
    stack.processes.update({s.process.name: s.process for s in stack.servers if s.process})
    stack.secrets.write(folder / "secrets.json")
    return stack


def _start_processes(stack: Stack) -> None:
    for tool in DEV_TOOLS:
        stack.start_process(tool)
    _create_platform_database(stack)
    asyncio.run(ensure_topics(stack.addresses.kafka_bootstrap))
    for service in SERVICES:
        stack.start_process(service)
    stack.create_user(stack.login)
    for name in (*DEV_TOOLS, *SERVICES):
        stack.wait_ready(name, beside=stack.processes.values())


def _create_platform_database(stack: Stack) -> None:
    server = stack.servers[0].address
    with psycopg.connect(server, autocommit=True) as connection:
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    if exists is None:
        schema.create_database(server, DATABASE)
    schema.prepare(replace_database(server, DATABASE))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
