import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, parse, validate

from shopify_simulator.graphql.resolvers import RESOLVERS
from shopify_simulator.graphql.schema import SCHEMA

from .worlds import QUERIES

SCRIPT = Path(__file__).parents[1] / "scripts" / "prune_schema.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prune_schema", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted(QUERIES.glob("*.graphql")), ids=lambda path: path.stem)
def test_every_stored_query_fits_the_schema(path: Path) -> None:
    document = parse(path.read_text(encoding="utf-8"))

    problems = validate(SCHEMA, document)

    assert problems == []


def test_schema_holds_exactly_the_kept_members(script: ModuleType) -> None:
    kept = script.read_kept_members(script.KEPT_MEMBERS.read_text(encoding="utf-8"))
    kept.pop("arguments")

    found = {name: members(name) for name in kept}

    assert found == kept


def members(name: str) -> set[str]:
    definition = SCHEMA.type_map[name]
    if isinstance(definition, GraphQLEnumType):
        return set(definition.values)
    return set(getattr(definition, "fields", {}))


def test_schema_is_the_one_that_was_cut_from_the_official_file(script: ModuleType) -> None:
    official, own = script.HASHES.read_text(encoding="utf-8").splitlines(keepends=True)

    assert official.endswith("  admin_2026-10.json.gz\n")
    assert own == script.hash_lines((script.SDL.name, script.SDL.read_bytes()))


def test_every_resolver_belongs_to_a_field_of_the_schema() -> None:
    fields = {
        (name, field)
        for name, definition in SCHEMA.type_map.items()
        if isinstance(definition, GraphQLObjectType | GraphQLInputObjectType)
        for field in definition.fields
    }

    assert set(RESOLVERS) <= fields


def test_pruning_refuses_a_member_that_shopify_does_not_have(script: ModuleType) -> None:
    official = [object_type("QueryRoot", "shop"), object_type("Mutation", "appUninstall"), scalar("String")]
    kept = {"QueryRoot": {"shop", "invented"}, "Mutation": {"appUninstall"}, "arguments": set()}

    with pytest.raises(script.UnknownMember, match="invented"):
        script.Pruner(official, kept).prune()


def test_pruning_drops_what_is_not_kept(script: ModuleType) -> None:
    official = [
        object_type("QueryRoot", "shop", "orders"),
        object_type("Mutation", "appUninstall"),
        scalar("String"),
    ]
    kept = {"QueryRoot": {"shop"}, "Mutation": {"appUninstall"}, "arguments": set()}

    pruned = {definition["name"]: definition for definition in script.Pruner(official, kept).prune()}

    assert [field["name"] for field in pruned["QueryRoot"]["fields"]] == ["shop"]
    assert set(pruned) == {"QueryRoot", "Mutation", "String"}


def object_type(name: str, *fields: str) -> dict[str, object]:
    text = {"kind": "SCALAR", "name": "String", "ofType": None}
    listed = [{"name": field, "args": [], "type": text, "description": "x"} for field in fields]
    return {"kind": "OBJECT", "name": name, "fields": listed, "interfaces": []}


def scalar(name: str) -> dict[str, object]:
    return {"kind": "SCALAR", "name": name}
