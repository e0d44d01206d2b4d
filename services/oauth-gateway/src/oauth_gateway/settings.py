"""The only reader of the environment."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from sync_common.runtime import DatabaseSettings, KeyRing, ServiceSettings


class Settings(DatabaseSettings):
    """What the gateway is told; every variable begins with GATEWAY_."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    ops_port: int = Field(default=9000, ge=0, le=65535)
    public_url: str = Field(description="Address of the web UI as browsers see it; https in production.")
    fetcher_url: str = Field(description="Internal address of the shopify-fetcher.")
    service_token: SecretStr = Field(description="Shared secret of the internal HTTP calls.")
    client_id: str = Field(description="Our app's client id at Shopify.")
    client_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        min_length=1, description="Our app's client secrets, newest first, separated by commas."
    )
    sealing_keys: SecretStr = Field(
        description="id:base64,… as the notifier has them: tokens in mail requests are sealed by the first one."
    )
    scopes: str = Field(
        default="read_customers,read_orders,read_products,read_inventory",
        description="What merchants are asked to allow.",
    )
    historical_orders: bool = Field(
        default=False,
        description="Shopify has approved the app for read_all_orders: who wishes for older orders is asked for it.",
    )
    shopify_url: str = Field(default="https://{shop}", description="Template of a shop's address.")
    support_url: str = Field(default="mailto:support@example.com", description="Where people get help.")

    @field_validator("client_secret", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("sealing_keys")
    @classmethod
    def _is_key_ring(cls, keys: SecretStr) -> SecretStr:
        KeyRing.from_setting(keys.get_secret_value())
        return keys

    @field_validator("public_url", "fetcher_url", "shopify_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _production_is_secure(self) -> Self:
        if self.in_production and not self.public_url.startswith("https://"):
            raise ValueError("public_url must be https in production")
        return self

    @field_validator("shopify_url")
    @classmethod
    def _names_the_shop(cls, value: str) -> str:
        if "{shop}" not in value:
            raise ValueError("must contain {shop}")
        return value

    def key_ring(self) -> KeyRing:
        """Return the keys that seal tokens in mail requests."""
        return KeyRing.from_setting(self.sealing_keys.get_secret_value())


class CommandSettings(ServiceSettings):
    """What a one-off command is told."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr = Field(description="postgresql:// URL of the service's run-time role.")
    kafka_bootstrap: str = ""
    ops_port: int = 0
