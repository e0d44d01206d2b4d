"""Settings: every one is documented, every bad one is named."""

from pathlib import Path

import pytest

from oauth_gateway.settings import Settings
from sync_common.runtime import InvalidSettings

GOOD = {
    "GATEWAY_ENVIRONMENT": "production",
    "GATEWAY_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "GATEWAY_DATABASE_URL": "postgresql://svc_oauth_gateway@127.0.0.1/shopsync",
    "GATEWAY_PUBLIC_URL": "https://app.example.com/",
    "GATEWAY_FETCHER_URL": "http://127.0.0.1:8003",
    "GATEWAY_SERVICE_TOKEN": "t0ken",
    "GATEWAY_CLIENT_ID": "app",
    "GATEWAY_CLIENT_SECRET": "new, old",
    "GATEWAY_SEALING_KEYS": "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_every_setting_is_in_the_example() -> None:
    example = Path(__file__).parents[2].joinpath(".env.example").read_text()
    named = {line.split("=")[0] for line in example.splitlines() if line.startswith("GATEWAY_")}

    assert named == {f"GATEWAY_{field.upper()}" for field in Settings.model_fields}


def test_secrets_are_a_list_and_do_not_print() -> None:
    settings = Settings.from_environment()

    assert [secret.get_secret_value() for secret in settings.client_secret] == ["new", "old"]
    assert settings.public_url == "https://app.example.com"
    assert "t0ken" not in repr(settings)
    assert "old" not in repr(settings)


def test_production_needs_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PUBLIC_URL", "http://app.example.com")

    with pytest.raises(InvalidSettings, match="https"):
        Settings.from_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_SHOPIFY_URL", "https://example.com"),
        ("GATEWAY_CLIENT_SECRET", " , "),
        ("GATEWAY_FETCHER_URL", "x"),
        ("GATEWAY_SEALING_KEYS", "k1:c2hvcnQ="),
    ],
)
def test_bad_values_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=name):
        Settings.from_environment()
