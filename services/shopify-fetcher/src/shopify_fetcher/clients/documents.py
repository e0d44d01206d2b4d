"""The GraphQL documents of this service: files of `queries/`, with the fragments that they spread, and counts."""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from sync_common.contracts.resources import Resource

_SPREAD = re.compile(r"\.\.\.([A-Z]\w+)")
_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)
_FRAGMENT_FILES = {
    "AddressFields": "fragment_address",
    "CustomerFields": "fragment_customer",
    "LineItemFields": "fragment_line_item",
    "MediaFields": "fragment_media",
    "OrderAddressFields": "fragment_order",
    "OrderFields": "fragment_order",
    "PresentedMoney": "fragment_order",
    "ProductFields": "fragment_product",
    "ShopMoney": "fragment_money",
    "VariantFields": "fragment_variant",
}
COUNTS = {f"{resource}_counts": resource for resource in Resource}


def document(name: str, variables: Iterable[str] = ()) -> str:
    """Return the operation `name`; one of counts has a count for each of the variables."""
    resource = COUNTS.get(name)
    return _operation(name) if resource is None else counts_document(resource, tuple(variables))


@cache
def counts_document(resource: Resource, searches: tuple[str, ...]) -> str:
    """Return a query of one count per search, under the name of the variable that holds the search.

    `limit: null` asks for the exact count; the default stops at 10,000.
    """
    variables = ", ".join(f"${name}: String" for name in searches)
    counts = "".join(
        f"  {name}: {resource}Count(limit: null, query: ${name}) {{ count precision }}\n" for name in searches
    )
    return f"query {resource.title()}Counts({variables}) {{\n{counts}}}\n"


@cache
def _operation(name: str) -> str:
    """Return an operation with every fragment it needs, directly or through others."""
    texts = [_read(name)]
    loaded: set[str] = set()
    wanted = list(_SPREAD.findall(texts[0]))
    while wanted:
        file = _FRAGMENT_FILES[wanted.pop()]
        if file not in loaded:
            loaded.add(file)
            texts.append(_read(file))
            wanted += _SPREAD.findall(texts[-1])
    return "\n".join(texts)


def bulk_document(resource: Resource, search: str) -> str:
    """Return the query of a bulk operation. It can take no variables: the search is written into it."""
    return _read(f"bulk_{resource}").replace("$filter", json.dumps(search, ensure_ascii=False))


@cache
def _read(name: str) -> str:
    text = files(__package__).joinpath("queries", f"{name}.graphql").read_text(encoding="utf-8")
    return _COMMENT.sub("", text)
