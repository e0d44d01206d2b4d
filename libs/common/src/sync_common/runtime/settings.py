"""Settings come from the environment alone and are checked whole, before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict


class InvalidSettings(SystemExit):
    """Raised at start with one line per bad variable; no value is repeated."""


class EnvironmentSettings(BaseSettings):
    """How every program is told: by its environment. Subclasses set `env_prefix` and add their fields.

    Any variable may be given as `<NAME>_FILE` instead, holding the path of a file with the value, as secret
    mounts do.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment and the files it names, and nothing else."""
        return init_settings, _EnvironmentAndFiles(settings_cls)

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """Read the environment; raise InvalidSettings that lists every bad variable at once."""
        try:
            return cls(**given)
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix", "")
            lines = []
            for problem in error.errors(include_url=False, include_context=False):
                field, *within = problem["loc"] or ("",)
                name = f"{prefix}{field}".upper().rstrip("_")
                lines.append(_in_words(name, within, problem["input"], problem["msg"]))
            raise InvalidSettings("Bad settings:\n  " + "\n  ".join(lines)) from None


class ServiceSettings(EnvironmentSettings):
    """What every service is told."""

    environment: Literal["development", "production"] = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka_bootstrap: str = Field(description="Kafka's bootstrap servers, host:port separated by commas.")
    ops_host: str = "127.0.0.1"
    ops_port: int = Field(ge=0, le=65535, description="Port of /livez, /readyz and /metrics; never exposed.")

    @property
    def in_production(self) -> bool:
        """Say whether the strict rules of production hold."""
        return self.environment == "production"


class DatabaseSettings(ServiceSettings):
    """Settings of a service that owns a schema."""

    database_url: SecretStr = Field(description="postgresql:// URL of the service's run-time role.")
    database_pool_size: int = Field(default=10, ge=1, le=100)


@dataclass(frozen=True)
class _Unreadable:
    """Stands for the value of a file that cannot be read; no field takes it."""

    reason: str


class _EnvironmentAndFiles(EnvSettingsSource):
    """The environment, where `<NAME>_FILE` says that the value of NAME is in a file."""

    def _load_env_vars(self) -> Mapping[str, Any]:
        given = super()._load_env_vars()
        names = [f"{self.env_prefix}{name}".lower() for name in self.settings_cls.model_fields]
        paths = {name: path for name in names if (path := given.get(f"{name}_file")) is not None}
        return {**given, **{name: _content(path) for name, path in paths.items()}}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Decode JSON; leave what is none to the validation, which reports it together with all else."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, TypeError):
            return value


def _content(path: str) -> str | _Unreadable:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        return _Unreadable(getattr(error, "strerror", None) or "not UTF-8")


def _in_words(name: str, within: Sequence[object], given: object, problem: str) -> str:
    """Say which variable is bad, where in it, and why, without its value."""
    if isinstance(given, _Unreadable):
        return f"{name}_FILE: {given.reason}"
    return ": ".join([name, *map(str, within), problem])
