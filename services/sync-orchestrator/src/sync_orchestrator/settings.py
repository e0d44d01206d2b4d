"""Settings of the orchestrator: the only reader of the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sync_common.runtime import DatabaseSettings


class Settings(DatabaseSettings):
    """Everything an operator may set; what is not here is a constant with its reason."""

    model_config = SettingsConfigDict(env_prefix="ORCHESTRATOR_", extra="ignore", frozen=True)

    fetcher_url: str = Field(description="Base URL of shopify-fetcher.")
    service_token: SecretStr = Field(min_length=16, description="Shared secret for calls between services.")
    ops_port: int = Field(default=9002, ge=0, le=65535)

    jobs_max: int = Field(default=8, ge=1, le=200, description="Jobs that one replica drives at a time.")
    scheduled_jobs_max: int = Field(
        default=50, ge=1, description="Scheduled jobs under way at a time, over all replicas."
    )
    lease_seconds: float = Field(default=30, ge=3)
    heartbeat_seconds: float = Field(default=10, gt=0)
    claim_seconds: float = Field(default=0.5, gt=0, description="How often a replica looks for due jobs.")
    schedule_seconds: float = Field(default=5, gt=0, description="How often due stores are looked for.")
    books_idle_seconds: float = Field(
        default=3600, gt=0, description="A job fails when the writer's books stand still for so long."
    )
    check_grace_seconds: float = Field(
        default=120,
        gt=0,
        description="How long webhooks and Shopify's index may lag before a record counts as lost.",
    )
    refetch_delay_seconds: float = Field(default=2, ge=0, description="How long reads by id are collected.")
