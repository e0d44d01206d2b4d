"""From values to HTML: the template environment and what every page is told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension

from oauth_gateway.domain import charts, words
from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.jobs import SYNC_CHOICES, Job, Part
from oauth_gateway.domain.page import History, Store
from oauth_gateway.domain.privacy import RedactPreference
from oauth_gateway.domain.progress import Pace, job_bar, part_bar, part_words, time_left
from oauth_gateway.domain.stores import Frequency
from oauth_gateway.domain.words import Viewer
from oauth_gateway.http.assets import Assets
from sync_common.contracts.resources import Resource

_INDENTATION: Final = re.compile(r"^[ \t]+", re.MULTILINE)
THEMES: Final = {"": "System", "light": "Light", "dark": "Dark"}


@dataclass(frozen=True, slots=True)
class Toast:
    """A short message; where undoing is true undoing, the form that does it.

    A quiet one is for those who listen only. `store_id` names the store whose sync it says has started.
    """

    text: str
    tone: str = "ok"
    undo_action: str = ""
    undo_field: str = ""
    undo_value: str = ""
    quiet: bool = False
    store_id: int | None = None

    @property
    def just_requested(self) -> frozenset[int]:
        """Return the stores to show as running until their job is there."""
        return frozenset() if self.store_id is None else frozenset({self.store_id})

    def to_json(self) -> Mapping[str, Any]:
        """Return it as the session keeps it until the next page."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class View:
    """What a template knows about the request, besides the page's own values."""

    viewer: Viewer
    csrf: str
    path: str
    support_url: str
    shop_url: str
    may_ask_history: bool = False
    theme: str = ""
    user: User | None = None
    membership: Membership | None = None
    memberships: Sequence[Membership] = ()
    section: str = "integrations"
    attention: int = 0
    banners: Sequence[Store] = ()
    toast: Toast | None = None
    just_requested: frozenset[int] = field(default=frozenset())

    @property
    def base(self) -> str:
        """Return the address of the advertiser's integrations."""
        return f"/advertisers/{self.membership.slug}/integrations" if self.membership else "/"

    @property
    def privacy(self) -> str:
        """Return the address of the advertiser's privacy page."""
        return f"/advertisers/{self.membership.slug}/privacy" if self.membership else "/"

    @property
    def members(self) -> str:
        """Return the address of the advertiser's members."""
        return f"/advertisers/{self.membership.slug}/members" if self.membership else "/"

    @property
    def emails(self) -> str:
        """Return the address of the advertiser's page of e-mails."""
        return f"/advertisers/{self.membership.slug}/emails" if self.membership else "/"

    def admin_url(self, store: Store) -> str:
        """Return the address of a shop's admin."""
        return f"{self.shop_url.format(shop=store.shop_domain)}/admin"

    def record_url(self, store: Store, resource: Resource, record_id: str) -> str | None:
        """Return the address of a record in its shop's admin, unless its id is no number of Shopify's."""
        if not (record_id.isascii() and record_id.isdecimal()):
            return None
        return f"{self.admin_url(store)}/{resource}/{record_id}"

    @property
    def theme_words(self) -> str:
        """Return the name of the theme in use."""
        return THEMES[self.theme]


class Unindented(Extension):
    """Templates without their indentation: it is for those who read them, and adds up where cards are many."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return a template's source as it is compiled."""
        return _INDENTATION.sub("", source)


class Pages:
    """The compiled templates."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("oauth_gateway"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=[Unindented],
        )
        self._environment.globals.update(
            asset=assets.url,
            Resource=Resource,
            Frequency=Frequency,
            RedactPreference=RedactPreference,
            History=History,
            SYNC_CHOICES=SYNC_CHOICES,
        )
        self._environment.filters.update(_FILTERS)
        self._environment.globals["ui"] = self._environment.get_template("components/ui.html").module

    def render(self, template: str, view: View, **values: Any) -> str:
        """Render one page or fragment."""
        return self._environment.get_template(template).render(view=view, **values)


def viewer_of(request: Request, now: datetime, store_zone: str | None = None) -> Viewer:
    """Return how this reader wants numbers and times: in the browser's zone, else the store's."""
    return Viewer(
        now=now,
        locale=words.locale_for(request.headers.get("accept-language", "")),
        zone=words.zone_named(unquote(request.cookies.get("tz", "")), store_zone),
    )


def theme_of(request: Request) -> str:
    """Return the theme the reader chose; empty follows the system."""
    theme = request.cookies.get("theme", "")
    return theme if theme in THEMES else ""


def _part_words(part: Part, job: Job, pace: Pace, viewer: Viewer) -> str:
    ended, started = part.ended_at, part.started_at
    seconds = int((ended - started).total_seconds()) if ended and started else None
    return part_words(
        part,
        number=viewer.number(part.done),
        total=viewer.number(part.total if part.total is not None else part.done),
        duration=words.short_duration(seconds) if seconds is not None else None,
        pace=_pace_words(pace.of_part(job, part), viewer),
    )


def _pace_words(records_a_second: float | None, viewer: Viewer) -> str | None:
    if records_a_second is None or records_a_second < 1:
        return None
    return f"{viewer.number(round(records_a_second))} a second"


def _time_left(job: Job, pace: Pace, now: datetime) -> str:
    return time_left(job, records_a_second=pace.of_job(job), now=now)


def _short_duration(seconds: int | None) -> str:
    return words.short_duration(seconds or 0)


_FILTERS: Final = {
    "utc": words.utc_text,
    "utc_minute": lambda instant: words.utc_text(instant.replace(second=0, microsecond=0)),
    "sentence": words.sentence,
    "plural": lambda count, noun: words.plural(count, noun),
    "short_duration": _short_duration,
    "long_duration": words.long_duration,
    "ticks": charts.ticks,
    "ticks_summary": charts.ticks_summary,
    "spark": lambda total, added: charts.spark(total, added),
    "bar": job_bar,
    "part_bar": part_bar,
    "part_words": _part_words,
    "time_left": _time_left,
}
