"""The environment of the simulator. Nothing else reads it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Every value has a default, so that `python -m shopify_simulator` just starts."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", extra="ignore")

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8010, ge=0, le=65535)
    public_base_url: str = ""
    log_level: str = "info"
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    client_id: str = "simulated-app"
    client_secret: SecretStr = SecretStr("simulated-app-secret")
    app_name: str = "Shopsync"
    app_url: str = "http://127.0.0.1:8000/auth/shopify"
    redirect_uris: Annotated[list[str], NoDecode] = ["http://127.0.0.1:8000/auth/shopify/callback"]
    app_webhook_uri: str = ""
    all_orders_approved: bool = True
    expiring_tokens_required: bool = False

    token_lifetime_seconds: int = Field(default=3600, ge=1)
    refresh_token_lifetime_seconds: int = Field(default=7_776_000, ge=1)
    retry_scale: float = Field(default=1.0, gt=0, le=1)
    delivery_timeout_seconds: float = Field(default=5.0, gt=0)
    delivery_workers: int = Field(default=16, ge=1)

    data_dir: Path = Path(".local/shopify-simulator")
    bulk_minimum_seconds: float = Field(default=0.0, ge=0)
    bulk_url_lifetime_seconds: float = Field(default=604_800.0, ge=0)

    @field_validator("redirect_uris", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @property
    def base_url(self) -> str:
        """Where others reach this server."""
        protocol = "https" if self.tls_certificate else "http"
        return (self.public_base_url or f"{protocol}://{self.http_host}:{self.http_port}").rstrip("/")
