"""What a person can do with a running stack: make a shop, connect it through the web UI, look at the results."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row

from local_stack.browser import Browser, PageProblem
from local_stack.environment import LOOPS_STUB, SIMULATOR
from local_stack.stack import Login, Stack
from sync_common.contracts.topics import OAUTH_GATEWAY

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loading the authorities takes longer than a call does, and nothing here speaks TLS."""

JOB_INTERVAL_SECONDS = 0.2

T = TypeVar("T")
Row = dict[str, Any]


class NotInTime(AssertionError):
    """Raised when a condition did not come true before its deadline; the message says which, and what held."""


def eventually(
    probe: Callable[[], T | None], *, within_seconds: float, what: str, interval_seconds: float = 0.05
) -> T:
    """Return the first truthy answer of `probe`; raise NotInTime at the deadline."""
    deadline = time.monotonic() + within_seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {within_seconds:g} s: {what} (last answer: {answer!r})")
        time.sleep(interval_seconds)


@dataclass(frozen=True)
class Platform:
    """A person's view of a stack: the simulator's admin API, the web UI, and the database as its superuser."""

    stack: Stack

    # The simulator

    def create_shop(self, domain: str, **of: Any) -> Row:
        """Make up a shop; see the simulator's README for what can be given."""
        overview: Row = self.simulator("POST", "/shops", {"shop": domain, **of})
        return overview

    def shop(self, domain: str) -> Row:
        """Return a shop's counts and installation."""
        overview: Row = self.simulator("GET", f"/shops/{domain}")
        return overview

    def mutate(self, domain: str, **act: Any) -> list[Row]:
        """Act as the merchant and return what changed."""
        changes: list[Row] = self.simulator("POST", f"/shops/{domain}/mutations", act)["changes"]
        return changes

    def truth(self, domain: str, resource: str) -> list[Row]:
        """Return every record of a shop as the simulator has it."""
        url = f"{self.stack.url(SIMULATOR)}/_admin/shops/{domain}/truth/{resource}"
        answer = httpx.get(url, trust_env=False, verify=NO_TLS, timeout=60).raise_for_status()
        # Not by str.splitlines: texts hold U+2028 and its like, which end a line for Python but not in JSON.
        return [json.loads(line) for line in answer.content.split(b"\n") if line]

    def simulator(self, method: str, path: str, body: Any = None) -> Any:
        """Call the simulator's admin API."""
        url = f"{self.stack.url(SIMULATOR)}/_admin{path}"
        response = httpx.request(method, url, json=body, trust_env=False, verify=NO_TLS, timeout=120)
        if response.is_error:
            raise PageProblem(f"{method} {url}: {response.status_code} {response.text[:500]}")
        return response.json() if response.content else None

    def mails(self) -> list[Row]:
        """Return the mail that Loops accepted, newest first."""
        answer = httpx.get(
            f"{self.stack.url(LOOPS_STUB)}/_admin/mails", trust_env=False, verify=NO_TLS, timeout=10
        )
        mails: list[Row] = answer.raise_for_status().json()
        return mails

    # The web UI

    def log_in(self, browser: Browser, login: Login) -> None:
        """Log in as a person does."""
        page = browser.open(f"{self.stack.url(OAUTH_GATEWAY)}/login")
        page = browser.submit(page.form(action="/login"), email=login.email, password=login.password)
        if "/login" in page.url or page.status != 200:
            raise PageProblem(f"log-in led to {page.url} ({page.status})")

    def connect(self, browser: Browser, login: Login, domain: str) -> None:
        """Connect a shop through the connect form, Shopify's consent page and the callback."""
        shopify_page = f"{self.stack.url(OAUTH_GATEWAY)}/advertisers/{login.slug}/integrations/shopify"
        page = browser.open(f"{shopify_page}/connect")
        page = browser.submit(page.form(action="/connect"), shop=domain)
        if "/admin/oauth/authorize" in page.url:  # Shopify does not ask again for what an app already has
            page = browser.submit(page.form(button="Install"), button="Install")
        if "Shopify store connected! Initial sync in progress..." not in page.html:
            raise PageProblem(f"connecting led to {page.url} ({page.status}) without the message of success")

    # The database, as its superuser

    @contextmanager
    def database(self, role: str | None = None) -> Iterator["psycopg.Connection[Row]"]:
        """Open a connection that commits each statement."""
        url = self.stack.database_url(role)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            yield connection

    def rows(self, query: str, *parameters: Any) -> list[Row]:
        """Return the rows of a query."""
        with self.database() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def store(self, domain: str, slug: str) -> Row | None:
        """Return one advertiser's store of a shop, once it is there."""
        found = self.rows(
            """SELECT s.id AS store_id, s.advertiser_id FROM gateway.shopify_stores s
               JOIN gateway.advertisers a ON a.id = s.advertiser_id WHERE s.shop_domain = %s AND a.slug = %s""",
            domain,
            slug,
        )
        return found[0] if found else None

    def jobs(self, store_id: int) -> list[Row]:
        """Return a store's jobs, newest first."""
        return self.rows("SELECT * FROM sync.jobs_v1 WHERE store_id = %s ORDER BY job_id DESC", store_id)

    def wait_for_job(self, store_id: int, *, after: int = 0, within_seconds: float = 120) -> Row:
        """Return the store's first job after `after` once it has ended."""

        def ended() -> Row | None:
            newer = [job for job in self.jobs(store_id) if job["job_id"] > after]
            done = newer and newer[-1]["status"] in {"completed", "failed", "cancelled"}
            return newer[-1] if done else None

        return eventually(
            ended,
            within_seconds=within_seconds,
            what=f"a job of store {store_id} ended",
            interval_seconds=JOB_INTERVAL_SECONDS,
        )
