"""The pruned official schema with our resolvers in it."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from shopify_simulator.graphql.access import FIELD_SCOPES, TYPE_SCOPES, has_scope
from shopify_simulator.graphql.context import Execution
from shopify_simulator.graphql.errors import AccessDenied, NotApproved
from shopify_simulator.graphql.paging import first_of, page_of_list
from shopify_simulator.graphql.protected import (
    HIDDEN_FIELDS,
    NULLABLE_FIELDS,
    PROTECTED_ROOTS,
    PROTECTED_TYPES,
    denies,
)
from shopify_simulator.graphql.resolvers import RESOLVERS, Resolver
from shopify_simulator.shop.model import API_VERSION, ProtectedData, Record

NODE_FIELDS = {"node", "nodes"}


def type_of(record: Record) -> str:
    """The GraphQL type of a record: told by the record, or by its gid."""
    named = record.get("__typename")
    return str(named) if named else str(record["id"].split("/", 4)[3])


def is_connection(field: GraphQLField) -> bool:
    """Whether a field answers a connection."""
    return get_named_type(field.type).name.endswith("Connection")


def required_scope(type_name: str, name: str) -> str | None:
    """The scope that reading a field asks for."""
    return FIELD_SCOPES.get((type_name, name))


def find_resolver(type_name: str, name: str, field: GraphQLField) -> Resolver | None:
    """How a field is read, or None when it is a key of its record."""
    known = RESOLVERS.get((type_name, name))
    if known is None and is_connection(field):
        return lambda source, _run, arguments: page_of_list(source[name], arguments)
    if known is None and "first" in field.args:
        return lambda source, _run, arguments: first_of(source[name], arguments)
    return known


def _key_reader(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: GraphQLResolveInfo[Execution], **_arguments: Any) -> Any:
        return source.get(name)

    return resolve


def _guard(run: Execution, name: str, scope: str | None) -> None:
    if scope is not None and not has_scope(run.context.scopes, scope):
        raise AccessDenied(name, scope)


def _guard_nodes(run: Execution, name: str, found: Any) -> None:
    for record in found if isinstance(found, list) else [found]:
        if record is not None:
            type_name = type_of(record)
            _guard(run, name, TYPE_SCOPES.get(type_name))
            _guard_protected(run, type_name if type_name in PROTECTED_TYPES else None)


def _guard_protected(run: Execution, type_name: str | None) -> None:
    if type_name is not None and denies(run.context.shop):
        raise NotApproved(f"access the {type_name} object")


def _note_hidden(run: Execution, info: GraphQLResolveInfo[Execution]) -> None:
    """Say of a field that level 2 hides that it does: once, whatever the number of records."""
    name = (info.parent_type.name, info.field_name)
    if run.context.shop.protected_data is ProtectedData.ERRORS and name not in run.hidden:
        place = {"nodes": info.field_nodes, "path": info.path.as_list()}
        run.hidden[name] = NotApproved(f"use the {info.field_name} field", **place)


def _field_reader(type_name: str, name: str, field: GraphQLField) -> Callable[..., Any]:
    resolver, scope = find_resolver(type_name, name, field), required_scope(type_name, name)
    is_paged, is_node = is_connection(field), type_name == "QueryRoot" and name in NODE_FIELDS
    is_hidden = (type_name, name) in HIDDEN_FIELDS
    protected = PROTECTED_ROOTS.get(name) if type_name == "QueryRoot" else None

    def resolve(source: Any, info: GraphQLResolveInfo[Execution], **arguments: Any) -> Any:
        run: Execution = info.context
        _guard(run, name, scope)
        _guard_protected(run, protected)
        if is_hidden:
            _note_hidden(run, info)
        value = resolver(source, run, arguments) if resolver else source.get(name)
        if is_node:
            _guard_nodes(run, name, value)
        if is_paged and (place := info.field_nodes[0].loc):
            run.note_size(place.start, len(value.nodes))
        return value

    return resolve


def _abstract_type(record: Mapping[str, Any], _info: GraphQLResolveInfo[Execution], _type: Any) -> str:
    return type_of(dict(record))


def load_schema() -> GraphQLSchema:
    """Build the schema; it passes as valid as it is because it is Shopify's."""
    text = (
        files("shopify_simulator.schema").joinpath(f"admin_{API_VERSION}.graphql").read_text(encoding="utf-8")
    )
    schema = build_schema(text, assume_valid=True)
    for type_name, definition in schema.type_map.items():
        if isinstance(definition, GraphQLInterfaceType | GraphQLUnionType):
            definition.resolve_type = _abstract_type
        if isinstance(definition, GraphQLObjectType) and not type_name.startswith("__"):
            _attach_readers(definition)
    return schema


def _attach_readers(definition: GraphQLObjectType) -> None:
    for name, field in definition.fields.items():
        is_plain = (
            find_resolver(definition.name, name, field) is None
            and required_scope(definition.name, name) is None
            and (definition.name, name) not in HIDDEN_FIELDS
        )
        if (definition.name, name) in NULLABLE_FIELDS and isinstance(field.type, GraphQLNonNull):
            field.type = field.type.of_type
        field.resolve = _key_reader(name) if is_plain else _field_reader(definition.name, name, field)


SCHEMA = load_schema()
