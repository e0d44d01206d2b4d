"""What every process needs to start, be watched and stop: settings, logs, health, signals, clock, sealing."""

from sync_common.runtime.clock import Clock, ManualClock, SystemClock
from sync_common.runtime.health import Readiness, ops_app
from sync_common.runtime.logging import configure_logging
from sync_common.runtime.sealing import KeyRing, SealBroken
from sync_common.runtime.service import HttpServer, run_service
from sync_common.runtime.settings import (
    DatabaseSettings,
    EnvironmentSettings,
    InvalidSettings,
    ServiceSettings,
)

__all__ = [
    "Clock",
    "DatabaseSettings",
    "EnvironmentSettings",
    "HttpServer",
    "InvalidSettings",
    "KeyRing",
    "ManualClock",
    "Readiness",
    "SealBroken",
    "ServiceSettings",
    "SystemClock",
    "configure_logging",
    "ops_app",
    "run_service",
]
