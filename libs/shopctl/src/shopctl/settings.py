"""The only reader of the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sync_common.runtime import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Environment variables, each with the prefix SHOPCTL_. A group of commands says which it needs."""

    model_config = SettingsConfigDict(env_prefix="SHOPCTL_")

    kafka_bootstrap: str = Field(
        default="", description="Kafka's bootstrap servers, host:port separated by commas; for `dlq`."
    )
    fetcher_url: str = Field(default="", description="Internal address of the shopify-fetcher; for `keys`.")
    service_token: SecretStr = Field(
        default=SecretStr(""), description="Shared secret of the internal interface; for `keys`."
    )
