"""Bad settings stop a service before it starts, all at once and without their values."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from sync_common.runtime import InvalidSettings, ServiceSettings


class Example(ServiceSettings):
    """Settings of a made-up service."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    api_key: SecretStr


def test_every_bad_variable_is_named_and_no_value_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_OPS_PORT", "hunter2")
    monkeypatch.setenv("EXAMPLE_LOG_LEVEL", "loud")

    with pytest.raises(InvalidSettings) as caught:
        Example.from_environment()

    message = str(caught.value)
    for name in ("EXAMPLE_OPS_PORT", "EXAMPLE_LOG_LEVEL", "EXAMPLE_KAFKA_BOOTSTRAP", "EXAMPLE_API_KEY"):
        assert name in message
    assert "hunter2" not in message


def test_value_may_come_from_a_mounted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("EXAMPLE_KAFKA_BOOTSTRAP", "localhost:9092")
    monkeypatch.setenv("EXAMPLE_OPS_PORT", "9100")

    settings = Example.from_environment()

    assert settings.api_key.get_secret_value() == "from-file"
    assert "from-file" not in repr(settings)
