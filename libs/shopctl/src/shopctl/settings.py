"""The only reader of the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from sync_common.runtime import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Environment variables, each with the prefix SHOPCTL_."""

    model_config = SettingsConfigDict(env_prefix="SHOPCTL_")

    kafka_bootstrap: str = Field(description="Kafka's bootstrap servers, host:port separated by commas.")
