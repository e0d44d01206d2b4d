"""What a GraphQL request may use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from graphql import GraphQLError

from shopify_simulator.shop.model import API_VERSION, AppInstallation, Record, Shop


def _ignore(*_: Any) -> None:
    return None


class BulkOperations(Protocol):
    """Whoever runs the bulk operations that a mutation asks for."""

    def start(
        self, context: "RequestContext", query: str, *, group_objects: bool
    ) -> tuple[Record | None, Record | None]:
        """Begin an operation; answer it, or the user error."""

    def cancel(self, app: AppInstallation, identifier: str) -> tuple[Record | None, str | None]:
        """Ask an operation to stop; answer it, or what is wrong."""

    def live_address(self, url: str | None, now: datetime) -> str | None:
        """The address of a result, or null once it has expired."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One authenticated request: the shop, the app with its scopes, the clock, and whom to tell of what it changes."""

    shop: Shop
    app: AppInstallation
    scopes: frozenset[str]
    now: Callable[[], datetime]
    base_url: str
    bulk: BulkOperations
    api_version: str = API_VERSION
    on_uninstall: Callable[[Shop, AppInstallation], None] = _ignore


@dataclass(slots=True)
class Execution:
    """One run of a document: the request, and what is learned of it on the way."""

    context: RequestContext
    sizes: dict[int, list[int]] = field(default_factory=dict)
    search_warnings: list[dict[str, Any]] = field(default_factory=list)
    hidden: dict[tuple[str, str], GraphQLError] = field(default_factory=dict)

    def note_size(self, field_start: int, size: int) -> None:
        """Remember how many nodes a connection really had; the actual cost follows from it."""
        self.sizes.setdefault(field_start, []).append(size)
