#!/usr/bin/env python3
"""Cut Shopify's official Admin schema down to what the simulator supports, as SDL, and note the hashes of both.

    prune_schema.py [--check] admin_2026-10.json.gz

The official file is an introspection answer; `make sentinel` leaves it under .local/cache/shopify-schemas. What is kept
is listed in kept_members.txt; a member that Shopify does not have is an error, so the result never accepts more. With
--check nothing is written: the committed files must be what would be.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from graphql import build_client_schema, print_schema

KEPT_MEMBERS = Path(__file__).with_name("kept_members.txt")
SDL = Path(__file__).parents[1] / "src" / "shopify_simulator" / "schema" / "admin_2026-10.graphql"
HASHES = SDL.with_suffix(".sha256")
ROOTS = ("QueryRoot", "Mutation")
CONNECTION_FIELDS = {"nodes", "edges", "pageInfo"}
EDGE_FIELDS = {"cursor", "node"}
DIRECTIVES = {"include", "skip", "deprecated", "specifiedBy", "oneOf"}

Definition = dict[str, Any]


class UnknownMember(Exception):
    """The list of kept members does not fit the official schema."""


def read_kept_members(text: str) -> dict[str, set[str]]:
    """Read the lines "Type: member member …"."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    pairs = (line.partition(":") for line in lines)
    return {name: set(members.split()) for name, _, members in pairs}


def load_types(path: Path) -> Definition:
    """Read the introspection answer, packed or plain."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        document = json.load(file)
    return dict(document.get("data", document))


def named_type(reference: Definition) -> str:
    """The name of a type without its lists and non-nulls."""
    while reference["ofType"]:
        reference = reference["ofType"]
    return str(reference["name"])


class Pruner:
    """Walks the official types from the roots and copies what is kept."""

    def __init__(self, types: list[Definition], kept: dict[str, set[str]]) -> None:
        self.types = {definition["name"]: definition for definition in types}
        self.kept = kept
        self.result: dict[str, Definition] = {}

    def prune(self) -> list[Definition]:
        """All kept types."""
        pending = [*ROOTS, *(name for name in self.kept if name in self.types)]
        while pending:
            name = pending.pop()
            if name in self.result:
                continue
            self.result[name] = self._copy(self.types[name])
            pending.extend(self._references(self.result[name]))
        self._drop_unreached_possible_types()
        unknown = set(self.kept) - set(self.result) - {"arguments"}
        if unknown:
            raise UnknownMember(f"no such types: {sorted(unknown)}")
        return sorted(self.result.values(), key=lambda definition: str(definition["name"]))

    def _members(self, definition: Definition, key: str) -> list[Definition]:
        members: list[Definition] = definition.get(key) or []
        name = definition["name"]
        wanted = self.kept.get(name)
        if wanted is None and key == "fields" and members:
            wanted = self._conventional_members(name)
        if wanted is None:
            return members
        unknown = wanted - {member["name"] for member in members}
        if members and unknown:
            raise UnknownMember(f"{name} has no {sorted(unknown)}")
        return [member for member in members if member["name"] in wanted]

    def _conventional_members(self, name: str) -> set[str]:
        if name.endswith("Connection"):
            return CONNECTION_FIELDS
        if name.endswith("Edge"):
            return EDGE_FIELDS
        raise UnknownMember(f"{name} is reached but has no line in {KEPT_MEMBERS.name}")

    def _copy(self, definition: Definition) -> Definition:
        kept = {**definition, "description": None}
        for key in ("fields", "inputFields", "enumValues"):
            if definition.get(key) is not None:
                kept[key] = [{**m, "description": None} for m in self._members(definition, key)]
        for field in kept.get("fields") or []:
            wanted = [
                a for a in field["args"] if a["name"] in self.kept["arguments"] and not a.get("isDeprecated")
            ]
            field["args"] = [{**argument, "description": None} for argument in wanted]
        if definition["kind"] in ("OBJECT", "INTERFACE"):
            kept["interfaces"] = [i for i in definition["interfaces"] or [] if i["name"] in self.kept]
        return kept

    def _references(self, definition: Definition) -> list[str]:
        members = [*(definition.get("fields") or []), *(definition.get("inputFields") or [])]
        arguments = [argument for field in definition.get("fields") or [] for argument in field["args"]]
        return [named_type(member["type"]) for member in [*members, *arguments]]

    def _drop_unreached_possible_types(self) -> None:
        for definition in self.result.values():
            possible = definition.get("possibleTypes")
            if possible:
                definition["possibleTypes"] = [p for p in possible if p["name"] in self.result]


def pruned_sdl(official: Path) -> str:
    """Read and prune."""
    document = load_types(official)
    schema = document["__schema"]
    pruner = Pruner(schema["types"], read_kept_members(KEPT_MEMBERS.read_text(encoding="utf-8")))
    schema["types"] = [*pruner.prune(), *(t for t in schema["types"] if t["name"].startswith("__"))]
    schema["directives"] = [d for d in schema["directives"] if d["name"] in DIRECTIVES]
    schema["subscriptionType"] = None
    # The official schema breaks a rule that graphql-core 3.3 has about deprecated fields of interfaces.
    return print_schema(build_client_schema(document, assume_valid=True)) + "\n"


def hash_lines(*contents: tuple[str, bytes]) -> str:
    """What `sha256sum` prints."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents)


def main() -> int | str:
    """Write the SDL and the hashes, or compare them."""
    *options, path = sys.argv[1:] or [""]
    if options not in ([], ["--check"]) or not Path(path).is_file():
        print(__doc__, file=sys.stderr)
        return 2
    official = Path(path)
    try:
        sdl = pruned_sdl(official)
    except UnknownMember as error:
        return str(error)
    hashes = hash_lines((official.name, official.read_bytes()), (SDL.name, sdl.encode()))
    if options:
        is_same = (SDL.read_text("utf-8"), HASHES.read_text("utf-8")) == (sdl, hashes)
        return 0 if is_same else f"{SDL.name} is not what {official.name} gives"
    SDL.write_text(sdl, encoding="utf-8")
    HASHES.write_text(hashes, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
