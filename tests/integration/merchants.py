"""A merchant whose stores meet trouble at Shopify: what they do, what they are shown, and whether it is the truth."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from threading import Lock
from typing import Any

from local_stack.browser import Browser
from local_stack.platform import NotInTime, Platform, Row, eventually
from local_stack.stack import Login

from .conftest import connect_in
from .mirror import WINDOW, differences, wrong_links

REASONS = {
    "access_denied": (
        "Shopify does not let the app read the {resource} of this store: a permission, or Shopify's approval for"
        " protected customer data, is missing."
    ),
    "bulk_failed": "Shopify could not export the {resource} of this store.",
    "protocol": "Shopify's answer about the {resource} of this store was incomplete or could not be read.",
    "shop_unreachable": "Shopify could not be reached, or did not answer in time.",
    "stream_cut": "Reading the {resource} from Shopify kept breaking off.",
}
"""What a merchant may be told of a sync that Shopify made fail. Nothing else is a reason that they understand."""

ENDED = {"completed", "failed", "cancelled"}


@dataclass
class Merchant:
    """One person at one browser. Several threads may act for them: the pages are opened one at a time."""

    platform: Platform
    login: Login
    browser: Browser
    turn: Lock = field(default_factory=Lock)

    def connect(self, domain: str) -> int:
        """Connect a shop; return the number of its store."""
        with self.turn:
            return int(connect_in(self.browser, self.platform, self.login, domain)["store_id"])

    def press_sync(self, store_id: int) -> None:
        """Press Sync Now, or Retry Now where that is what the button says."""
        with self.turn:
            page = self.browser.open(self._stores)
            self.browser.submit(page.form(action=f"/stores/{store_id}/sync"))

    def is_told(self, words: str) -> bool:
        """Say whether the page of the stores shows these words."""
        with self.turn:
            return words.rstrip(".") in unescape(self.browser.open(self._stores).html)

    @property
    def _stores(self) -> str:
        return f"/advertisers/{self.login.slug}/integrations/shopify"


@contextmanager
def merchant_at_work(platform: Platform, login: Login) -> Iterator[Merchant]:
    """Log a merchant in."""
    with Browser() as browser:
        platform.log_in(browser, login)
        yield Merchant(platform, login, browser)


class Store:
    """A shop with trouble, and the store that mirrors it."""

    def __init__(self, merchant: Merchant, domain: str) -> None:
        self.domain = domain
        self.orders_since = datetime.now(UTC) - WINDOW
        self._merchant = merchant
        self._platform = merchant.platform
        self._store_id = 0
        self._seen = 0

    @property
    def id(self) -> int:
        """Return its number, once it is connected."""
        return self._store_id

    def arm(self, faults: Sequence[Row]) -> None:
        """Let these faults strike the shop from now on."""
        if faults:
            self._platform.simulator("POST", f"/shops/{self.domain}/faults", list(faults))

    def faults_left(self) -> list[Row]:
        """Return the faults that have not struck as often as they were to."""
        left: list[Row] = self._platform.simulator("GET", f"/shops/{self.domain}/faults")["faults"]
        return left

    def calls(self) -> list[Row]:
        """Return the latest calls that the shop got."""
        calls: list[Row] = self._platform.simulator("GET", f"/shops/{self.domain}/calls?limit=50000")["calls"]
        return calls

    def disarm(self) -> None:
        """Let nothing more go wrong."""
        self._platform.simulator("DELETE", f"/shops/{self.domain}/faults")

    def switch(self, **to: Any) -> None:
        """Change what the shop is like."""
        self._platform.simulator("PATCH", f"/shops/{self.domain}", to)

    def deliveries(self, act: str, **how: Any) -> None:
        """Hold, release or settle the webhooks."""
        self._platform.simulator("POST", f"/shops/{self.domain}/deliveries/{act}", how or None)

    def expire_tokens(self) -> None:
        """Let the access token end."""
        self._platform.simulator("POST", f"/shops/{self.domain}/expire-tokens")

    def change(self, notes: str, *, orders: int = 5) -> None:
        """Change records of all kinds, names and addresses excepted, among them the product with 150 variants."""
        for kind, resource, count in (
            ("customer.update", "customers", 5),
            ("order.update", "orders", orders),
        ):
            for record in self._platform.truth(self.domain, resource)[-count:]:
                self._mutate(kind, record, note=notes)
        for record in self._platform.truth(self.domain, "products")[:3]:
            self._mutate("product.update", record, title=f"Jacket, {notes}")

    def lose(self, notes: str, *, orders: int = 5) -> None:
        """Change records and let every webhook about it be lost."""
        self.deliveries("hold")
        self.change(notes, orders=orders)
        self.deliveries("release", drop=1.0)

    def act_at_random(self, count: int, seed: int) -> None:
        """Let the merchant, customers and staff do all sorts of things."""
        self._platform.mutate(self.domain, random=count, seed=seed)

    def connect(self) -> None:
        """Connect the shop, which begins its first sync."""
        self._store_id = self._merchant.connect(self.domain)

    def ask(self) -> None:
        """Ask for a sync."""
        self._merchant.press_sync(self._store_id)

    def sync(self, *, within_seconds: float = 150) -> Row:
        """Ask for a sync and return it once it has ended."""
        self.ask()
        return self.ended(within_seconds=within_seconds)

    def ended(self, *, within_seconds: float = 150) -> Row:
        """Return the next job once it has ended."""
        job = self._platform.wait_for_job(self._store_id, after=self._seen, within_seconds=within_seconds)
        self._seen = int(job["job_id"])
        return job

    def faults_of_mirror(self) -> list[Any]:
        """Return how the mirror differs from the shop; empty when it is exact."""
        found = differences(self._platform, self.domain, self._store_id, orders_since=self.orders_since)
        return found or wrong_links(self._platform, self._store_id)

    def must_be_exact_or_explained(self, job: Row) -> None:
        """Raise unless the job is complete with an exact mirror, or failed with a reason that was told."""
        assert job["status"] in ENDED, job["status"]
        if job["status"] == "completed":
            found = self.faults_of_mirror()
            assert not found, f"{self.domain} is complete and wrong: {found}"
            return
        code, reason, details = job["error_code"], job["error_message"], job["error_details"]
        assert code in REASONS, f"{code} is no reason: {reason} {details}"
        words = REASONS[code].format(resource=details["resource"])
        assert reason == words, f"{code} is told as: {reason} {details}"
        assert self._merchant.is_told(reason), f"the page does not show: {reason}"

    def must_become_exact(self, *, within_seconds: float = 30) -> None:
        """Raise unless what is under way makes the mirror exact."""
        found: list[Any] = []

        def exact() -> bool:
            found[:] = self.faults_of_mirror()
            return not found

        try:
            eventually(
                exact, within_seconds=within_seconds, what=f"{self.domain} is exact", interval_seconds=1
            )
        except NotInTime as error:
            raise AssertionError(f"{self.domain} stays wrong: {found}") from error

    def _mutate(self, kind: str, record: Row, **changes: str) -> None:
        self._platform.mutate(self.domain, kind=kind, id=int(record["legacyResourceId"]), changes=changes)
