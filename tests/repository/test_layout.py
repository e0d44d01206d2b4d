"""Six services of one shape: the same file names, every setting documented, nothing unexplained."""

import re

import pytest

from local_stack.docs import settings_of
from local_stack.repository import ROOT
from sync_common.contracts.stack import SERVICES, Service

ALIKE = ("__main__", "main", "settings", "http", "handlers", "errors", "metrics")


@pytest.fixture(params=list(SERVICES.values()), ids=list(SERVICES))
def service(request: pytest.FixtureRequest) -> Service:
    chosen: Service = request.param
    return chosen


def test_service_has_the_common_files(service: Service) -> None:
    folder = ROOT / "services" / service.name
    source = folder / "src" / service.package

    missing = [
        name for name in ALIKE if not (source / f"{name}.py").exists() and not (source / name).is_dir()
    ]
    missing += [
        name for name in ("README.md", ".env.example", "pyproject.toml") if not (folder / name).exists()
    ]
    if service.schema:
        missing += [name for name in ("migrations/env.py", f"src/{service.package}/store/tables.py")
                    if not (folder / name).exists()]  # fmt: skip

    assert missing == []


def test_every_setting_is_in_the_example_and_nothing_else(service: Service) -> None:
    example = (ROOT / "services" / service.name / ".env.example").read_text()
    shown = set(re.findall(rf"^#?\s?({service.env_prefix}[A-Z0-9_]+)=", example, re.MULTILINE))

    assert shown == {f"{service.env_prefix}{name.upper()}" for name in settings_of(service).model_fields}


def test_readme_names_every_topic_the_service_uses(service: Service) -> None:
    readme = (ROOT / "services" / service.name / "README.md").read_text()
    topics = {topic.name for topic in (*service.consumes, *service.produces)}
    patterns = {
        re.sub(r"shopify\.(customers|orders|products)\.", "shopify.{customers,orders,products}.", name)
        for name in topics
    }

    assert (
        sorted(name for name in patterns if name not in readme and name.removesuffix(".v1") not in readme)
        == []
    )
