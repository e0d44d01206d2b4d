"""Shopify's search syntax, as far as lists use it: shopify.dev/docs/api/usage/search-syntax.

Three behaviours are traps for clients and are kept on purpose. A time without quotes loses its time of day, and the
day is then one of the shop's zone. `>` and `<` act as `>=` and `<=` on times. A filter on an unknown field is ignored,
with a warning in `extensions.search`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shopify_simulator.shop.model import ID_DIGITS

Predicate = Callable[[Mapping[str, Any]], bool]
Matcher = Callable[[Mapping[str, Any], str], bool]

LOWEST = ""
HIGHEST = "\U0010ffff"
NUMBER_MAX = 10**ID_DIGITS - 1
# Leap years, so that each has any day.
EARLIEST_YEAR, LATEST_YEAR = 1600, 9996

TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\() | (?P<close>\))
      | (?P<operator>AND|OR|NOT)(?=[\s()]|$)
      | (?P<minus>-)(?=[A-Za-z_])
      | (?P<field>[A-Za-z_][\w.]*):\s*(?P<comparison>>=|<=|>|<|)\s*
        (?:'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>[^\s()]+))
      | (?P<word>'[^']*'|"[^"]*"|[^\s()]+)
    )""",
    re.VERBOSE,
)


class SearchError(ValueError):
    """A search that cannot be read."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The fields that one list can be searched by."""

    times: Mapping[str, str]
    values: Mapping[str, Matcher] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """A filter: what matches, the closed range that each time is bound to, and the fields that were ignored."""

    matches: Predicate
    bounds: Mapping[str, tuple[str, str]]
    ignored: tuple[str, ...] = ()

    def bound(self, name: str) -> tuple[str, str]:
        """The closed range that the value of a field must be in."""
        return self.bounds.get(name, (LOWEST, HIGHEST))


@dataclass(frozen=True, slots=True)
class Term:
    """One `field:value`."""

    name: str
    comparison: str
    value: str
    is_quoted: bool


@dataclass(slots=True)
class Part:
    """A parsed piece of a search: its predicate and the bounds that hold for every match."""

    matches: Predicate
    bounds: dict[str, tuple[str, str]] = field(default_factory=dict)


def everything(_: Mapping[str, Any]) -> bool:
    """Match any record."""
    return True


ALL = Search(everything, {})


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[re.Match[str], ...]:
    found, position = [], 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None:
            raise SearchError(f"unreadable at {position}")
        found.append(match)
        position = match.end()
    return tuple(found)


def parse_search(text: str | None, vocabulary: Vocabulary, zone: ZoneInfo) -> Search:
    """Read a search; an empty one matches everything."""
    if not text or not text.strip():
        return ALL
    fields = _Fields(vocabulary, zone)
    part = parse_terms(text, fields.read, _free_text)
    return Search(part.matches, part.bounds, tuple(fields.ignored))


def parse_terms(text: str, read_field: Callable[[Term], Part], read_word: Callable[[str], Part]) -> Part:
    """Read a search whose terms mean what the two functions say."""
    reader = _Reader(_tokens(text), read_field, read_word)
    part = reader.read_or()
    if reader.position < len(reader.tokens):
        raise SearchError("unbalanced parenthesis")
    return part


class _Fields:
    """Reads the terms of a list's search by its vocabulary; fields that are not in it are ignored."""

    def __init__(self, vocabulary: Vocabulary, zone: ZoneInfo) -> None:
        self.vocabulary = vocabulary
        self.zone = zone
        self.ignored: list[str] = []

    def read(self, term: Term) -> Part:
        """What one `field:value` matches."""
        if term.name in self.vocabulary.times:
            return _time_part(self.vocabulary.times[term.name], term, self.zone)
        if term.name == "id":
            return _id_part(term)
        matcher = self.vocabulary.values.get(term.name)
        if matcher is None:
            self.ignored.append(term.name)
            return Part(everything)
        values = [value.strip().lower() for value in term.value.split(",")]
        return Part(lambda record: any(matcher(record, value) for value in values))


class _Reader:
    """Recursive descent: OR binds less than AND, which may be left out."""

    def __init__(
        self,
        tokens: tuple[re.Match[str], ...],
        read_field: Callable[[Term], Part],
        read_word: Callable[[str], Part],
    ) -> None:
        self.tokens = tokens
        self.read_field = read_field
        self.read_word = read_word
        self.position = 0

    def read_or(self) -> Part:
        parts = [self.read_and()]
        while self._take("operator", "OR"):
            parts.append(self.read_and())
        if len(parts) == 1:
            return parts[0]
        predicates = [part.matches for part in parts]
        return Part(lambda record: any(matches(record) for matches in predicates))

    def read_and(self) -> Part:
        parts = [self.read_not()]
        while self._take("operator", "AND") or self._continues():
            parts.append(self.read_not())
        if len(parts) == 1:
            return parts[0]
        predicates = [part.matches for part in parts]
        return Part(lambda record: all(matches(record) for matches in predicates), _intersect(parts))

    def read_not(self) -> Part:
        if self._take("operator", "NOT") or self._take("minus"):
            inner = self.read_not().matches
            return Part(lambda record: not inner(record))
        if self._take("open"):
            part = self.read_or()
            if not self._take("close"):
                raise SearchError("unbalanced parenthesis")
            return part
        return self._read_term()

    def _continues(self) -> bool:
        if self.position >= len(self.tokens):
            return False
        token = self.tokens[self.position]
        return token["close"] is None and token["operator"] != "OR"

    def _take(self, group: str, text: str | None = None) -> bool:
        if self.position >= len(self.tokens):
            return False
        value = self.tokens[self.position][group]
        if value is None or (text is not None and value != text):
            return False
        self.position += 1
        return True

    def _read_term(self) -> Part:
        if self.position >= len(self.tokens):
            raise SearchError("a term is missing")
        token = self.tokens[self.position]
        self.position += 1
        if token["field"] is None:
            if token["word"] is None:
                raise SearchError("a term is missing")
            return self.read_word(token["word"].strip("'\""))
        quoted = token["single"] if token["single"] is not None else token["double"]
        value = quoted if quoted is not None else token["bare"]
        return self.read_field(Term(token["field"], token["comparison"], value, quoted is not None))


