"""Errors as Shopify phrases them: shopify.dev/docs/api/admin-graphql, "Status and error codes".

Shopify runs graphql-ruby, so the wording of validation errors is that library's.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    print_ast,
)
from graphql.language import DocumentNode, FragmentDefinitionNode, Node, Visitor, visit

ACCESS_DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"
PROTECTED_DOCUMENTATION = "https://shopify.dev/docs/apps/launch/protected-customer-data"
LIMITS_DOCUMENTATION = "https://shopify.dev/api/usage/rate-limits"

Phrase = tuple[str, dict[str, Any]]


class AccessDenied(GraphQLError):
    """The app lacks a scope."""

    def __init__(self, field: str, scope: str) -> None:
        required = f"`{scope}` access scope."
        super().__init__(
            f"Access denied for {field} field. Required access: {required}",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": ACCESS_DOCUMENTATION,
                "requiredAccess": required,
            },
        )


class NotApproved(GraphQLError):
    """Shopify has not approved the app for this part of protected customer data."""

    def __init__(self, what: str, **place: Any) -> None:
        message = f"This app is not approved to {what}. See {PROTECTED_DOCUMENTATION} for more details."
        extensions = {"code": "ACCESS_DENIED", "documentation": PROTECTED_DOCUMENTATION}
        super().__init__(message, extensions=extensions, **place)


class BadRequest(GraphQLError):
    """An argument has the right type and a value that Shopify refuses."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_REQUEST"})


class InvalidId(GraphQLError):
    """An id that names no object of the field's type."""

    def __init__(self, _value: str) -> None:
        super().__init__("invalid id", extensions={"code": "RESOURCE_NOT_FOUND"})


class InputTooLarge(GraphQLError):
    """A list argument with more items than Shopify takes."""

    def __init__(self, size: int, maximum: int) -> None:
        super().__init__(
            f"The input array size of {size} is greater than the maximum allowed of {maximum}.",
            extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"},
        )


class InternalServerError(GraphQLError):
    """A fault of the simulator itself, told as Shopify tells its own."""

    def __init__(self) -> None:
        super().__init__("Internal error. Looks like something went wrong on our end.")
        self.extensions = {"code": "INTERNAL_SERVER_ERROR"}


def throttled() -> dict[str, Any]:
    """The one error of a throttled answer."""
    return {
        "message": "Throttled",
        "extensions": {"code": "THROTTLED", "documentation": LIMITS_DOCUMENTATION},
    }


def max_cost_exceeded(cost: int, maximum: int) -> dict[str, Any]:
    """The one error of an answer to a query that is too dear whatever the budget."""
    message = (
        f"Query cost is {cost}, which exceeds the single query max cost limit ({maximum}).\n\n"
        f"See {LIMITS_DOCUMENTATION} for more information on how the\ncost of a query is calculated.\n\n"
        "To query larger amounts of data with fewer limits, bulk operations should be used instead.\n"
        "See https://shopify.dev/api/usage/bulk-operations/queries for usage details.\n"
    )
    extensions = {
        "code": "MAX_COST_EXCEEDED",
        "cost": cost,
        "maxCost": maximum,
        "documentation": LIMITS_DOCUMENTATION,
    }
    return {"message": message, "extensions": extensions}


def _undefined_field(match: re.Match[str]) -> Phrase:
    name, type_name = match["field"], match["type"]
    return (
        f"Field '{name}' doesn't exist on type '{type_name}'",
        {"code": "undefinedField", "typeName": type_name, "fieldName": name},
    )


def _unknown_argument(match: re.Match[str]) -> Phrase:
    argument, name = match["argument"], match["field"]
    return (
        f"Field '{name}' doesn't accept argument '{argument}'",
        {"code": "argumentNotAccepted", "name": name, "typeName": "Field", "argumentName": argument},
    )


def _missing_argument(match: re.Match[str]) -> Phrase:
    argument, name = match["argument"], match["field"]
    return (
        f"Field '{name}' is missing required arguments: {argument}",
        {"code": "missingRequiredArguments", "className": "Field", "name": name, "arguments": argument},
    )


def _missing_selection(match: re.Match[str]) -> Phrase:
    name, type_name = match["field"], match["type"].strip("[]!")
    return (
        f"Field must have selections (field '{name}' returns {type_name} but has no selections. "
        f"Did you mean '{name} {{ ... }}'?)",
        {"code": "selectionMismatch", "nodeName": f"field '{name}'", "typeName": type_name},
    )


def _superfluous_selection(match: re.Match[str]) -> Phrase:
    name, type_name = match["field"], match["type"].strip("[]!")
    return (
        f"Selections can't be made on scalars (field '{name}' returns {type_name} but has selections)",
        {"code": "selectionMismatch", "nodeName": f"field '{name}'", "typeName": type_name},
    )


def _undeclared_variable(match: re.Match[str]) -> Phrase:
    name, operation = match["variable"], match["operation"] or "anonymous query"
    return (
        f"Variable ${name} is used by {operation} but not declared",
        {"code": "variableNotDefined", "variableName": name},
    )


