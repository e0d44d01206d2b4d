"""What a query costs: shopify.dev/docs/api/usage/limits, "Calculating query costs".

Scalars and enums cost nothing, an object 1, a mutation 10; a connection is sized by first/last. Shopify no longer
counts in proportion to the size and does not publish the formula. The logarithm here gives the one known figure:
25 points for `product { variants(first: 250) { nodes { inventoryItem { … } } } }`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)
from graphql.language import FragmentDefinitionNode, ValueNode

MUTATION_COST = 10
OBJECT_COST = 1
CONNECTION_COST = 2
QUERY_COST_MAX = 1_000
SIZE_ARGUMENTS = ("first", "last", "ids")
WRAPPER_FIELDS = {"nodes", "edges", "node", "pageInfo"}


@dataclass(slots=True)
class CostNode:
    """A field that costs something, and what is below it."""

    own: int
    start: int
    size: ValueNode | None = None
    is_sized: bool = False
    children: list["CostNode"] = field(default_factory=list)


def size_factor(size: float) -> float:
    """How many times a page of so many nodes costs what one node costs."""
    return 0.0 if size <= 0 else max(1.0, float(int(2 * log(size))))


def requested_cost(roots: list[CostNode], variables: Mapping[str, Any]) -> int:
    """The cost if every page were full."""
    return round(sum(_cost(root, lambda node: _asked_size(node, variables)) for root in roots))


def actual_cost(roots: list[CostNode], variables: Mapping[str, Any], sizes: Mapping[int, list[int]]) -> int:
    """The cost of what was really answered."""

    def real_size(node: CostNode) -> float:
        seen = sizes.get(node.start)
        return min(sum(seen) / len(seen), _asked_size(node, variables)) if seen else 0.0

    # nodes(ids:) is not counted while it runs: it answers as many as were asked for.
    return round(
        sum(
            _cost(root, lambda n: _asked_size(n, variables) if _is_by_ids(n) else real_size(n))
            for root in roots
        )
    )


def _is_by_ids(node: CostNode) -> bool:
    return node.own == 0


def _cost(node: CostNode, size_of: Any) -> float:
    below = sum(_cost(child, size_of) for child in node.children)
    return node.own + (below * size_factor(size_of(node)) if node.is_sized else below)


def _asked_size(node: CostNode, variables: Mapping[str, Any]) -> float:
    value: Any = None
    if isinstance(node.size, IntValueNode):
        value = int(node.size.value)
    elif isinstance(node.size, ListValueNode):
        value = len(node.size.values)
    elif isinstance(node.size, VariableNode):
        value = variables.get(node.size.name.value)
    return float(len(value) if isinstance(value, list) else value or 0)


class CostReader:
    """Builds the cost tree of an operation, once per document."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.schema = schema
        self.fragments = fragments

    def read(self, operation: OperationDefinitionNode) -> list[CostNode]:
        """The cost trees of the operation's top-level fields."""
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            return []
        roots = self._read_selections(operation.selection_set, root)
        if operation.operation.value == "mutation":
            for node in roots:
                node.own = MUTATION_COST
                node.children = []
        return roots

    def _read_selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> list[CostNode]:
        result: list[CostNode] = []
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                result.extend(self._read_field(selection, parent))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self.schema.type_map[condition.name.value] if condition else parent
                result.extend(self._read_selections(selection.selection_set, inner))  # type: ignore[arg-type]
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                inner = self.schema.type_map[fragment.type_condition.name.value]
                result.extend(self._read_selections(fragment.selection_set, inner))  # type: ignore[arg-type]
        return result

    def _read_field(self, node: FieldNode, parent: GraphQLCompositeType) -> list[CostNode]:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        if definition is None or node.selection_set is None:
            return []
        inner = get_named_type(definition.type)
        if not is_composite_type(inner):
            return []
        size = next((a.value for a in node.arguments or () if a.name.value in SIZE_ARGUMENTS), None)
        start = node.loc.start if node.loc else 0
        if inner.name.endswith("Connection"):
            below = self._read_selections(node.selection_set, inner)
            return [CostNode(CONNECTION_COST, start, size, True, [CostNode(OBJECT_COST, start), *below])]
        if node.name.value in WRAPPER_FIELDS and parent.name.endswith(("Connection", "Edge")):
            return self._read_selections(node.selection_set, inner)
        children = self._read_selections(node.selection_set, inner)
        if parent.name == "QueryRoot" and node.name.value == "nodes":
            return [CostNode(0, start, size, True, [CostNode(OBJECT_COST, start), *children])]
        return [CostNode(OBJECT_COST, start, children=children)]
