"""The stack: every process with its schema, roles and ports. Whatever starts or checks it reads this."""

from dataclasses import dataclass
from typing import Final

from sync_common.contracts.topics import (
    NOTIFIER,
    OAUTH_GATEWAY,
    RECORD_WRITER,
    SHOPCTL,
    SHOPIFY_FETCHER,
    SYNC_ORCHESTRATOR,
    TOPICS,
    WEBHOOK_INGEST,
    Topic,
)

DATABASE: Final = "shopsync"


@dataclass(frozen=True, slots=True)
class Service:
    """One deployable service.

    `http_port` serves its callers and is absent where nobody calls it; `ops_port` serves /livez, /readyz and
    /metrics and is never exposed. `reads` lists the published views of other schemas that it may read.
    """

    name: str
    answers_for: str
    env_prefix: str
    ops_port: int
    http_port: int | None = None
    schema: str | None = None
    serves_tenants: bool = False
    reads: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """Return the Python package, run with `python -m`."""
        return self.name.replace("-", "_")

    @property
    def runtime_role(self) -> str:
        """Return the database role the process logs in with."""
        return f"svc_{self.package}"

    @property
    def migration_role(self) -> str:
        """Return the role that owns the schema and runs its migrations."""
        return f"migrate_{self.package}"

    @property
    def consumes(self) -> tuple[Topic, ...]:
        """Return the topics this service reads."""
        return tuple(topic for topic in TOPICS.values() if self.name in topic.consumers)

    @property
    def produces(self) -> tuple[Topic, ...]:
        """Return the topics this service writes."""
        return tuple(topic for topic in TOPICS.values() if self.name in topic.producers)


@dataclass(frozen=True, slots=True)
class OperatorTool:
    """A program that operators run; it has settings as a service has, and no port."""

    name: str
    answers_for: str
    env_prefix: str

    @property
    def package(self) -> str:
        """Return the Python package, run with `python -m`."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class DevTool:
    """A process of the local stack that stands for a third party."""

    name: str
    answers_for: str
    env_prefix: str
    http_port: int

    @property
    def package(self) -> str:
        """Return the Python package, run with `python -m`."""
        return self.name.replace("-", "_")


SERVICES: Final[dict[str, Service]] = {
    service.name: service
    for service in (
        Service(
            name=OAUTH_GATEWAY,
            answers_for="web UI, log-in, advertisers and members, OAuth start and callback, store settings",
            env_prefix="GATEWAY_",
            http_port=8000,
            ops_port=9000,
            schema="gateway",
            serves_tenants=True,
            reads=(
                "fetcher.installations_v1",
                "fetcher.api_health_v1",
                "sync.jobs_v1",
                "sync.store_state_v1",
                "sync.proofs_v1",
                "sync.checks_v1",
                "sync.deletions_v1",
                "records.job_books_v1",
                "records.store_counts_v1",
                "records.deliveries_v1",
                "records.failures_v1",
                "records.freshness_v1",
                "records.exports_v1",
                "records.export_chunks_v1",
                "records.compliance_receipts_v1",
                "records.contacts",
                "records.orders",
                "records.products",
                "notify.emails_v1",
                "public.shopify_stores",
                "public.sync_jobs",
                "public.contacts",
                "public.orders",
                "public.products",
            ),
        ),
        Service(
            name=WEBHOOK_INGEST,
            answers_for="every Shopify webhook: verify, route, publish, 200",
            env_prefix="INGEST_",
            http_port=8001,
            ops_port=9001,
        ),
        Service(
            name=SYNC_ORCHESTRATOR,
            answers_for="schedule, job state machine, retries, watermarks, publishing what the fetcher reads",
            env_prefix="ORCHESTRATOR_",
            ops_port=9002,
            schema="sync",
            reads=(
                "gateway.stores_v1",
                "fetcher.installations_v1",
                "records.job_books_v1",
                "records.job_outcomes_v1",
                "records.mirror_v1",
            ),
        ),
        Service(
            name=SHOPIFY_FETCHER,
            answers_for="every call to Shopify: installations, tokens, API budget, bulk reads, webhook subscriptions",
            env_prefix="FETCHER_",
            http_port=8003,
            ops_port=9003,
            schema="fetcher",
            reads=("gateway.stores_v1",),
        ),
        Service(
            name=RECORD_WRITER,
            answers_for="raw record to canonical row, links, redaction, the job ledger, deliveries",
            env_prefix="WRITER_",
            ops_port=9004,
            schema="records",
            reads=("gateway.stores_v1", "fetcher.installations_v1"),
        ),
        Service(
            name=NOTIFIER,
            answers_for="lifecycle event to recipients to one e-mail each",
            env_prefix="NOTIFIER_",
            ops_port=9005,
            schema="notify",
            reads=("gateway.recipients_v1", "gateway.users_v1", "sync.jobs_v1", "sync.store_state_v1"),
        ),
    )
}

OPERATOR_TOOLS: Final[dict[str, OperatorTool]] = {
    tool.name: tool
    for tool in (OperatorTool(SHOPCTL, "dead letters: what they are, their replay, who did it", "SHOPCTL_"),)
}

DEV_TOOLS: Final[dict[str, DevTool]] = {
    tool.name: tool
    for tool in (
        DevTool("shopify-simulator", "Shopify", "SIMULATOR_", 8010),
        DevTool("loops-stub", "Loops", "LOOPS_STUB_", 8011),
    )
}
