"""Hold our GraphQL against Shopify's own schemas: `python -m local_stack.sentinel [--latest]`.

The npm package that Shopify publishes for coding assistants has the whole schema of each version of the Admin API. The
release that is pinned here must be the very file whose hash is kept. What does not fit our version of the API, or the
newest that has a number, is an error; `unstable` only warns. With --latest the newest release there is says what would
break.
"""

import gzip
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from graphql import (
    GraphQLSchema,
    NoDeprecatedCustomRule,
    build_client_schema,
    build_schema,
    parse,
    validate,
)
from graphql.utilities import BreakingChangeType, find_breaking_changes

from local_stack.repository import LOCAL, ROOT
from shopify_fetcher import clients
from shopify_fetcher.clients.documents import COUNTS, bulk_document, document
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource

PACKAGE = "@shopify/dev-mcp"
RELEASE = "1.16.0"
RELEASE_SHA256 = "4663c79229028e98f825a09d5f04ec6c3736331b740ce50260f9ffac10709474"
UNSTABLE = "unstable"
CACHE = LOCAL / "cache" / "shopify-schemas"
FETCH_SECONDS_MAX = 300

SIMULATOR = ROOT / "devtools" / "shopify-simulator"
PRUNE = SIMULATOR / "scripts" / "prune_schema.py"
PRUNED = SIMULATOR / "src/shopify_simulator/schema" / f"admin_{SHOPIFY_API_VERSION}.graphql"
_MEMBER = re.compile(r"package/dist/data/(admin_(.+)\.json\.gz)")
_SEARCH = "updated_at:>='2026-11-22T00:00:00Z' AND \"x\""


class NotThePinnedFile(Exception):
    """Raised when what was fetched is not what the hash says."""


@dataclass(frozen=True)
class Finding:
    """What does not fit a version of the API."""

    version: str
    problem: str
    is_error: bool

    def __str__(self) -> str:
        return f"{'error' if self.is_error else 'warning'}: {self.version}: {self.problem}"


def main() -> int:
    """Print what does not fit; return 1 when it holds an error."""
    is_latest = "--latest" in sys.argv[1:]
    package = fetch_latest() if is_latest else fetch_pinned()
    files_of = unpack(package)
    schemas = {version: read(path) for version, path in files_of.items()}
    texts = documents()
    found = [*examine(schemas, texts)]
    if not is_latest:
        found += pruned_differs(files_of[SHOPIFY_API_VERSION])
    for finding in found:
        print(finding)
    errors = sum(finding.is_error for finding in found)
    print(
        f"{len(texts)} documents against {', '.join(sorted(schemas))} of {package.name}: "
        f"{errors} errors, {len(found) - errors} warnings"
    )
    return 1 if errors else 0


def fetch_pinned() -> Path:
    """Return the pinned release, fetched on first use; raise NotThePinnedFile when it is another."""
    path = CACHE / f"{PACKAGE.removeprefix('@').replace('/', '-')}-{RELEASE}.tgz"
    if not path.exists() or _hash(path) != RELEASE_SHA256:  # a fetch may have been interrupted
        _npm_pack(RELEASE)
    if _hash(path) != RELEASE_SHA256:
        raise NotThePinnedFile(f"{path.name} has the hash {_hash(path)}, not {RELEASE_SHA256}")
    return path


def fetch_latest() -> Path:
    """Return the newest release there is."""
    return CACHE / _npm_pack("latest")


def _npm_pack(release: str) -> str:
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{release}"]
    packed = subprocess.run(  # noqa: S603 - the command is ours
        command, cwd=CACHE, check=True, stdout=subprocess.PIPE, text=True, timeout=FETCH_SECONDS_MAX
    )
    return packed.stdout.split()[-1]


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def unpack(package: Path) -> dict[str, Path]:
    """Write the schemas of our version and of later ones beside the package; return them by version."""
    folder = package.with_suffix("")
    folder.mkdir(exist_ok=True)
    found = {}
    with tarfile.open(package) as archive:
        for member in archive:
            named = _MEMBER.fullmatch(member.name)
            is_wanted = named and (named[2] == UNSTABLE or named[2] >= SHOPIFY_API_VERSION)
            content = archive.extractfile(member) if is_wanted else None
            if named and content:
                found[named[2]] = folder / named[1]
                found[named[2]].write_bytes(content.read())
    return found


def read(path: Path) -> GraphQLSchema:
    """Return the schema of an introspection answer."""
    answer = json.loads(gzip.decompress(path.read_bytes()))
    # Shopify deprecates fields of interfaces in a way that graphql-core 3.3 refuses.
    return build_client_schema(answer.get("data", answer), assume_valid=True)


def documents() -> dict[str, str]:
    """Return every operation as it is sent, by its name; of counts one with two searches."""
    counts = {name: document(name, ("one", "other")) for name in COUNTS}
    bulk = {f"bulk_{resource}": resource for resource in Resource}
    names = sorted(Path(file.name).stem for file in (files(clients) / "queries").iterdir())
    return counts | {
        name: bulk_document(bulk[name], _SEARCH) if name in bulk else document(name)
        for name in names
        if not name.startswith("fragment_")
    }


def examine(schemas: Mapping[str, GraphQLSchema], texts: Mapping[str, str]) -> Iterator[Finding]:
    """Say what does not fit our version, the newest with a number, and `unstable`.

    A deprecated member is an error in our version alone: what shall replace it may be missing there.
    """
    newest = max((version for version in schemas if version != UNSTABLE), default=UNSTABLE)
    if SHOPIFY_API_VERSION not in schemas:
        yield Finding(SHOPIFY_API_VERSION, "the package has it no longer", is_error=True)
    for version in sorted({SHOPIFY_API_VERSION, newest, UNSTABLE} & schemas.keys()):
        schema, is_ours = schemas[version], version == SHOPIFY_API_VERSION
        for name, text in texts.items():
            for error in validate(schema, parse(text)):
                yield Finding(version, f"{name}: {error.message}", is_error=version != UNSTABLE)
            for error in validate(schema, parse(text), [NoDeprecatedCustomRule]):
                yield Finding(version, f"{name}: {error.message}", is_error=is_ours)
        for missing in missing_of_ours(schema):
            yield Finding(version, f"{PRUNED.name}: {missing}", is_error=is_ours)


def missing_of_ours(schema: GraphQLSchema) -> list[str]:
    """Return what the simulator's part of the schema has and an official schema has not."""
    pruned = build_schema(PRUNED.read_text(encoding="utf-8"), assume_valid=True)
    return [
        change.description
        for change in find_breaking_changes(pruned, schema)
        if change.type is not BreakingChangeType.DIRECTIVE_LOCATION_REMOVED  # graphql-core's own @deprecated
    ]


def pruned_differs(official: Path) -> list[Finding]:
    """Say when the simulator's part is not exactly what is cut out of the official file."""
    command = [sys.executable, str(PRUNE), "--check", str(official)]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours
    if done.returncode == 0:
        return []
    return [Finding(SHOPIFY_API_VERSION, done.stderr.strip().splitlines()[-1], is_error=True)]


if __name__ == "__main__":
    sys.exit(main())
