"""The ops port: health and metrics. Nobody calls this service."""

from fastapi import FastAPI

from record_writer.metrics import REGISTRY
from sync_common.runtime import Readiness, ops_app


def build_app(readiness: Readiness) -> FastAPI:
    """Return the app of the ops port."""
    return ops_app(REGISTRY, readiness)
