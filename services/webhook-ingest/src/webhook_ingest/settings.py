"""The only reader of the environment."""

from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from sync_common.runtime import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables, each with the prefix INGEST_."""

    model_config = SettingsConfigDict(env_prefix="INGEST_")

    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65535, description="Port that Shopify's deliveries reach.")
    connections_max: int = Field(
        default=2_000, gt=0, description="Open connections; more are closed at once."
    )
    arrival_seconds: float = Field(
        default=3.0, gt=0, lt=4, description="How long a request may take to arrive, from its first byte."
    )
    client_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        min_length=1,
        description="The app's client secrets, separated by commas: the current one and, in rotation, the last.",
    )
    acknowledge_seconds: float = Field(default=3.0, gt=0, le=4, description="How long Kafka may take.")
    answer_seconds: float = Field(default=3.8, gt=0, lt=5, description="Shopify hangs up after 5 s.")
    body_memory_bytes_max: int = Field(
        default=256 * 1024 * 1024, ge=8 * 1024 * 1024, description="Bytes of bodies held at once."
    )
    waiting_max: int = Field(default=4_000, gt=0, description="Deliveries that may wait for Kafka at once.")
    waiting_per_shop_max: int = Field(
        default=500, gt=0, description="The share of them that one shop may have."
    )

    publishing_per_shop_max: int = Field(
        default=64,
        gt=0,
        description="Deliveries of one shop on their way to Kafka at once; the others take turns.",
    )

    @field_validator("client_secrets", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(secret.strip() for secret in value.split(",") if secret.strip())
        return value

    def secrets(self) -> tuple[bytes, ...]:
        """Return the client secrets as HMAC keys."""
        return tuple(secret.get_secret_value().encode() for secret in self.client_secrets)
