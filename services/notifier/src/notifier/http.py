"""The ops port: health and metrics. Nobody calls this service; it listens to Kafka and calls Loops."""

from fastapi import FastAPI

from notifier.metrics import REGISTRY
from sync_common.runtime import Readiness, ops_app


def build_app(readiness: Readiness) -> FastAPI:
    """Build the app of the ops port."""
    return ops_app(REGISTRY, readiness)
