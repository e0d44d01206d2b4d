"""Answer a GraphQL document as the Admin API does: validated, paid for, executed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    get_variable_values,
    parse,
    validate,
)

from shopify_simulator.graphql.context import Execution, RequestContext
from shopify_simulator.graphql.cost import QUERY_COST_MAX, CostNode, CostReader, actual_cost, requested_cost
from shopify_simulator.graphql.errors import (
    execution_error,
    max_cost_exceeded,
    syntax_error,
    throttled,
    validation_error,
    variable_errors,
)
from shopify_simulator.graphql.schema import SCHEMA
from shopify_simulator.shop.bucket import LeakyBucket

__all__ = ["RequestContext", "execute"]

DOCUMENT_CACHE_SIZE = 256
DOCUMENT_TOKENS_MAX = 20_000

log = structlog.get_logger()
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed document: its operations with their cost trees, or the errors that make it useless."""

    document: DocumentNode | None
    operations: Mapping[str, tuple[OperationDefinitionNode, list[CostNode]]]
    errors: list[Answer]


@lru_cache(maxsize=DOCUMENT_CACHE_SIZE)
def prepare(text: str) -> Prepared:
    """Parse and validate a document once."""
    try:
        document = parse(text, max_tokens=DOCUMENT_TOKENS_MAX, allow_empty_selection_sets=False)
    except GraphQLError as error:
        return Prepared(None, {}, [syntax_error(error)])
    problems = validate(SCHEMA, document)
    if problems:
        return Prepared(document, {}, [validation_error(document, problem) for problem in problems])
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    reader = CostReader(SCHEMA, fragments)
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return Prepared(document, {d.name.value if d.name else "": (d, reader.read(d)) for d in found}, [])


def execute(
    context: RequestContext,
    document: str,
    variables: Mapping[str, Any] | None = None,
    operation_name: str | None = None,
) -> Answer:
    """Answer one request. Errors are part of the answer, never raised."""
    prepared = prepare(document)
    if prepared.errors or prepared.document is None:
        return {"errors": prepared.errors}
    chosen = _choose(prepared, operation_name)
    if chosen is None:
        return {
            "errors": [
                {"message": "An operation name is required" if not operation_name else "No such operation"}
            ]
        }
    operation, roots = chosen
    given = get_variable_values(SCHEMA, operation.variable_definitions or [], dict(variables or {}))
    if isinstance(given, list):
        return {"errors": variable_errors(given)}
    coerced = given.coerced
    requested = requested_cost(roots, coerced)
    if requested > QUERY_COST_MAX:
        return {"errors": [max_cost_exceeded(requested, QUERY_COST_MAX)]}
    bucket = context.app.bucket
    if not bucket.take(requested):
        return throttled_answer(requested, bucket)
    run = Execution(context)
    result = _run(prepared.document, run, variables, operation_name)
    actual = actual_cost(roots, coerced, run.sizes)
    bucket.refund(requested - actual)
    return _answer(result, run, _cost(requested, actual, bucket))


def throttled_answer(requested: int, bucket: LeakyBucket) -> Answer:
    """What a spent budget looks like: no data, and status 200 over HTTP ("rate limits")."""
    return {"errors": [throttled()], "extensions": {"cost": _cost(requested, None, bucket)}}


def _choose(prepared: Prepared, name: str | None) -> tuple[OperationDefinitionNode, list[CostNode]] | None:
    if name:
        return prepared.operations.get(name)
    return next(iter(prepared.operations.values())) if len(prepared.operations) == 1 else None


def _run(
    document: DocumentNode, run: Execution, variables: Mapping[str, Any] | None, operation_name: str | None
) -> ExecutionResult:
    return execute_sync(
        SCHEMA,
        document,
        context_value=run,
        variable_values=dict(variables or {}),
        operation_name=operation_name,
    )


def _cost(requested: int, actual: int | None, bucket: LeakyBucket) -> Answer:
    status = {
        "maximumAvailable": float(bucket.maximum),
        "currentlyAvailable": int(bucket.available),
        "restoreRate": float(bucket.restore_rate),
    }
    return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}


def _answer(result: ExecutionResult, run: Execution, cost: Answer) -> Answer:
    answer: Answer = {"data": result.data}
    errors = [*(result.errors or []), *run.hidden.values()]
    if errors:
        for error in errors:
            if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
                log.error("resolver_failed", path=error.path, exc_info=error.original_error)
        answer["errors"] = [execution_error(error) for error in errors]
    answer["extensions"] = {"cost": cost}
    if run.search_warnings:
        answer["extensions"]["search"] = run.search_warnings
    return answer
