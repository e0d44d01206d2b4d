"""The only reader of the environment."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from notifier.domain.mail import Template
from sync_common.runtime import DatabaseSettings, KeyRing


class Settings(DatabaseSettings):
    """Environment variables, each with the prefix NOTIFIER_."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_")

    loops_url: str = Field(default="https://app.loops.so", description="Loops, or what stands for it.")
    loops_api_key: SecretStr
    templates: dict[Template, str] = Field(
        description="JSON: our name of each mail to Loops' transactionalId."
    )
    public_url: str = Field(pattern=r"^https?://", description="The web UI, for links in mails.")
    support_url: str = Field(pattern=r"^(https?://|mailto:)", description="Where people find help.")
    sealing_keys: SecretStr = Field(description="id:base64,… as the gateway has them; the first one seals.")
    mails_per_second: float = Field(default=10, gt=0, description="Loops' limit is 10 per team.")

    @field_validator("templates")
    @classmethod
    def _is_complete(cls, templates: dict[Template, str]) -> dict[Template, str]:
        if missing := [template for template in Template if not templates.get(template)]:
            raise ValueError(f"no transactionalId for {', '.join(missing)}")
        return templates

    @field_validator("sealing_keys")
    @classmethod
    def _is_key_ring(cls, keys: SecretStr) -> SecretStr:
        KeyRing.from_setting(keys.get_secret_value())
        return keys

    @model_validator(mode="after")
    def _keeps_the_key_private(self) -> Self:
        if self.in_production and not self.loops_url.startswith("https://"):
            raise ValueError("LOOPS_URL must be https in production")
        return self

    def key_ring(self) -> KeyRing:
        """Return the keys that open tokens in mail requests."""
        return KeyRing.from_setting(self.sealing_keys.get_secret_value())
