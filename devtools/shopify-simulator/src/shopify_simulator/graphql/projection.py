"""Turn the selections of a bulk query into structs, and copy into them what is asked for from a record.

What a record does not hold is read by the same resolvers as the GraphQL executor does, without its cost per field.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any

import msgspec
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    value_from_ast_untyped,
)

from shopify_simulator.graphql.context import Execution
from shopify_simulator.graphql.resolvers import Resolver
from shopify_simulator.graphql.schema import SCHEMA, find_resolver, is_connection, required_scope, type_of
from shopify_simulator.shop.model import Record

Selections = list[SelectionSetNode]

PARENT_ID = "parent_id"
PARENT_ID_KEY = "__parentId"


@dataclass(frozen=True, slots=True)
class ObjectProjection:
    """Copies the chosen fields of one object type; its connections become lines of their own.

    Its shape is a struct of the chosen fields in the order of the selection. msgspec copies them there, those of the
    objects in a record too: by Python this would be most of the work of a run. Resolvers first read the fields that a
    record does not hold by the key that is asked for.
    """

    shape: type[msgspec.Struct]
    resolvers: list[tuple[str, Resolver, Mapping[str, Any]]]
    connections: list[tuple[str, "Projection"]]

    def copy(self, record: Record, run: Execution) -> msgspec.Struct:
        """The chosen fields of a record."""
        resolved = record
        if self.resolvers:
            resolved = record.copy()
            for key, resolve, arguments in self.resolvers:
                resolved[key] = resolve(record, run, arguments)
        return msgspec.convert(resolved, self.shape)

    def children(self, record: Record) -> Iterator[tuple["Projection", Record]]:
        """Every node of the nested connections, with its projection."""
        for name, projection in self.connections:
            for child in record[name]:
                yield projection, child


class Projection:
    """The projection of a type that may be abstract: one for each concrete type, chosen by record."""

    def __init__(self, by_type: Mapping[str, ObjectProjection]) -> None:
        self.by_type = by_type
        self.only = next(iter(by_type.values())) if len(by_type) == 1 else None

    @property
    def plain_shape(self) -> type[msgspec.Struct] | None:
        """The shape of every record, if nothing in it has to be resolved."""
        return self.only.shape if self.only and not self.only.resolvers else None

    def of(self, record: Record) -> ObjectProjection:
        """The projection for the type that the record has."""
        return self.only or self.by_type[type_of(record)]

    def copy_any(self, value: Any, run: Execution) -> Any:
        """The chosen fields of a record, of each record of a list, or null."""
        if value is None:
            return None
        if isinstance(value, list):
            return [self.of(item).copy(item, run) for item in value]
        return self.of(value).copy(value, run)


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """A compiled bulk query: the list to run over, how to copy a node, and the scopes that all of it needs."""

    root_name: str
    arguments: Mapping[str, Any]
    projection: Projection
    scopes: frozenset[str]


def compile_plan(document: DocumentNode, operation: OperationDefinitionNode) -> BulkPlan:
    """Compile a checked bulk query."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    compiler = _Compiler(fragments)
    root = operation.selection_set.selections[0]
    if not isinstance(root, FieldNode) or SCHEMA.query_type is None or root.selection_set is None:
        raise TypeError("a checked bulk query begins with a field")
    definition = SCHEMA.query_type.fields[root.name.value]
    compiler.note_scope("QueryRoot", root.name.value)
    projection = compiler.nodes([root.selection_set], definition)
    return BulkPlan(root.name.value, _arguments(root), projection, frozenset(compiler.scopes))


def _arguments(node: FieldNode) -> Mapping[str, Any]:
    """The literal arguments of a field."""
    return {argument.name.value: value_from_ast_untyped(argument.value) for argument in node.arguments or ()}


def _by_key(name: str) -> Resolver:
    return lambda record, _run, _arguments: record[name]


def _copied(resolver: Resolver, inner: Projection) -> Resolver:
    return lambda record, run, arguments: inner.copy_any(resolver(record, run, arguments), run)


def _annotation(definition: GraphQLField, inner: Projection | None) -> Any:
    """The type that msgspec copies the value of a field to."""
    shape = inner.plain_shape if inner else None
    if shape is None:
        return Any
    is_list = is_list_type(get_nullable_type(definition.type))
    return (GenericAlias(list, (shape,)) if is_list else shape) | None


