"""The parts of the Shopify page that change while it is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oauth_gateway.domain.jobs import Job
from oauth_gateway.domain.page import Snapshot
from oauth_gateway.domain.progress import Pace
from oauth_gateway.domain.words import Viewer, plural, short_duration
from oauth_gateway.http.rendering import Pages, Toast, View
from sync_common.contracts.events.lifecycle import TriggeredBy

# These stay; any other fragment is the element itself.
_CONTAINERS: Final = ("banners", "nav", "nav-sheet", "history", "dialog")


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
        "history": pages.render("fragments/history.html", view, **values),
    }
    return Fragments(by_id, snapshot.layout)


def toast_fragment(pages: Pages, view: View, toast: Toast) -> str:
    """Render a toast that is added to those on the page."""
    text = pages.render("fragments/toast.html", view, message=toast)
    return f'<hx-partial hx-target="#toasts" hx-swap="beforeend">{text}</hx-partial>'


def news_fragments(pages: Pages, view: View, before: Snapshot, now: Snapshot) -> str:
    """Render what the page's polite region says of jobs that began or ended; routine is only for those who listen."""
    begun = [
        Toast(f"{_named(job)} started.", quiet=True)
        for job in now.begun_since(before)
        if job.triggered_by is not TriggeredBy.USER  # who asked has been told
    ]
    ended = [_ending(job, view.viewer) for job in now.ended_since(before)]
    return "".join(toast_fragment(pages, view, toast) for toast in (*begun, *ended))


def _ending(job: Job, viewer: Viewer) -> Toast:
    if job.status == "cancelled":
        return Toast(f"{_named(job)} cancelled.")
    if job.status == "failed":
        return Toast(f"{_named(job)} failed: {job.failure_words}.", tone="bad")
    records = f"{viewer.number(job.processed)} {plural(job.processed, 'record')} synced"
    result = f"{records} in {short_duration(job.duration_seconds or 0)}"
    if job.failed_records:
        result = f"{result}, with {viewer.number(job.failed_records)} {plural(job.failed_records, 'error')}"
    awaited = job.triggered_by is TriggeredBy.USER or job.is_first_sync or job.failed_records
    return Toast(f"{_named(job)} done: {result}.", quiet=not awaited)


def _named(job: Job) -> str:
    return f"{'Reading the order history' if job.is_backfill else 'Sync'} of {job.shop_domain}"


def _is_card(id_: str) -> bool:
    return id_.startswith("store-")


def partial(id_: str, text: str) -> str:
    """Wrap a fragment so that htmx puts it where it belongs."""
    swap = "innerMorph" if id_ in _CONTAINERS else "outerMorph"
    return f'<hx-partial hx-target="#{id_}" hx-swap="{swap}">{text}</hx-partial>'
