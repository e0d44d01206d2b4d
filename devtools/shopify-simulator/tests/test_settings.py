from pathlib import Path

import pytest

from shopify_simulator.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


def example_variables() -> dict[str, str]:
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    assigned = (line.split("=", 1) for line in lines if line.startswith("SIMULATOR_"))
    return {name.strip(): value.strip() for name, value in assigned}


def test_every_setting_is_in_the_example() -> None:
    names = {f"SIMULATOR_{name.upper()}" for name in Settings.model_fields}

    assert set(example_variables()) == names


def test_the_example_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example_variables().items():
        if value:
            monkeypatch.setenv(name, value)

    assert Settings() == Settings.model_construct()


def test_redirect_addresses_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_REDIRECT_URIS", "http://one/callback, http://two/callback")

    assert Settings().redirect_uris == ["http://one/callback", "http://two/callback"]
