"""The parts of the Shopify page that change while it is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oauth_gateway.domain.page import Snapshot
from oauth_gateway.domain.progress import Pace
from oauth_gateway.http.rendering import Pages, Toast, View

_CONTAINERS: Final = ("banners", "nav", "nav-sheet")  # these stay; any other fragment is the element itself


@dataclass(frozen=True, slots=True)
class Fragments:
    """Rendered fragments by element id. `layout` says which cards the page has."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    layout: tuple[tuple[int, str], ...] = ()

    def everything(self) -> str:
        """Return all fragments, the stores as one section, so that cards can come and go."""
        return "".join(partial(id_, text) for id_, text in self.by_id.items() if not _is_card(id_))

    def since(self, before: "Fragments") -> str:
        """Return only what differs from an earlier rendering."""
        if before.layout != self.layout:
            return self.everything()
        return "".join(
            partial(id_, text)
            for id_, text in self.by_id.items()
            if id_ != "stores" and before.by_id.get(id_) != text
        )


def page_fragments(pages: Pages, view: View, snapshot: Snapshot, pace: Pace) -> Fragments:
    """Render everything that can change."""
    values = {"snapshot": snapshot, "pace": pace}
    cards = {
        f"store-{store.id}": pages.render("fragments/store.html", view, store=store, **values)
        for store in snapshot.stores
    }
    nav = pages.render("fragments/nav.html", view)
    by_id = {
        "banners": pages.render("fragments/banners.html", view),
        "nav": nav,
        "nav-sheet": nav,
        "totals": pages.render("fragments/totals.html", view, **values),
        "stores": pages.render("fragments/stores.html", view, **values),
        **cards,
        "syncs": pages.render("fragments/syncs.html", view, **values),
    }
    return Fragments(by_id, snapshot.layout)


def toast_fragment(pages: Pages, view: View, toast: Toast) -> str:
    """Render a toast that is added to those on the page."""
    text = pages.render("fragments/toast.html", view, message=toast)
    return f'<hx-partial hx-target="#toasts" hx-swap="beforeend">{text}</hx-partial>'


def _is_card(id_: str) -> bool:
    return id_.startswith("store-")


def partial(id_: str, text: str) -> str:
    """Wrap a fragment so that htmx puts it where it belongs."""
    swap = "innerMorph" if id_ in _CONTAINERS else "outerMorph"
    return f'<hx-partial hx-target="#{id_}" hx-swap="{swap}">{text}</hx-partial>'
