"""Settings are checked whole, before anything starts."""

import pytest

from sync_common.runtime import InvalidSettings
from webhook_ingest.settings import Settings


@pytest.fixture(autouse=True)
def good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    monkeypatch.setenv("INGEST_HTTP_PORT", "8001")
    monkeypatch.setenv("INGEST_OPS_PORT", "9001")
    monkeypatch.setenv("INGEST_CLIENT_SECRETS", "current, previous ,")


def test_several_secrets_are_active_at_once() -> None:
    settings = Settings.from_environment()

    assert settings.secrets() == (b"current", b"previous")
    assert "current" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("INGEST_CLIENT_SECRETS", " , "), ("INGEST_ANSWER_SECONDS", "5"), ("INGEST_HTTP_PORT", "eighty")],
)
def test_bad_setting_is_named_and_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=name):
        Settings.from_environment()
