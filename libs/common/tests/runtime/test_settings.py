"""Bad settings stop a service before it starts, all at once and without their values."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sync_common.runtime import InvalidSettings, ServiceSettings


class Example(ServiceSettings):
    """Settings of a made-up service."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    api_key: SecretStr
    templates: dict[str, str] = Field(default_factory=dict)
    pages: tuple[int, ...] = ()


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


def test_file_is_decoded_as_the_variable_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is a dictionary could not come from a file."""
    (tmp_path / "templates").write_text('{"welcome": "t1"}\n')
    monkeypatch.setenv("EXAMPLE_TEMPLATES_FILE", str(tmp_path / "templates"))

    settings = Example.from_environment(api_key="k", kafka_bootstrap="localhost:9092", ops_port=9100)

    assert settings.templates == {"welcome": "t1"}


def test_unreadable_file_and_broken_json_are_reported_with_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first missing file, and JSON that was none, used to end the report."""
    (tmp_path / "pages").write_bytes(b"\xff")
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("EXAMPLE_LOG_LEVEL_FILE", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_PAGES_FILE", str(tmp_path / "pages"))
    monkeypatch.setenv("EXAMPLE_TEMPLATES", "{hunter2")
    monkeypatch.setenv("EXAMPLE_OPS_PORT", "9100")

    with pytest.raises(InvalidSettings) as caught:
        Example.from_environment()

    assert str(caught.value).splitlines() == [
        "Bad settings:",
        "  EXAMPLE_LOG_LEVEL_FILE: Is a directory",
        "  EXAMPLE_KAFKA_BOOTSTRAP: Field required",
        "  EXAMPLE_API_KEY_FILE: No such file or directory",
        "  EXAMPLE_TEMPLATES: Input should be a valid dictionary",
        "  EXAMPLE_PAGES_FILE: not UTF-8",
    ]
