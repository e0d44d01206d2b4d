"""The topic registry: every Kafka topic with its owner, key, size and readers. Topics exist because they are here."""

from dataclasses import dataclass
from typing import Final

from sync_common.contracts.resources import Resource

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
DEAD_LETTER_RETENTION_MS: Final = 14 * DAY_MS

OAUTH_GATEWAY: Final = "oauth-gateway"
WEBHOOK_INGEST: Final = "webhook-ingest"
SYNC_ORCHESTRATOR: Final = "sync-orchestrator"
SHOPIFY_FETCHER: Final = "shopify-fetcher"
RECORD_WRITER: Final = "record-writer"
NOTIFIER: Final = "notifier"
SHOPCTL: Final = "shopctl"
# People run these: they read a topic from end to end and are gone, and set nothing aside.
_OPERATOR_TOOLS: Final = frozenset({SHOPCTL})


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. `key` says what a key holds; `personal_data` limits how long it may be kept."""

    name: str
    owner: str
    key: str
    carries: str
    partitions: int
    retention_ms: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    personal_data: bool = False

    @property
    def dead_letters(self) -> tuple[str, ...]:
        """Return the names of the dead-letter topics, one per service that consumes."""
        return tuple(
            dead_letter_topic(self.name, name) for name in self.consumers if name not in _OPERATOR_TOOLS
        )

    @property
    def config(self) -> dict[str, str]:
        """Return the broker's settings for this topic."""
        config = {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "cleanup.policy": "delete",
        }
        if self.personal_data:  # retention removes closed segments only, so segments must close soon
            config |= {"segment.ms": str(HOUR_MS), "message.timestamp.type": "LogAppendTime"}
        return config


def live_topic(resource: Resource) -> str:
    """Return the topic of a resource's webhooks and refetched records."""
    return f"shopify.{resource}.live.v1"


def sync_topic(resource: Resource) -> str:
    """Return the topic of a resource's records as read by sync jobs."""
    return f"shopify.{resource}.sync.v1"


def dead_letter_topic(topic: str, consumer: str) -> str:
    """Return where `consumer` puts records of `topic` that can never succeed."""
    return f"{topic}.{consumer}.dlq"


SHOP_TOPIC: Final = "shopify.shop.v1"
COMPLIANCE_TOPIC: Final = "shopify.compliance.v1"
SYNC_REQUESTED_TOPIC: Final = "sync.requested.v1"
REFETCH_REQUESTED_TOPIC: Final = "refetch.requested.v1"
LIFECYCLE_TOPIC: Final = "sync.lifecycle.v1"
MAIL_REQUESTED_TOPIC: Final = "mail.requested.v1"
DEAD_LETTERS_AUDITED_TOPIC: Final = "deadletters.audited.v1"


def _live(resource: Resource) -> Topic:
    return Topic(
        name=live_topic(resource),
        owner=WEBHOOK_INGEST,
        key="shop/id",
        carries="webhook bodies as received; refetched records",
        partitions=6,
        retention_ms=3 * DAY_MS,
        producers=(WEBHOOK_INGEST, SYNC_ORCHESTRATOR),
        consumers=(RECORD_WRITER,),
        personal_data=True,
    )


def _sync(resource: Resource) -> Topic:
    return Topic(
        name=sync_topic(resource),
        owner=SYNC_ORCHESTRATOR,
        key="shop/id",
        carries="records as fetched for one store and job; marks at the end of a part",
        partitions=6,
        retention_ms=3 * DAY_MS,
        producers=(SYNC_ORCHESTRATOR,),
        consumers=(RECORD_WRITER,),
        personal_data=True,
    )


TOPICS: Final[dict[str, Topic]] = {
    topic.name: topic
    for topic in (
        *(_live(resource) for resource in Resource),
        *(_sync(resource) for resource in Resource),
        Topic(
            name=SHOP_TOPIC,
            owner=WEBHOOK_INGEST,
            key="shop",
            carries="shop/update, app/uninstalled, app/scopes_update, bulk_operations/finish",
            partitions=3,
            retention_ms=3 * DAY_MS,
            producers=(WEBHOOK_INGEST,),
            consumers=(SHOPIFY_FETCHER,),
            personal_data=True,
        ),
        Topic(
            name=COMPLIANCE_TOPIC,
            owner=WEBHOOK_INGEST,
            key="shop",
            carries="customers/data_request, customers/redact, shop/redact",
            partitions=1,
            retention_ms=28 * DAY_MS,
            producers=(WEBHOOK_INGEST,),
            consumers=(RECORD_WRITER,),
            personal_data=True,
        ),
        Topic(
            name=SYNC_REQUESTED_TOPIC,
            owner=OAUTH_GATEWAY,
            key="store",
            carries="commands: sync, cancel, backfill",
            partitions=3,
            retention_ms=3 * DAY_MS,
            producers=(OAUTH_GATEWAY,),
            consumers=(SYNC_ORCHESTRATOR,),
        ),
        Topic(
            name=REFETCH_REQUESTED_TOPIC,
            owner=RECORD_WRITER,
            key="shop",
            carries="resource, ids, why",
            partitions=3,
            retention_ms=3 * DAY_MS,
            producers=(RECORD_WRITER, SYNC_ORCHESTRATOR),
            consumers=(SYNC_ORCHESTRATOR,),
        ),
        Topic(
            name=LIFECYCLE_TOPIC,
            owner=SYNC_ORCHESTRATOR,
            key="store",
            carries="facts: connected, disconnected, webhooks repaired, redacted, sync started/completed/failed/…",
            partitions=3,
            retention_ms=7 * DAY_MS,
            producers=(SYNC_ORCHESTRATOR, SHOPIFY_FETCHER, RECORD_WRITER),
            consumers=(NOTIFIER, SYNC_ORCHESTRATOR, OAUTH_GATEWAY, SHOPIFY_FETCHER),
        ),
        Topic(
            name=MAIL_REQUESTED_TOPIC,
            owner=OAUTH_GATEWAY,
            key="user",
            carries="invitations and password resets, their secrets sealed; mails to send once more",
            partitions=1,
            retention_ms=3 * DAY_MS,
            producers=(OAUTH_GATEWAY,),
            consumers=(NOTIFIER,),
            personal_data=True,
        ),
        Topic(
            name=DEAD_LETTERS_AUDITED_TOPIC,
            owner=SHOPCTL,
            key="dead letter",
            carries="which operator replayed a dead letter, or looked at its body, and when; ids only",
            partitions=1,
            retention_ms=366 * DAY_MS,
            producers=(SHOPCTL,),
            consumers=(SHOPCTL,),
        ),
    )
}
