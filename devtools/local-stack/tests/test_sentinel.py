import gzip
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, introspection_from_schema

from local_stack import sentinel
from local_stack.repository import ROOT, scratch_folder
from shopify_fetcher.clients.documents import COUNTS
from sync_common.contracts.resources import SHOPIFY_API_VERSION

Answer = dict[str, Any]
Publish = Callable[[dict[str, Answer]], None]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with scratch_folder("test-sentinel") as folder:
        monkeypatch.setattr(sentinel, "CACHE", folder)
        yield folder


@pytest.fixture
def publish(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Make a release of the package: it is in the cache, and the only one that there is."""

    def act(schemas: dict[str, Answer]) -> None:
        package = cache / f"shopify-dev-mcp-{sentinel.RELEASE}.tgz"
        with tarfile.open(package, "w:gz") as archive:
            for version, answer in schemas.items():
                path = cache / f"admin_{version}.json.gz"
                path.write_bytes(gzip.compress(json.dumps({"data": answer}).encode()))
                archive.add(path, f"package/dist/data/{path.name}")
        monkeypatch.setattr(sentinel, "RELEASE_SHA256", sha256(package.read_bytes()).hexdigest())
        monkeypatch.setattr(sentinel, "_npm_pack", lambda release: package.name)
        monkeypatch.setattr(sentinel, "pruned_differs", lambda official: [])

    return act


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def act(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sentinel", *arguments])
        return sentinel.main(), capsys.readouterr().out

    return act


def schema(*, without: str = "", deprecating: str = "") -> Answer:
    """The simulator's part of the official schema, less a field, or with one that is deprecated: "Type.field"."""
    pruned = build_schema(sentinel.PRUNED.read_text(), assume_valid=True)
    answer: Answer = dict(introspection_from_schema(pruned))
    for definition in answer["__schema"]["types"]:
        fields = definition["fields"] or []
        definition["fields"] = [
            one for one in fields if f"{definition['name']}.{one['name']}" != without
        ] or definition["fields"]
        for one in fields:
            if f"{definition['name']}.{one['name']}" == deprecating:
                one |= {"isDeprecated": True, "deprecationReason": "Use another."}
    return answer


def test_what_we_ask_for_fits_the_schema_that_we_know(publish: Publish, run: Any) -> None:
    publish({SHOPIFY_API_VERSION: schema(), "unstable": schema()})

    status, printed = run()

    assert (status, printed.count("\n")) == (0, 1)
    assert f"against {SHOPIFY_API_VERSION}, unstable of shopify-dev-mcp" in printed


@pytest.mark.parametrize("arguments", [(), ("--latest",)], ids=["pinned", "latest"])
@pytest.mark.parametrize("version", [SHOPIFY_API_VERSION, "2099-01"])
def test_field_that_is_gone_is_an_error_in_our_version_and_in_the_newest(
    publish: Publish, run: Any, version: str, arguments: tuple[str, ...]
) -> None:
    publish({SHOPIFY_API_VERSION: schema(), version: schema(without="Order.processedAt")})

    status, printed = run(*arguments)

    assert status == 1
    assert f"error: {version}: orders_page: Cannot query field 'processedAt' on type 'Order'." in printed
    assert f"error: {version}: bulk_orders: Cannot query field 'processedAt' on type 'Order'." in printed


def test_field_that_is_gone_from_unstable_only_warns(publish: Publish, run: Any) -> None:
    publish({SHOPIFY_API_VERSION: schema(), "unstable": schema(without="Order.processedAt")})

    status, printed = run()

    assert status == 0
    assert "warning: unstable: orders_page: Cannot query field 'processedAt' on type 'Order'." in printed


@pytest.mark.parametrize(("version", "status"), [(SHOPIFY_API_VERSION, 1), ("2099-01", 0)])
def test_deprecated_field_is_an_error_in_our_version_and_a_warning_in_a_later_one(
    publish: Publish, run: Any, version: str, status: int
) -> None:
    publish({SHOPIFY_API_VERSION: schema(), version: schema(deprecating="Product.handle")})

    found, printed = run()

    assert found == status
    assert f"{version}: products_page: The field Product.handle is deprecated. Use another." in printed


def test_member_that_only_the_simulator_has_is_an_error(publish: Publish, run: Any) -> None:
    """No document asks for this one, so nothing else would notice."""
    publish({SHOPIFY_API_VERSION: schema(without="Shop.createdAt")})

    status, printed = run()

    assert status == 1
    assert (
        f"error: {SHOPIFY_API_VERSION}: {sentinel.PRUNED.name}: Field Shop.createdAt was removed." in printed
    )


def test_version_that_shopify_no_longer_publishes_is_an_error(publish: Publish, run: Any) -> None:
    publish({"2099-01": schema()})

    status, printed = run("--latest")

    assert status == 1
    assert f"error: {SHOPIFY_API_VERSION}: the package has it no longer" in printed


def test_file_with_another_hash_is_not_read(
    publish: Publish, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish({SHOPIFY_API_VERSION: schema()})
    monkeypatch.setattr(sentinel, "RELEASE_SHA256", "0" * 64)

    with pytest.raises(sentinel.NotThePinnedFile, match="not 0000"):
        run()


def test_part_that_was_cut_from_another_file_is_an_error(cache: Path) -> None:
    """The script that cut it refuses a file without the members that were kept."""
    official = cache / f"admin_{SHOPIFY_API_VERSION}.json.gz"
    official.write_bytes(gzip.compress(json.dumps(schema(without="Order.processedAt")).encode()))

    [finding] = sentinel.pruned_differs(official)

    assert finding.is_error
    assert "Order has no ['processedAt']" in finding.problem


def test_every_operation_of_the_fetcher_is_among_the_documents() -> None:
    queries = ROOT / "services" / "shopify-fetcher" / "src/shopify_fetcher/clients/queries"
    named = {path.stem for path in queries.glob("*.graphql")}
    sent = "\n".join(sentinel.documents().values())

    fragments = {name for name in named if name.startswith("fragment_")}

    assert sentinel.documents().keys() == (named - fragments) | COUNTS.keys()
    assert [
        name for name in sorted(fragments) if _first_fragment(queries / f"{name}.graphql") not in sent
    ] == []


def _first_fragment(path: Path) -> str:
    return next(line for line in path.read_text().splitlines() if line.startswith("fragment "))