@dataclass(slots=True)
class _Chosen:
    """The chosen fields of one object type: all but connections are (key, type, default)."""

    fields: list[tuple[str, Any, Any]] = field(default_factory=list)
    resolvers: list[tuple[str, Resolver, Mapping[str, Any]]] = field(default_factory=list)
    connections: list[tuple[str, Projection]] = field(default_factory=list)

    def add(self, key: str, annotation: Any, resolver: Resolver | None, arguments: Mapping[str, Any]) -> None:
        """Add a field; without a resolver a record holds it by its key."""
        self.fields.append((key, annotation, msgspec.NODEFAULT))
        if resolver:
            self.resolvers.append((key, resolver, arguments))

    def add_type_name(self, key: str, type_name: str) -> None:
        """Add `__typename`, which records hold or lack."""
        self.fields.append((key, Any, type_name))
        if key != "__typename":  # a record may hold another field by this key
            self.resolvers.append((key, lambda *_: type_name, {}))

    def projection(self) -> ObjectProjection:
        """What copies these fields."""
        fields = [
            # Numbered because a key may be no name for an attribute.
            (f"field{number}", annotation, msgspec.field(name=key, default=default))
            for number, (key, annotation, default) in enumerate(self.fields)
        ]
        parent_id = (PARENT_ID, Any, msgspec.field(name=PARENT_ID_KEY, default=msgspec.UNSET))
        shape = msgspec.defstruct("Shape", [*fields, parent_id], kw_only=True, gc=False)
        return ObjectProjection(shape, self.resolvers, self.connections)


class _Compiler:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        self.scopes: set[str] = set()

    def note_scope(self, type_name: str, name: str) -> None:
        scope = required_scope(type_name, name)
        if scope is not None:
            self.scopes.add(scope)

    def nodes(self, selections: Selections, definition: GraphQLField) -> Projection:
        """The projection of a connection's nodes, selected by `nodes` or by `edges { node }`."""
        connection = _object_type(definition)
        inner: Selections = []
        for field_node in self._fields(selections, connection):
            if field_node.selection_set is None:
                continue
            if field_node.name.value == "nodes":
                inner.append(field_node.selection_set)
            if field_node.name.value == "edges":
                edge = _object_type(connection.fields["edges"])
                edges = self._fields([field_node.selection_set], edge)
                inner += [f.selection_set for f in edges if f.name.value == "node" and f.selection_set]
        return self.projection(inner, _named_type(connection.fields["nodes"]))

    def projection(self, selections: Selections, named: GraphQLNamedType) -> Projection:
        concrete = SCHEMA.get_possible_types(named) if is_abstract_type(named) else [named]
        objects = [item for item in concrete if isinstance(item, GraphQLObjectType)]
        return Projection({item.name: self._object(selections, item) for item in objects})

    def _object(self, selections: Selections, parent: GraphQLObjectType) -> ObjectProjection:
        chosen = _Chosen()
        merged: dict[str, list[FieldNode]] = {}
        for node in self._fields(selections, parent):
            merged.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        for key, nodes in merged.items():
            self._add_field(chosen, key, nodes, parent)
        return chosen.projection()

    def _add_field(
        self, chosen: _Chosen, key: str, nodes: list[FieldNode], parent: GraphQLObjectType
    ) -> None:
        name = nodes[0].name.value
        if name == "__typename":
            chosen.add_type_name(key, parent.name)
            return
        definition = parent.fields[name]
        self.note_scope(parent.name, name)
        below = [node.selection_set for node in nodes if node.selection_set]
        if is_connection(definition):
            chosen.connections.append((name, self.nodes(below, definition)))
            return
        named = _named_type(definition)
        inner = None if is_leaf_type(named) else self.projection(below, named)
        resolver = find_resolver(parent.name, name, definition) or (None if key == name else _by_key(name))
        if inner and not inner.plain_shape:
            resolver = _copied(resolver or _by_key(name), inner)
        chosen.add(key, _annotation(definition, inner), resolver, _arguments(nodes[0]))

    def _fields(
        self, selections: Iterable[SelectionSetNode], parent: GraphQLObjectType
    ) -> Iterator[FieldNode]:
        """The field nodes that apply to a type, through fragments and directives."""
        for selection_set in selections:
            for node in selection_set.selections:
                if not _is_included(node):
                    continue
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    if condition is None or _applies(condition.name.value, parent):
                        yield from self._fields([node.selection_set], parent)
                elif isinstance(node, FragmentSpreadNode):
                    fragment = self.fragments[node.name.value]
                    if _applies(fragment.type_condition.name.value, parent):
                        yield from self._fields([fragment.selection_set], parent)


def _named_type(definition: GraphQLField) -> GraphQLNamedType:
    return SCHEMA.type_map[get_named_type(definition.type).name]


def _object_type(definition: GraphQLField) -> GraphQLObjectType:
    named = _named_type(definition)
    if not isinstance(named, GraphQLObjectType):
        raise TypeError(f"{named.name} is not an object")
    return named


def _applies(condition: str, parent: GraphQLObjectType) -> bool:
    wanted = SCHEMA.type_map[condition]
    return wanted is parent or (is_abstract_type(wanted) and SCHEMA.is_sub_type(wanted, parent))


def _is_included(node: SelectionNode) -> bool:
    """Whether @skip and @include leave a node in; without variables they are literals."""
    return not any(_excludes(directive) for directive in node.directives or ())


def _excludes(directive: DirectiveNode) -> bool:
    value = directive.arguments[0].value if directive.arguments else None
    if not isinstance(value, BooleanValueNode):
        return False
    return value.value if directive.name.value == "skip" else not value.value
