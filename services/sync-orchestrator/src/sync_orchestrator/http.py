"""The ops port: health and metrics. Nobody calls this service; it listens to Kafka and calls the fetcher."""

from fastapi import FastAPI

from sync_common.runtime import Readiness, ops_app
from sync_orchestrator.metrics import REGISTRY


def build_app(readiness: Readiness) -> FastAPI:
    """Build the app of the ops port."""
    return ops_app(REGISTRY, readiness)
