"""Six services of one shape: the same file names, every setting documented, nothing unexplained. So the tools."""

import re
import tomllib

import pytest

from local_stack.docs import settings_of
from local_stack.repository import ROOT
from sync_common.contracts.stack import OPERATOR_TOOLS, SERVICES, OperatorTool, Service

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


@pytest.mark.parametrize("program", [*SERVICES.values(), *OPERATOR_TOOLS.values()], ids=lambda one: one.name)
def test_every_setting_is_in_the_example_and_nothing_else(program: Service | OperatorTool) -> None:
    folder = ROOT / ("services" if program.name in SERVICES else "libs") / program.name
    example = (folder / ".env.example").read_text()
    shown = set(re.findall(rf"^#?\s?({program.env_prefix}[A-Z0-9_]+)=", example, re.MULTILINE))

    assert shown == {f"{program.env_prefix}{name.upper()}" for name in settings_of(program).model_fields}


@pytest.mark.parametrize("tool", OPERATOR_TOOLS.values(), ids=list(OPERATOR_TOOLS))
def test_operators_tool_runs_as_a_module_and_as_a_command(tool: OperatorTool) -> None:
    folder = ROOT / "libs" / tool.name
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]

    assert (folder / "src" / tool.package / "__main__.py").exists()
    assert project["scripts"] == {tool.name: f"{tool.package}.main:main"}


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