def _intersect(parts: list[Part]) -> dict[str, tuple[str, str]]:
    result: dict[str, tuple[str, str]] = {}
    for part in parts:
        for name, (low, high) in part.bounds.items():
            known_low, known_high = result.get(name, (LOWEST, HIGHEST))
            result[name] = (max(low, known_low), min(high, known_high))
    return result


def _free_text(word: str) -> Part:
    wanted = word.lower()
    names = ("displayName", "name", "title", "email")
    return Part(lambda record: any(wanted in str(record.get(name) or "").lower() for name in names))


def _id_part(term: Term) -> Part:
    digits = term.value.rpartition("/")[2]
    if not digits.isdecimal():
        return Part(lambda record: False)
    wanted = int(digits)
    low, high = {
        "": (wanted, wanted),
        ">": (wanted + 1, NUMBER_MAX),
        ">=": (wanted, NUMBER_MAX),
        "<": (0, wanted - 1),
        "<=": (0, wanted),
    }[term.comparison]
    bounds = {"legacyResourceId": (_sorted_number(low), _sorted_number(high))}
    return Part(lambda record: low <= int(record["id"].rpartition("/")[2]) <= high, bounds)


def _sorted_number(number: int) -> str:
    """A number as the index of ids holds it, or next to all that it can hold."""
    return LOWEST if number < 0 else str(min(number, NUMBER_MAX)).zfill(ID_DIGITS)


def _time_part(name: str, term: Term, zone: ZoneInfo) -> Part:
    try:
        first, last = _instants(term, zone)
    except ValueError:
        return Part(lambda record: False)
    side: Literal["low", "high", "both"] = (
        "low" if ">" in term.comparison else "high" if "<" in term.comparison else "both"
    )
    low = LOWEST if side == "high" else _written(first, round_up=True)
    high = HIGHEST if side == "low" else _written(last, round_up=False)
    return Part(lambda record: bool(record[name]) and low <= record[name] <= high, {name: (low, high)})


def _instants(term: Term, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and last instant that a value means: one instant when quoted with a time, else a day of the shop."""
    if term.is_quoted and "T" in term.value.upper():
        moment = datetime.fromisoformat(term.value.upper())
        moment = moment.replace(year=_near(moment.year))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return moment, moment
    day = date.fromisoformat(term.value[:10])
    day = day.replace(year=_near(day.year))
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return start, end.astimezone(UTC) - timedelta(seconds=1)


def _near(year: int) -> int:
    """The year, or one as far away as any record's time can be compared with in every zone."""
    return min(max(year, EARLIEST_YEAR), LATEST_YEAR)


def _written(moment: datetime, *, round_up: bool) -> str:
    """Whole seconds of UTC as records hold them, rounded into the range."""
    moment = moment.astimezone(UTC)
    if round_up and moment.microsecond:
        moment += timedelta(seconds=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_status(record: Mapping[str, Any], value: str) -> bool:
    return str(record["status"]).lower() == value


def _has_order_status(record: Mapping[str, Any], value: str) -> bool:
    if value in ("open", "not_closed"):
        return record["closedAt"] is None and record["cancelledAt"] is None
    if value == "closed":
        return record["closedAt"] is not None
    if value in ("cancelled", "canceled"):
        return record["cancelledAt"] is not None
    return value == "any"


def _has_financial_status(record: Mapping[str, Any], value: str) -> bool:
    return value == "any" or str(record["displayFinancialStatus"]).lower() == value


def _has_tag(record: Mapping[str, Any], value: str) -> bool:
    return any(tag.lower() == value for tag in record["tags"])


def _has_customer_email(record: Mapping[str, Any], value: str) -> bool:
    address = record["defaultEmailAddress"]
    return address is not None and address["emailAddress"].lower() == value


def _is_test(record: Mapping[str, Any], value: str) -> bool:
    return bool(record["test"]) == (value == "true")


TIMES = {"created_at": "createdAt", "updated_at": "updatedAt"}
ORDERS = Vocabulary(
    {**TIMES, "processed_at": "processedAt"},
    {
        "status": _has_order_status,
        "financial_status": _has_financial_status,
        "tag": _has_tag,
        "test": _is_test,
    },
)
PRODUCTS = Vocabulary(TIMES, {"status": _has_status, "tag": _has_tag})
VOCABULARIES: dict[str, Vocabulary] = {
    # The documentation of `customers` names no `created_at`, that of `customersCount` no `customer_date`.
    "customers": Vocabulary(
        {"customer_date": "createdAt", "updated_at": "updatedAt"},
        {"tag": _has_tag, "email": _has_customer_email},
    ),
    "customersCount": Vocabulary(TIMES),
    "orders": ORDERS,
    "ordersCount": ORDERS,
    "products": PRODUCTS,
    "productsCount": PRODUCTS,
    "bulkOperations": Vocabulary(
        {"created_at": "createdAt", "completed_at": "completedAt"}, {"status": _has_status}
    ),
    "webhookSubscriptions": Vocabulary(TIMES),
}
