"""Settings: each one is in .env.example, and production is strict."""

from pathlib import Path

import pytest

from shopify_fetcher.settings import Settings
from sync_common.runtime import InvalidSettings

from ..builders import settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_every_setting_is_in_the_example() -> None:
    listed = {
        line.partition("=")[0] for line in EXAMPLE.read_text().splitlines() if "=" in line and line[0] != "#"
    }

    assert listed == {f"FETCHER_{name}".upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shopify_url", "https://one-shop.example"),
        ("master_keys", "no-key"),
        ("service_token", "short"),
    ],
)
def test_bad_setting_is_named_and_its_value_is_not_repeated(tmp_path: Path, name: str, value: str) -> None:
    given = {**settings("http://127.0.0.1:1", tmp_path).model_dump(), name: value}

    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environment(**given)

    assert f"FETCHER_{name}".upper() in str(refused.value)
    assert value not in str(refused.value)


def test_production_calls_shopify_alone(tmp_path: Path) -> None:
    given = {**settings("http://127.0.0.1:1", tmp_path).model_dump(), "environment": "production"}

    with pytest.raises(InvalidSettings, match="in production"):
        Settings.from_environment(**given)


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    shown = repr(settings("http://127.0.0.1:1", tmp_path))

    assert "test-app-secret" not in shown
    assert "a-service-token-for-tests" not in shown
