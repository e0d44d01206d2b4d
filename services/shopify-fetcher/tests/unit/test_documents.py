"""The GraphQL documents: valid against Shopify's schema, and one shape of a record whichever way it is read."""

from pathlib import Path

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    validate,
)

from shopify_fetcher.clients import documents
from shopify_fetcher.clients.documents import bulk_document, document
from shopify_fetcher.reading.counts import COUNTS_MAX
from sync_common.contracts.resources import Resource

QUERIES = Path(documents.__file__).parent / "queries"
SCHEMA = build_schema(
    next(Path(__file__).parents[4].glob("devtools/**/admin_2026-10.graphql")).read_text(), assume_valid=True
)
OPERATIONS = sorted(
    path.stem
    for path in QUERIES.glob("*.graphql")
    if not path.stem.startswith(("fragment_", "bulk_c", "bulk_o", "bulk_p"))
)
HIDDEN = {"__typename", "pageInfo"}


def shape(selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> dict[str, object]:
    """Return the keys of an answer; connections look alike however they were selected."""
    found: dict[str, object] = {}
    for selection in selections.selections:
        if isinstance(selection, FragmentSpreadNode):
            found |= shape(fragments[selection.name.value].selection_set, fragments)
        elif isinstance(selection, InlineFragmentNode):
            found |= shape(selection.selection_set, fragments)
        elif isinstance(selection, FieldNode) and selection.name.value not in HIDDEN:
            below = shape(selection.selection_set, fragments) if selection.selection_set else None
            if below and "edges" in below:
                below = {"nodes": below["edges"]["node"]}  # type: ignore[index]
            found[selection.name.value] = below
    return found


def answer_shape(text: str) -> dict[str, object]:
    tree = parse(text)
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    [operation] = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
    return shape(operation.selection_set, fragments)


@pytest.mark.parametrize("name", OPERATIONS)
def test_document_is_valid_against_the_schema(name: str) -> None:
    assert validate(SCHEMA, parse(document(name))) == []


@pytest.mark.parametrize("number", [1, COUNTS_MAX])
@pytest.mark.parametrize("resource", Resource)
def test_document_of_any_number_of_counts_is_valid(resource: Resource, number: int) -> None:
    text = document(f"{resource}_counts", [f"window{n}" for n in range(number)])

    assert validate(SCHEMA, parse(text)) == []
    assert text.count("limit: null") == number


@pytest.mark.parametrize("resource", Resource)
def test_bulk_document_is_valid_with_its_search_written_in(resource: Resource) -> None:
    text = bulk_document(resource, "created_at:>='2026-11-22T00:00:00Z' AND \"x\"")

    assert validate(SCHEMA, parse(text)) == []


@pytest.mark.parametrize("resource", Resource)
def test_bulk_pages_and_nodes_select_the_same_fields(resource: Resource) -> None:
    bulk = answer_shape(bulk_document(resource, ""))[resource.value]["nodes"]  # type: ignore[index]
    paged = answer_shape(document(f"{resource}_page"))[resource.value]["nodes"]  # type: ignore[index]
    nodes = answer_shape(document(f"{resource}_nodes"))["nodes"]

    assert bulk == paged == nodes