def _unused_variable(match: re.Match[str]) -> Phrase:
    name, operation = match["variable"], match["operation"] or "anonymous query"
    return (
        f"Variable ${name} is declared by {operation} but not used",
        {"code": "variableNotUsed", "variableName": name},
    )


def _undefined_type(match: re.Match[str]) -> Phrase:
    return f"No such type {match['type']}, so it can't be a fragment condition", {"code": "undefinedType"}


PHRASES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Phrase]], ...] = tuple(
    (re.compile(pattern), phrase)
    for pattern, phrase in (
        (r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'", _undefined_field),
        (r"Unknown argument '(?P<argument>\w+)' on field '(?:\w+\.)?(?P<field>\w+)'", _unknown_argument),
        (
            r"(?:Field|Argument) '(?:\w+\.)?(?P<field>\w+)' argument '(?P<argument>\w+)'.* is required",
            _missing_argument,
        ),
        (
            r"Argument '(?:\w+\.)?(?P<field>\w+)\((?P<argument>\w+):\)' of type .* is required",
            _missing_argument,
        ),
        (r"Field '(?P<field>\w+)' of type '(?P<type>[^']+)' must have a selection", _missing_selection),
        (
            r"Field '(?P<field>\w+)' must not have a selection since type '(?P<type>[^']+)'",
            _superfluous_selection,
        ),
        (
            r"Variable '\$(?P<variable>\w+)' is not defined(?: by operation '(?P<operation>\w+)')?",
            _undeclared_variable,
        ),
        (
            r"Variable '\$(?P<variable>\w+)' is never used(?: in operation '(?P<operation>\w+)')?",
            _unused_variable,
        ),
        (r"Unknown type '(?P<type>\w+)'", _undefined_type),
    )
)


def _locations(error: GraphQLError) -> list[dict[str, int]]:
    return [{"line": place.line, "column": place.column} for place in error.locations or []]


class _PathFinder(Visitor):
    """Finds the names that lead from the operation to a node, as Shopify's validation errors show them."""

    def __init__(self, wanted: Node) -> None:
        super().__init__()
        self.wanted = wanted
        self.trail: list[str] = []
        self.found: list[str] = []

    def enter(self, node: Node, *_: Any) -> None:
        label = _label(node)
        if label:
            self.trail.append(label)
        if node is self.wanted:
            self.found = list(self.trail)

    def leave(self, node: Node, *_: Any) -> None:
        if _label(node):
            self.trail.pop()


def _label(node: Node) -> str | None:
    if isinstance(node, OperationDefinitionNode):
        return f"{node.operation.value} {node.name.value}" if node.name else node.operation.value
    if isinstance(node, FragmentDefinitionNode):
        return f"fragment {node.name.value}"
    if isinstance(node, InlineFragmentNode):
        return f"... on {node.type_condition.name.value}" if node.type_condition else "..."
    return node.name.value if isinstance(node, FieldNode) else None


def validation_error(document: DocumentNode, error: GraphQLError) -> dict[str, Any]:
    """Phrase a validation error as Shopify does."""
    result: dict[str, Any] = {"message": error.message, "locations": _locations(error)}
    if error.nodes:
        finder = _PathFinder(error.nodes[0])
        visit(document, finder)
        if finder.found:
            result["path"] = finder.found
    for pattern, phrase in PHRASES:
        match = pattern.match(error.message)
        if match:
            result["message"], result["extensions"] = phrase(match)
            break
    return result


def syntax_error(error: GraphQLError) -> dict[str, Any]:
    """Phrase a syntax error as Shopify does."""
    place = error.locations[0] if error.locations else None
    where = f" at [{place.line}, {place.column}]" if place else ""
    message = error.message.removeprefix("Syntax Error: ")
    return {"message": f"syntax error, {message}{where}", "locations": _locations(error)}


def variable_errors(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """Phrase errors of variable values as Shopify does."""
    return [_variable_error(error) for error in errors]


def _variable_error(error: GraphQLError) -> dict[str, Any]:
    node = error.nodes[0] if error.nodes else None
    message = error.message
    if isinstance(node, VariableDefinitionNode):
        message = (
            f"Variable ${node.variable.name.value} of type {print_ast(node.type)} was provided invalid value"
        )
    return {
        "message": message,
        "locations": _locations(error),
        "extensions": {"code": "INVALID_VARIABLE", "problems": [{"path": [], "explanation": error.message}]},
    }


def execution_error(error: GraphQLError) -> dict[str, Any]:
    """Format an error of a resolver; hide what is a fault of ours."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        hidden = InternalServerError()
        return {
            "message": hidden.message,
            "locations": _locations(error),
            "path": error.path,
            "extensions": hidden.extensions,
        }
    extensions = error.extensions or {"code": "INTERNAL_SERVER_ERROR"}
    return {
        "message": error.message,
        "locations": _locations(error),
        "path": error.path,
        "extensions": extensions,
    }
