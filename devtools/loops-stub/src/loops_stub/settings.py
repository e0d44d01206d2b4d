"""The only reader of the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment variables, each with the prefix LOOPS_STUB_."""

    model_config = SettingsConfigDict(env_prefix="LOOPS_STUB_", frozen=True, hide_input_in_errors=True)

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8011, ge=0, le=65535)
    api_key: SecretStr = Field(
        default=SecretStr("local-loops-key"), description="The key that callers must send."
    )
    requests_per_second: int = Field(default=10, ge=1, description="Loops' limit per team.")
    mails_max: int = Field(default=10_000, ge=1, description="Older mails are forgotten.")
