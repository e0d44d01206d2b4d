"""A store whose mirror is checked against Shopify, as its owner sees it."""

from datetime import UTC, datetime, timedelta

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.contracts.resources import Resource

from ..mirror import WINDOW, differences

GRACE = timedelta(seconds=5)  # of the local stack
FOUND = ("missing", "surplus", "repaired", "lost_changes", "equal")


class CheckedStore:
    """A store, and what its checks say."""

    def __init__(self, platform: Platform, browser: Browser, login: Login, domain: str, store: Row) -> None:
        self.platform = platform
        self.browser = browser
        self.domain = domain
        self.store_id = store["store_id"]
        self.since = datetime.now(UTC) - WINDOW
        self.page = f"/advertisers/{login.slug}/integrations/shopify"
        self.checks_seen = 0

    def checked(self, *, within_seconds: float = 60) -> None:
        """Wait for the next check to end well."""

        def ended() -> Row | None:
            found = self.platform.rows(
                "SELECT * FROM sync.checks_v1 WHERE store_id = %s AND check_id > %s AND ended_at IS NOT NULL"
                " ORDER BY check_id LIMIT 1",
                self.store_id,
                self.checks_seen,
            )
            return found[0] if found else None

        check = eventually(ended, within_seconds=within_seconds, what="a check ended", interval_seconds=0.3)
        assert check["state"] == "done", check["error_message"]
        self.checks_seen = int(check["check_id"])

    def checked_after(self, job: Row) -> None:
        """Wait for a check that began after a job's end to end well."""
        eventually(
            lambda: self.platform.rows(
                "SELECT FROM sync.checks_v1 WHERE store_id = %s AND started_at >= %s AND state = 'done'",
                self.store_id,
                job["completed_at"],
            ),
            within_seconds=60,
            what="a check after the job ended",
            interval_seconds=0.3,
        )

    def check_now(self) -> None:
        """Press the button, and wait for the check to end."""
        proof = self.browser.open(f"{self.page}/stores/{self.store_id}/proof")
        self.browser.submit(proof.form(button="Check Now"), button="Check Now")
        self.checked()

    def press(self, address: str, button: str) -> None:
        """Press a button of one of the store's pages."""
        page = self.browser.open(f"{self.page}/stores/{self.store_id}/{address}")
        self.browser.submit(page.form(button=button), button=button)

    def synced(self) -> Row:
        """Ask for a sync of what changed, and return it once it has ended."""
        before = self.platform.jobs(self.store_id)[0]["job_id"]
        page = self.browser.open(self.page)
        self.browser.submit(page.form(button="Sync Now"), button="Sync Now")
        return self.platform.wait_for_job(self.store_id, after=before)

    def proof(self, resource: Resource) -> Row:
        """Return the proof of one resource as the pages show it."""
        (proof,) = self.platform.rows(
            "SELECT * FROM sync.proofs_v1 WHERE store_id = %s AND resource = %s", self.store_id, resource
        )
        return proof

    def found(self, resource: Resource) -> dict[str, object]:
        """Return what the last check found in one resource."""
        proof = self.proof(resource)
        return {name: proof[name] for name in FOUND}

    def lose(self, *acts: Row) -> None:
        """Let these acts of the merchant happen, and their webhooks be lost; return once no check calls them young."""
        self.deliveries("hold")
        for act in acts:
            self.platform.mutate(self.domain, **act)
        happened = datetime.now(UTC)
        self.deliveries("release", drop=1.0)
        eventually(
            lambda: datetime.now(UTC) > happened + GRACE + timedelta(seconds=1),
            within_seconds=30,
            what="the grace has passed",
        )

    def deliveries(self, act: str, **how: object) -> None:
        self.platform.simulator("POST", f"/shops/{self.domain}/deliveries/{act}", how or None)

    def number_of(self, resource: Resource, place: int = -1) -> int:
        """Return the number of one of the shop's records."""
        return int(self.platform.truth(self.domain, resource)[place]["legacyResourceId"])

    def wrong(self) -> list[str]:
        """Return how the mirror differs from the shop."""
        return differences(self.platform, self.domain, self.store_id, orders_since=self.since)
