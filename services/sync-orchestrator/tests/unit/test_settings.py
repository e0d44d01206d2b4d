"""Every setting can be found by whoever runs the service."""

from pathlib import Path

from sync_orchestrator.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def example() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_example_lists_exactly_the_settings() -> None:
    assert set(example()) == {f"ORCHESTRATOR_{name}".upper() for name in Settings.model_fields}


def test_example_is_valid_and_holds_the_defaults() -> None:
    given = {name.removeprefix("ORCHESTRATOR_").lower(): value for name, value in example().items()}

    settings = Settings(**given)  # type: ignore[arg-type]

    defaults = {
        name: field.default for name, field in Settings.model_fields.items() if not field.is_required()
    }
    assert {name: getattr(settings, name) for name in defaults} == defaults
