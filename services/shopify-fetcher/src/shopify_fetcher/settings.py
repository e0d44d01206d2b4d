"""The environment of the fetcher. Nothing else reads it."""

from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from sync_common.runtime import DatabaseSettings, KeyRing


class Settings(DatabaseSettings):
    """What the fetcher is told."""

    model_config = SettingsConfigDict(env_prefix="FETCHER_")

    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65535, description="Port of the internal HTTP interface.")
    service_token: SecretStr = Field(min_length=16, description="Shared secret of the internal interface.")

    client_id: str = Field(description="The app's client id at Shopify.")
    client_secret: SecretStr = Field(description="The app's client secret, for the token endpoint.")
    shopify_url: str = Field(
        default="https://{shop}", description="How a shop is reached; {shop} is its myshopify.com domain."
    )
    scopes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("read_customers", "read_orders", "read_products", "read_inventory"),
        description="Scopes that a merchant is asked for, separated by commas.",
    )
    webhook_uri: str = Field(description="Where Shopify shall deliver webhooks: the ingest's public address.")
    master_keys: SecretStr = Field(
        description="id:base64 of 32 bytes, separated by commas; the first one seals."
    )
    bulk_folder: Path = Field(
        default_factory=lambda: Path(gettempdir()),
        description="Where bulk files are spooled while they are read.",
    )
    streams_max: int = Field(default=64, ge=1, description="Requests served at once; more are refused.")

    @field_validator("scopes", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("shopify_url")
    @classmethod
    def _has_place_for_shop(cls, value: str) -> str:
        if value.count("{shop}") != 1:
            raise ValueError("must contain {shop} once")
        return value

    @field_validator("master_keys")
    @classmethod
    def _is_key_ring(cls, value: SecretStr) -> SecretStr:
        KeyRing.from_setting(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _strict_in_production(self) -> "Settings":
        if self.in_production and self.shopify_url != "https://{shop}":
            raise ValueError("shopify_url must be https://{shop} in production")
        if self.in_production and not self.webhook_uri.startswith("https://"):
            raise ValueError("webhook_uri must be https in production")
        return self
