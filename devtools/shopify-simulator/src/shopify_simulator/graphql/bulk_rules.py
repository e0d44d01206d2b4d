"""What a query must keep to before it may run in bulk.

shopify.dev/docs/api/usage/bulk-operations/queries, "Operation restrictions"
"""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_interface_type,
    is_object_type,
    parse,
    validate,
    visit,
)

from shopify_simulator.graphql.errors import syntax_error, validation_error
from shopify_simulator.graphql.schema import SCHEMA

CONNECTIONS_MAX = 5
NESTING_MAX = 2
TOKENS_MAX = 20_000
NODE_FIELDS = {"node", "nodes"}


class InvalidBulkQuery(Exception):
    """The query cannot run in bulk; the message is the user error."""


def read_bulk_query(text: str) -> tuple[DocumentNode, OperationDefinitionNode]:
    """Parse and check a query for a bulk run."""
    try:
        document = parse(text, max_tokens=TOKENS_MAX, allow_empty_selection_sets=False)
    except GraphQLError as error:
        raise InvalidBulkQuery(f"Invalid bulk query: {syntax_error(error)['message']}") from error
    problems = validate(SCHEMA, document)
    if problems:
        raise InvalidBulkQuery(f"Invalid bulk query: {validation_error(document, problems[0])['message']}")
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation.value != "query":
        raise InvalidBulkQuery("Bulk queries must be exactly one query operation.")
    _check_top(operations[0])
    _check_connections(document)
    return document, operations[0]


def _check_top(operation: OperationDefinitionNode) -> None:
    if operation.variable_definitions:
        raise InvalidBulkQuery("Bulk queries can't take variables.")
    fields = operation.selection_set.selections
    if len(fields) != 1 or not isinstance(fields[0], FieldNode):
        raise InvalidBulkQuery("Bulk queries must have exactly one top-level field.")
    if fields[0].name.value in NODE_FIELDS:
        raise InvalidBulkQuery("Bulk queries can't use the top-level `node` and `nodes` fields.")


def _check_connections(document: DocumentNode) -> None:
    info = TypeInfo(SCHEMA)
    counter = _ConnectionCounter(info)
    visit(document, TypeInfoVisitor(info, counter))
    if counter.total == 0:
        raise InvalidBulkQuery("Bulk queries must contain at least one connection.")
    if counter.total > CONNECTIONS_MAX:
        raise InvalidBulkQuery(f"Bulk queries cannot contain more than {CONNECTIONS_MAX} connections.")
    if counter.deepest > NESTING_MAX + 1:
        raise InvalidBulkQuery(
            f"Bulk queries cannot contain connections with a nesting depth greater than {NESTING_MAX}."
        )
    if counter.inside_object:
        raise InvalidBulkQuery(f"Connections must be directly below a node: {counter.inside_object[0]}.")
    if counter.without_id:
        raise InvalidBulkQuery(
            f"Bulk queries need nodes with an `id`. Connections without: {counter.without_id[0]}."
        )


class _ConnectionCounter(Visitor):
    """Counts connections, how deep they nest, and those whose nodes have no id."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.depth = self.deepest = self.total = 0
        self.without_id: list[str] = []
        self.inside_object: list[str] = []
        self.trail: list[str] = []

    def _connection(self) -> Any:
        output = self.info.get_type()
        named = get_named_type(output) if output is not None else None
        return named if named is not None and named.name.endswith("Connection") else None

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        enclosing = self.trail[-1] if self.trail else "node"
        self.trail.append(node.name.value)
        connection = self._connection()
        if connection is None:
            return
        if enclosing not in NODE_FIELDS:
            self.inside_object.append(node.name.value)
        self.total += 1
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        item = get_named_type(connection.fields["nodes"].type)
        if (is_object_type(item) or is_interface_type(item)) and "id" not in item.fields:
            self.without_id.append(node.name.value)

    def leave_field(self, _node: FieldNode, *_: Any) -> None:
        self.trail.pop()
        if self._connection() is not None:
            self.depth -= 1
