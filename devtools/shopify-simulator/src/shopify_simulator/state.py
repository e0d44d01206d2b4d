"""Everything the server holds: its shops, who installed the app, what was called and what shall go wrong."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count

from shopify_simulator.bulk import BulkRunner
from shopify_simulator.faults.fault import Fault
from shopify_simulator.graphql.filters import read_filter
from shopify_simulator.settings import Settings
from shopify_simulator.shop.bucket import LeakyBucket
from shopify_simulator.shop.model import AppInstallation, Change, Record, Shop
from shopify_simulator.tokens import TokenBook
from shopify_simulator.webhooks import payloads
from shopify_simulator.webhooks.deliveries import COMPLIANCE, Deliveries, Event, Target
from shopify_simulator.webhooks.shop_payload import shop_facts

CALL_LOG_SIZE = 50_000
APP_ID = 1_290_241
FIRST_APP_NUMBER = 1_100_000_000_001
SHOP_REDACT_AFTER = timedelta(hours=48)


class ShopStatus(StrEnum):
    """Whether a shop answers API calls ("response codes")."""

    ACTIVE = "active"
    FROZEN = "frozen"
    FORBIDDEN = "forbidden"
    CLOSED = "closed"
    LOCKED = "locked"


@dataclass(slots=True)
class Call:
    """One request that a shop was sent.

    Of a GraphQL call that the API saw: the points it asked for, those it was charged, and those left after it.
    `throttled` is what the client was told, by the API or by a fault.
    """

    time: datetime
    method: str
    path: str
    operation: str | None = None
    status: int | None = None
    requested_cost: int | None = None
    cost: int | None = None
    available: int | None = None
    duration_ms: float = 0.0
    throttled: bool = False
    fault: str | None = None


@dataclass(slots=True)
class HostedShop:
    """A shop with the app's installation, its state and its call log."""

    shop: Shop
    status: ShopStatus = ShopStatus.ACTIVE
    installation: AppInstallation | None = None
    installed_at: datetime | None = None
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=CALL_LOG_SIZE))

    @property
    def domain(self) -> str:
        """The shop's myshopify.com name."""
        return self.shop.domain


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


