"""Two fetcher processes and a simulator: who is killed is started again, and callers go to the one that lives."""

import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local_stack import environment
from local_stack.environment import SIMULATOR, Addresses, Secrets
from local_stack.processes import Process, free_ports, start, stopped_on_error, wait_until
from local_stack.testing import StackDatabase
from sync_common.bus import ensure_topics
from sync_common.contracts.stack import DEV_TOOLS, SERVICES
from sync_common.contracts.topics import OAUTH_GATEWAY, SHOPIFY_FETCHER, WEBHOOK_INGEST

from ..alone import answers

READY_SECONDS = 60
SCOPES = "read_customers,read_orders,read_products,read_inventory,read_all_orders"
Row = dict[str, Any]


@dataclass
class Replicas:
    """The processes, and what a caller of the internal interface and a merchant can do."""

    folder: Path
    bootstrap: str
    database: StackDatabase
    secrets: Secrets = field(default_factory=Secrets.new)
    _addresses: list[Addresses] = field(default_factory=list)
    _processes: list[Process] = field(default_factory=list)
    _simulator: Process | None = None

    async def start(self) -> None:
        """Start the simulator and both fetchers, and return once all are ready."""
        await ensure_topics(self.bootstrap)
        ports = free_ports(dict.fromkeys((SIMULATOR, OAUTH_GATEWAY, WEBHOOK_INGEST), 0))
        for _ in range(2):
            own = free_ports({"http": 0, "ops": 0})
            self._addresses.append(
                Addresses(
                    self.bootstrap,
                    self.database.url,
                    {**ports, SHOPIFY_FETCHER: own["http"]},
                    {SHOPIFY_FETCHER: own["ops"]},
                )
            )
        at, tool = self._addresses[0], DEV_TOOLS[SIMULATOR]
        self._simulator = self._run(tool.package, environment.of_tool(tool, at, self.secrets, self.folder))
        self._await(self._simulator, f"{at.url(SIMULATOR)}/healthz")
        for number in range(2):
            self._processes.append(self._start_fetcher(number))

    def stop(self) -> None:
        """End them all."""
        for process in (*self._processes, self._simulator):
            if process is not None:
                process.stop()

    def kill(self, number: int) -> None:
        """End one fetcher as a lost machine ends, and start it again."""
        self._processes[number].kill(signal.SIGKILL)
        self._processes[number].popen.wait()
        self._processes[number] = self._start_fetcher(number)

    def restart_with(self, master_keys: str) -> None:
        """Restart both fetchers, one after the other, with other master keys."""
        self.secrets = replace(self.secrets, master_keys=master_keys)
        for number, process in enumerate(self._processes):
            process.stop()
            self._processes[number] = self._start_fetcher(number)

    def url(self, number: int) -> str:
        """Return the internal address of one fetcher."""
        return self._addresses[number].url(SHOPIFY_FETCHER)

    def caller(self, number: int) -> httpx.AsyncClient:
        """Return a client of one fetcher."""
        return httpx.AsyncClient(
            base_url=self.url(number),
            headers={"authorization": f"Bearer {self.secrets.service_token}"},
            timeout=httpx.Timeout(60, connect=1),
            trust_env=False,
        )

    def simulator(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call the simulator's administration."""
        url = f"{self._addresses[0].url(SIMULATOR)}/_admin{path}"
        answer = httpx.request(method, url, json=body, params=query, trust_env=False, timeout=60)
        return answer.raise_for_status().json()

    def connect(self, shop: str, store_id: int, **wishes: Any) -> int:
        """Open a shop, install the app there and connect it as this store; return the installation's id."""
        self.simulator("POST", "/shops", {"shop": shop, **wishes})
        form = {
            "client_id": self.secrets.client_id,
            "scope": SCOPES,
            "redirect_uri": f"{self._addresses[0].url(OAUTH_GATEWAY)}/auth/shopify/callback",
            "state": "1",
            "decision": "install",
        }
        at = self._addresses[0].url(SIMULATOR)
        consent = httpx.post(f"{at}/shops/{shop}/admin/oauth/authorize", data=form, trust_env=False)
        code = parse_qs(urlsplit(consent.headers["location"]).query)["code"][0]
        wish = {
            "store_id": store_id,
            "advertiser_id": 1,
            "shop_domain": f"{shop}.myshopify.com",
            "code": code,
        }
        answer = httpx.post(
            f"{self.url(0)}/v1/connections",
            json=wish,
            headers={"authorization": f"Bearer {self.secrets.service_token}"},
            trust_env=False,
            timeout=60,
        )
        return int(answer.raise_for_status().json()["installation_id"])

    def calls(self, shop: str) -> list[Row]:
        """Return the calls that a shop got."""
        found: list[Row] = self.simulator("GET", f"/shops/{shop}/calls", limit=50_000)["calls"]
        return found

    def _start_fetcher(self, number: int) -> Process:
        service, at = SERVICES[SHOPIFY_FETCHER], self._addresses[number]
        process = self._run(service.package, environment.of_service(service, at, self.secrets), number)
        self._await(process, f"{at.ops_url(SHOPIFY_FETCHER)}/readyz")
        return process

    def _run(self, package: str, env: dict[str, str], number: int = 0) -> Process:
        log = self.folder / "logs" / f"{package}-{number}.log"
        return start(package, [sys.executable, "-m", package], log_path=log, env=env)

    def _await(self, process: Process, url: str) -> None:
        with stopped_on_error(process):
            wait_until(lambda: answers(url), process, timeout_seconds=READY_SECONDS)
