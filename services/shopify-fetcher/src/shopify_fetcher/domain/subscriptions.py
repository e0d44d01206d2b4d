"""Which webhook subscriptions a shop should have, and what to change. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync_common.contracts.webhooks import WEBHOOK_ROUTES


@dataclass(frozen=True, slots=True)
class Subscription:
    """One of our subscriptions as Shopify lists it."""

    gid: str
    topic: str
    uri: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What makes the subscriptions right. First create, then delete: no delivery falls between."""

    create: tuple[str, ...]
    delete: tuple[Subscription, ...]


def wanted_topics(scopes: Iterable[str]) -> set[str]:
    """Return the topics to subscribe under these scopes; compliance topics are subscribed in the app's config."""
    granted = set(scopes)
    granted |= {scope.replace("write_", "read_", 1) for scope in granted if scope.startswith("write_")}
    return {
        route.subscription_topic
        for route in WEBHOOK_ROUTES.values()
        if not route.by_app_config and (route.scope is None or route.scope in granted)
    }


def repair(existing: Iterable[Subscription], wanted: set[str], uri: str) -> Repair:
    """Compare what exists with what is wanted; two subscriptions on one topic would mean two deliveries."""
    kept: set[str] = set()
    wrong: list[Subscription] = []
    for subscription in existing:
        if subscription.uri == uri and subscription.topic in wanted - kept:
            kept.add(subscription.topic)
        else:
            wrong.append(subscription)
    return Repair(create=tuple(sorted(wanted - kept)), delete=tuple(wrong))
