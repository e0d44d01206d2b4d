"""Settings are checked whole, before anything starts."""

import base64
import json

import pytest

from notifier.domain.mail import Template
from notifier.settings import Settings
from sync_common.runtime import InvalidSettings

GOOD = {
    "NOTIFIER_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "NOTIFIER_OPS_PORT": "9005",
    "NOTIFIER_DATABASE_URL": "postgresql://svc_notifier@127.0.0.1/shopsync",
    "NOTIFIER_LOOPS_API_KEY": "key",
    "NOTIFIER_TEMPLATES": json.dumps({name: f"id_{name}" for name in Template}),
    "NOTIFIER_PUBLIC_URL": "https://app.example.com",
    "NOTIFIER_SUPPORT_URL": "https://app.example.com/support",
    "NOTIFIER_SEALING_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
}


@pytest.fixture(autouse=True)
def good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_good_settings_are_read() -> None:
    settings = Settings.from_environment()

    assert settings.templates[Template.SYNC_FAILED] == "id_shopify_sync_failed"
    assert "key" not in repr(settings.loops_api_key)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFIER_TEMPLATES", '{"shopify_sync_failed": "id"}'),
        ("NOTIFIER_SEALING_KEYS", "k1:c2hvcnQ="),
        ("NOTIFIER_PUBLIC_URL", "javascript:alert(1)"),
        ("NOTIFIER_LOOPS_URL", "http://app.loops.so"),
    ],
)
def test_bad_setting_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment()

    assert name.removeprefix("NOTIFIER_") in str(caught.value)
    assert value not in str(caught.value)
