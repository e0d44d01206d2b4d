"""What each process of the local stack is told: one function per process, nothing else sets their variables."""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sync_common.contracts.stack import DEV_TOOLS, SERVICES, DevTool, Service
from sync_common.contracts.topics import (
    NOTIFIER,
    OAUTH_GATEWAY,
    RECORD_WRITER,
    SHOPIFY_FETCHER,
    SYNC_ORCHESTRATOR,
    WEBHOOK_INGEST,
)

SIMULATOR = "shopify-simulator"
LOOPS_STUB = "loops-stub"
MAIL_TEMPLATES = (
    "shopify_sync_complete",
    "shopify_sync_failed",
    "shopify_store_disconnected",
    "advertiser_invitation",
    "password_reset",
)
SUPPORT_URL = "mailto:support@example.com"


@dataclass(frozen=True)
class Secrets:
    """The made-up secrets of one local stack."""

    client_id: str
    client_secret: str
    service_token: str
    master_keys: str
    sealing_keys: str
    redaction_key: str
    loops_api_key: str
    demo_password: str

    @classmethod
    def new(cls) -> "Secrets":
        """Make fresh ones."""
        return cls(
            client_id=secrets.token_hex(16),
            client_secret=f"shpss_{secrets.token_hex(16)}",
            service_token=secrets.token_urlsafe(32),
            master_keys=f"local-1:{_key()}",
            sealing_keys=f"local-1:{_key()}",
            redaction_key=_key(),
            loops_api_key=secrets.token_hex(16),
            demo_password=secrets.token_urlsafe(9),
        )

    def write(self, path: Path) -> None:
        """Keep them where only their owner can read them."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2))


@dataclass(frozen=True)
class Addresses:
    """Where everything listens in one local stack."""

    kafka_bootstrap: str
    database_url: Callable[[str | None], str]  # by role; the superuser's for None
    http_ports: dict[str, int]
    ops_ports: dict[str, int]

    def url(self, name: str) -> str:
        """Return the HTTP address of a process."""
        return f"http://127.0.0.1:{self.http_ports[name]}"

    def ops_url(self, name: str) -> str:
        """Return the ops address of a service."""
        return f"http://127.0.0.1:{self.ops_ports[name]}"

    @property
    def shopify_url(self) -> str:
        """Return the template that leads to a shop; in production it is https://{shop}."""
        return f"{self.url(SIMULATOR)}/shops/{{shop}}"

    @property
    def webhook_uri(self) -> str:
        """Return where Shopify delivers webhooks."""
        return f"{self.url(WEBHOOK_INGEST)}/webhooks/shopify"


def of_service(service: Service, at: Addresses, secret: Secrets) -> dict[str, str]:
    """Return a service's whole environment."""
    told: dict[str, Any] = {
        "ENVIRONMENT": "development",
        "KAFKA_BOOTSTRAP": at.kafka_bootstrap,
        "OPS_PORT": at.ops_ports[service.name],
    }
    if service.http_port:
        told |= {"HTTP_PORT": at.http_ports[service.name]}
    if service.schema:
        told |= {"DATABASE_URL": at.database_url(service.runtime_role)}
    told |= _SPECIFIC[service.name](at, secret)
    return {f"{service.env_prefix}{name}": str(value) for name, value in told.items()}


def of_tool(tool: DevTool, at: Addresses, secret: Secrets, folder: Path) -> dict[str, str]:
    """Return the whole environment of a process that stands for a third party."""
    told: dict[str, Any] = {"HTTP_PORT": at.http_ports[tool.name]}
    if tool.name == SIMULATOR:
        told |= {
            "CLIENT_ID": secret.client_id,
            "CLIENT_SECRET": secret.client_secret,
            "REDIRECT_URIS": f"{at.url(OAUTH_GATEWAY)}/auth/shopify/callback",
            "APP_WEBHOOK_URI": at.webhook_uri,
            "PUBLIC_BASE_URL": at.url(SIMULATOR),
            "DATA_DIR": folder / "bulk-files",
        }
    else:
        told |= {"API_KEY": secret.loops_api_key}
    return {f"{tool.env_prefix}{name}": str(value) for name, value in told.items()}


def _gateway(at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {
        "PUBLIC_URL": at.url(OAUTH_GATEWAY),
        "FETCHER_URL": at.url(SHOPIFY_FETCHER),
        "SERVICE_TOKEN": secret.service_token,
        "CLIENT_ID": secret.client_id,
        "CLIENT_SECRET": secret.client_secret,
        "SEALING_KEYS": secret.sealing_keys,
        "SHOPIFY_URL": at.shopify_url,
        "SUPPORT_URL": SUPPORT_URL,
        "HISTORICAL_ORDERS": True,  # the simulator approves whatever is asked for
    }


def _ingest(_at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {"CLIENT_SECRETS": secret.client_secret}


def _orchestrator(at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {
        "FETCHER_URL": at.url(SHOPIFY_FETCHER),
        "SERVICE_TOKEN": secret.service_token,
        "CHECK_GRACE_SECONDS": 5,  # nothing lags here, and whoever tries it out does not want to wait
    }


def _fetcher(at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {
        "SERVICE_TOKEN": secret.service_token,
        "CLIENT_ID": secret.client_id,
        "CLIENT_SECRET": secret.client_secret,
        "SHOPIFY_URL": at.shopify_url,
        "WEBHOOK_URI": at.webhook_uri,
        "MASTER_KEYS": secret.master_keys,
    }


def _writer(_at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {"REDACTION_KEY": secret.redaction_key}


def _notifier(at: Addresses, secret: Secrets) -> dict[str, Any]:
    return {
        "LOOPS_URL": at.url(LOOPS_STUB),
        "LOOPS_API_KEY": secret.loops_api_key,
        "PUBLIC_URL": at.url(OAUTH_GATEWAY),
        "SUPPORT_URL": SUPPORT_URL,
        "SEALING_KEYS": secret.sealing_keys,
        "TEMPLATES": json.dumps({name: f"stub_{name}" for name in MAIL_TEMPLATES}),
    }


_SPECIFIC: dict[str, Callable[[Addresses, Secrets], dict[str, Any]]] = {
    OAUTH_GATEWAY: _gateway,
    WEBHOOK_INGEST: _ingest,
    SYNC_ORCHESTRATOR: _orchestrator,
    SHOPIFY_FETCHER: _fetcher,
    RECORD_WRITER: _writer,
    NOTIFIER: _notifier,
}


def default_http_ports() -> dict[str, int]:
    """Return the port each HTTP server asks for first."""
    tools = {tool.name: tool.http_port for tool in DEV_TOOLS.values()}
    return tools | {service.name: service.http_port for service in SERVICES.values() if service.http_port}


def default_ops_ports() -> dict[str, int]:
    """Return the port each service's ops server asks for first."""
    return {service.name: service.ops_port for service in SERVICES.values()}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
