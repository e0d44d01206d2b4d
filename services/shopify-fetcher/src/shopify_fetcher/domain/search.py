"""Search expressions of Shopify's list queries. Pure.

Every time is in single quotes: without them Shopify drops the time of day (search syntax).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from shopify_fetcher.domain.slices import ALL_IDS, IdRange
from sync_common.contracts.resources import Resource

_ALL_PRODUCTS = "status:active,archived,draft,unlisted"  # the documented default would hide the others
_CREATED = "created_at"
_CREATED_IN_LISTS = {
    Resource.CUSTOMERS: "customer_date"
}  # the list documents no created_at, its count no other


@dataclass(frozen=True, slots=True)
class Window:
    """What a part covers, bounds included.

    `until` closes it, so that records changed while paging fall into the next window.
    """

    updated_since: datetime | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None
    until: datetime | None = None
    ids: IdRange = ALL_IDS

    def search(self, resource: Resource) -> str:
        """Return the search expression by which a list is this window."""
        return self._search(resource, _CREATED_IN_LISTS.get(resource, _CREATED))

    def count_search(self, resource: Resource) -> str:
        """Return the search expression by which a count is that of this window."""
        return self._search(resource, _CREATED)

    def covers(self, record: dict[str, object]) -> bool:
        """Say whether a record belongs here: bounds of the search index were seen to be inexact."""
        return (
            _not_before(record.get("updatedAt"), self.updated_since)
            and _not_before(record.get("createdAt"), self.created_since)
            and _not_after(record.get("createdAt"), self.created_until)
        )

    def _search(self, resource: Resource, created: str) -> str:
        terms = [_ALL_PRODUCTS] if resource is Resource.PRODUCTS else []
        terms += _bounds("updated_at", self.updated_since, self.until)
        terms += _bounds(created, self.created_since, self.created_until)
        return " AND ".join([*terms, *self.ids.terms])


def _bounds(field: str, since: datetime | None, until: datetime | None) -> list[str]:
    terms = [] if since is None else [f"{field}:>={_quoted(since)}"]
    return terms if until is None else [*terms, f"{field}:<={_quoted(until)}"]


def _quoted(instant: datetime) -> str:
    return f"'{instant.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def _not_before(value: object, bound: datetime | None) -> bool:
    if bound is None or not isinstance(value, str):
        return True
    return datetime.fromisoformat(value) >= bound.replace(microsecond=0)


def _not_after(value: object, bound: datetime | None) -> bool:
    if bound is None or not isinstance(value, str):
        return True
    return datetime.fromisoformat(value) <= bound
