"""What the record-writer is told by its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sync_common.contracts.resources import Resource
from sync_common.runtime.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Settings of the record-writer; lanes and resources let each be a deployment of its own."""

    model_config = SettingsConfigDict(
        env_prefix="WRITER_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    ops_port: int = Field(default=9004, ge=0, le=65535, description="Port of /livez, /readyz and /metrics.")
    lanes: frozenset[str] = Field(
        default=frozenset({"live", "sync", "compliance"}),
        description="Which lanes to consume: live, sync, compliance.",
    )
    resources: frozenset[Resource] = Field(
        default=frozenset(Resource), description="Which resources to consume on the live and sync lanes."
    )
    redaction_key: SecretStr = Field(
        min_length=32, description="Secret under which erased customers are remembered; never changes."
    )
    batch_records_max: int = Field(default=2000, ge=1, le=10_000, description="Records in one transaction.")
    sync_consumers: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Consumers of each sync topic: while PostgreSQL has one's batch, another decodes the next.",
    )
    sweep_seconds: float = Field(
        default=3.0, gt=0, description="Pause between two sweeps for unlinked orders."
    )
