"""Settings come from the environment alone and are checked whole, before anything starts."""

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class InvalidSettings(SystemExit):
    """Raised at start with one line per bad variable; no value is repeated."""


class ServiceSettings(BaseSettings):
    """What every service is told. Subclasses set `env_prefix` and add their own fields.

    Any variable may be given as `<NAME>_FILE` instead, holding the path of a file with the value, as secret
    mounts do.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    environment: Literal["development", "production"] = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka_bootstrap: str = Field(description="Kafka's bootstrap servers, host:port separated by commas.")
    ops_host: str = "127.0.0.1"
    ops_port: int = Field(ge=0, le=65535, description="Port of /livez, /readyz and /metrics; never exposed.")

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """Read the environment; raise InvalidSettings that lists every bad variable at once."""
        prefix = cls.model_config.get("env_prefix", "")
        try:
            return cls(**{**_from_files(prefix, cls.model_fields), **given})
        except ValidationError as error:
            lines = [
                f"{prefix}{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            ]
            raise InvalidSettings("Bad settings:\n  " + "\n  ".join(lines)) from None

    @property
    def in_production(self) -> bool:
        """Say whether the strict rules of production hold."""
        return self.environment == "production"


class DatabaseSettings(ServiceSettings):
    """Settings of a service that owns a schema."""

    database_url: SecretStr = Field(description="postgresql:// URL of the service's run-time role.")
    database_pool_size: int = Field(default=10, ge=1, le=100)


def _from_files(prefix: str, fields: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in fields:
        path = os.environ.get(f"{prefix}{name}_FILE".upper())
        if path is not None:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InvalidSettings(
                    f"Bad settings:\n  {prefix}{name}_FILE: ".upper() + f"{error.strerror}"
                ) from None
    return values
