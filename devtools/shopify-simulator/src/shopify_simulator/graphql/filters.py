"""Filters of webhook subscriptions: search syntax over the keys of a payload, as `variants.price:>=10`.

shopify.dev/docs/apps/build/webhooks/customize/filters
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any

from shopify_simulator.graphql.search import Part, Predicate, SearchError, Term, parse_terms

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
ANYTHING = "*"


@lru_cache(maxsize=512)
def read_filter(text: str | None) -> Predicate:
    """Whether a payload passes a filter; an empty one lets everything pass. Raise SearchError for what is none."""
    if not text or not text.strip():
        return lambda payload: True
    return parse_terms(text, _field, _no_field).matches


def _no_field(word: str) -> Part:
    raise SearchError(f"no field is named for {word}")


def _field(term: Term) -> Part:
    path = tuple(term.name.split("."))
    return Part(lambda payload: any(_accepts(value, term) for value in _values(payload, path)))


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What a path leads to; every item of a list on the way is followed."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _accepts(value: Any, term: Term) -> bool:
    if value is None or isinstance(value, Mapping):
        return False
    if term.value == ANYTHING and not term.is_quoted:
        return True
    held = str(value).lower() if isinstance(value, bool) else str(value)
    if not term.comparison and not term.is_quoted and term.value.endswith(ANYTHING):
        return held.lower().startswith(term.value.removesuffix(ANYTHING).lower())
    return COMPARISONS[term.comparison](*_comparable(held, term.value))


def _comparable(held: str, wanted: str) -> tuple[Any, Any]:
    """Both as numbers or both as instants where they are that, else as text."""
    for read in (_number, _instant):
        pair = read(held), read(wanted)
        if None not in pair:
            return pair
    return held.lower(), wanted.lower()


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