class Simulator:
    """The shops, the app's tokens and the webhooks that tie them together."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.now = now
        self.shops: dict[str, HostedShop] = {}
        self.opening: set[str] = set()
        self._numbers = count(FIRST_APP_NUMBER)
        self.faults: list[Fault] = []
        self.answers_as: str | None = None
        self.tokens = TokenBook(
            now,
            timedelta(seconds=settings.token_lifetime_seconds),
            timedelta(seconds=settings.refresh_token_lifetime_seconds),
        )
        self.deliveries = Deliveries(
            secret=settings.client_secret.get_secret_value(),
            now=now,
            retry_scale=settings.retry_scale,
            timeout_seconds=settings.delivery_timeout_seconds,
            workers=settings.delivery_workers,
            on_exhausted=self._delete_subscription,
        )
        self.bulk = BulkRunner(
            settings.data_dir / "bulk",
            minimum_seconds=settings.bulk_minimum_seconds,
            url_lifetime=timedelta(seconds=settings.bulk_url_lifetime_seconds),
            on_finish=self._bulk_finished,
        )

    def add(self, shop: Shop) -> HostedShop:
        """Open a shop."""
        hosted = HostedShop(shop)
        self.shops[shop.domain] = hosted
        return hosted

    def remove(self, hosted: HostedShop) -> None:
        """Take a shop away without a word to the app."""
        self.tokens.forget(hosted.domain)
        self.deliveries.forget(hosted.domain)
        if hosted.installation is not None:
            self.bulk.forget(hosted.installation)
        self.bulk.remove_files(hosted.domain)
        self.faults = [fault for fault in self.faults if fault.shop != hosted.domain]
        del self.shops[hosted.domain]

    def install(self, hosted: HostedShop, scopes: tuple[str, ...]) -> AppInstallation:
        """Install the app, or let it keep its place with other scopes."""
        if hosted.installation is not None:
            self.grant(hosted, scopes)
            return hosted.installation
        plan = hosted.shop.plan
        hosted.installation = AppInstallation(
            client_id=self.settings.client_id,
            app_id=APP_ID,
            installation_id=next(self._numbers),
            handle=self.settings.app_name.lower().replace(" ", "-"),
            requested_scopes=scopes,
            granted_scopes=frozenset(scopes),
            bucket=LeakyBucket(plan.bucket_size, plan.restore_rate),
            numbers=self._numbers,
        )
        hosted.installed_at = self.now()
        return hosted.installation

    def grant(self, hosted: HostedShop, scopes: tuple[str, ...]) -> None:
        """Change what the app may do on the shop, and tell it."""
        installation = hosted.installation
        if installation is None or installation.granted_scopes == frozenset(scopes):
            return
        previous = installation.granted_scopes
        installation.requested_scopes = scopes
        installation.granted_scopes = frozenset(scopes)
        self.tokens.set_scopes(hosted.domain, scopes)
        body = payloads.scopes_update(hosted.shop, sorted(previous), sorted(scopes), self.now())
        self.fire(hosted, "app/scopes_update", body)

    def uninstall(self, hosted: HostedShop) -> None:
        """Remove the app: tokens die, subscriptions go, and the webhook says so ("app/uninstalled")."""
        installation = hosted.installation
        if installation is None:
            return
        self.fire(hosted, "app/uninstalled", shop_facts(hosted.shop, self.now()))
        installation.subscriptions.clear()
        self.bulk.forget(installation)
        self.tokens.revoke(hosted.domain)
        hosted.installation = None
        hosted.installed_at = None
        redact = {"shop_id": hosted.shop.id, "shop_domain": hosted.domain}
        self.fire_compliance(hosted, "shop/redact", redact, after=SHOP_REDACT_AFTER)

    def publish(self, hosted: HostedShop, change: Change) -> None:
        """Fire the webhooks of a change and of what follows from it: one event, many deliveries."""
        if hosted.installation is not None:
            hosted.installation.bucket.resize(hosted.shop.plan.bucket_size, hosted.shop.plan.restore_rate)
        event = self.deliveries.new_event()
        for part in change.flattened():
            for topic in part.topics:
                if self.deliveries.targets(hosted.installation, topic):
                    body = payloads.of_change(hosted.shop, part, topic, self.now())
                    self.fire(hosted, topic, body, event)

    def fire(self, hosted: HostedShop, topic: str, body: Record, event: Event | None = None) -> None:
        """Send one payload to every subscription of its topic whose filter the whole of it passes."""
        event = event or self.deliveries.new_event()
        for target in self.deliveries.targets(hosted.installation, topic):
            if read_filter(target.filter)(body):
                self.deliveries.send(hosted.domain, topic, body, target, event)

    def fire_compliance(
        self, hosted: HostedShop, topic: str, body: Record, after: timedelta = timedelta(0)
    ) -> bool:
        """Send a compliance webhook to the address in the app's configuration, if it has one."""
        if not self.settings.app_webhook_uri:
            return False
        target = Target(COMPLIANCE, self.settings.app_webhook_uri)
        event = self.deliveries.new_event()
        self.deliveries.send(hosted.domain, topic, body, target, event, after=after)
        return True

    def _delete_subscription(self, domain: str, subscription_id: str) -> None:
        hosted = self.shops.get(domain)
        if hosted is not None and hosted.installation is not None:
            hosted.installation.subscriptions.pop(subscription_id, None)

    def _bulk_finished(self, shop: Shop, app: AppInstallation, operation: Record) -> None:
        body = payloads.bulk_operation(shop, operation)
        self.deliveries.call_soon_threadsafe(self._fire_bulk_finish, shop.domain, app, body)

    def _fire_bulk_finish(self, domain: str, app: AppInstallation, body: Record) -> None:
        hosted = self.shops.get(domain)
        if hosted is not None and hosted.installation is app:
            self.fire(hosted, "bulk_operations/finish", body)
