"""Search expressions of Shopify's list queries. Pure.

Every time is in single quotes: without them Shopify drops the time of day (search syntax).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from shopify_fetcher.domain.slices import ALL_IDS, IdRange
from sync_common.contracts.resources import Resource

_ALL_PRODUCTS = "status:active,archived,draft,unlisted"  # the documented default would hide the others


@dataclass(frozen=True, slots=True)
class Window:
    """What a part covers. `until` closes it, so that records changed while paging fall into the next window."""

    updated_since: datetime | None = None
    created_since: datetime | None = None
    until: datetime | None = None
    ids: IdRange = ALL_IDS

    def search(self, resource: Resource) -> str:
        """Return the search expression of this window."""
        terms = [_ALL_PRODUCTS] if resource is Resource.PRODUCTS else []
        if self.updated_since is not None:
            terms.append(f"updated_at:>={_quoted(self.updated_since)}")
        if self.until is not None:
            terms.append(f"updated_at:<={_quoted(self.until)}")
        if self.created_since is not None:
            terms.append(f"created_at:>={_quoted(self.created_since)}")
        return " AND ".join([*terms, *self.ids.terms])

    def covers(self, record: dict[str, object]) -> bool:
        """Say whether a record belongs here: bounds of the search index were seen to be inexact."""
        return _not_before(record.get("updatedAt"), self.updated_since) and _not_before(
            record.get("createdAt"), self.created_since
        )


def _quoted(instant: datetime) -> str:
    return f"'{instant.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def _not_before(value: object, bound: datetime | None) -> bool:
    if bound is None or not isinstance(value, str):
        return True
    return datetime.fromisoformat(value) >= bound.replace(microsecond=0)
