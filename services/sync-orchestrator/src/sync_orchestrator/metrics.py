"""What this service counts. A store or shop is never a label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.checks import Proof
from sync_orchestrator.domain.jobs import JobStatus
from sync_orchestrator.domain.model import Job

REGISTRY: Final = CollectorRegistry()

JOBS_ACTIVE: Final = Gauge(
    "orchestrator_jobs_active",
    "Jobs by status, pending or running, of all replicas.",
    ["status"],
    registry=REGISTRY,
)
JOBS_HELD: Final = Gauge("orchestrator_jobs_held", "Jobs that this replica drives now.", registry=REGISTRY)
JOBS_ENDED: Final = Counter(
    "orchestrator_jobs_ended", "Jobs by type and outcome.", ["job_type", "outcome"], registry=REGISTRY
)
JOB_SECONDS: Final = Histogram(
    "orchestrator_job_seconds",
    "From the first claim of a job to its completion.",
    ["job_type"],
    buckets=(1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800),
    registry=REGISTRY,
)
RECORDS_PUBLISHED: Final = Counter(
    "orchestrator_records_published",
    "Records that Kafka acknowledged, by resource.",
    ["resource"],
    registry=REGISTRY,
)
STREAMS_CUT: Final = Counter(
    "orchestrator_streams_cut", "Record streams that ended early and were resumed.", registry=REGISTRY
)
LEASES_LOST: Final = Counter(
    "orchestrator_leases_lost", "Jobs dropped because they were cancelled or taken over.", registry=REGISTRY
)
LEASES_TAKEN_OVER: Final = Counter(
    "orchestrator_leases_taken_over", "Jobs continued after another holder.", registry=REGISTRY
)
SCHEDULED: Final = Counter("orchestrator_scheduled_jobs", "Jobs created by the schedule.", registry=REGISTRY)
REFETCHED: Final = Counter(
    "orchestrator_refetched_records", "Records read again by id, by outcome.", ["outcome"], registry=REGISTRY
)
CHECKS_ENDED: Final = Counter(
    "orchestrator_checks_ended", "Checks of a store's mirror by outcome.", ["outcome"], registry=REGISTRY
)
DIFFERENCES: Final = Counter(
    "orchestrator_differences",
    "Records in which checks found a mirror to differ from Shopify: missing, surplus, or changed unnoticed.",
    ["resource", "kind"],
    registry=REGISTRY,
)
DELETIONS: Final = Counter(
    "orchestrator_deletions",
    "Records deleted after a check, or brought back by a person.",
    ["resource", "outcome"],
    registry=REGISTRY,
)


def note_proof(resource: Resource, proof: Proof) -> None:
    """Count what a check found."""
    found = {"missing": proof.missing, "surplus": proof.surplus, "changed": proof.lost_changes or 0}
    for kind, count in found.items():
        DIFFERENCES.labels(resource, kind).inc(count)


def note_end(job: Job, outcome: JobStatus, seconds: float | None = None) -> None:
    """Count a job that ended."""
    JOBS_ENDED.labels(job.job_type, outcome).inc()
    if seconds is not None:
        JOB_SECONDS.labels(job.job_type).observe(seconds)
