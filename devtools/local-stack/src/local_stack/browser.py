"""A browser without scripts: opens pages, keeps cookies, follows redirects and sends forms as a person would."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

_MAX_REDIRECTS = 10


class PageProblem(RuntimeError):
    """Raised when a page is not what a person would have expected; the message says what was there."""


@dataclass
class Form:
    """One form of a page with the values it would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)  # by label: name and value


@dataclass(frozen=True)
class Page:
    """What the browser shows."""

    url: str
    status: int
    html: str
    forms: list[Form]

    def form(self, *, action: str = "", button: str = "") -> Form:
        """Return the form whose action ends in `action` and that has a button whose label begins so."""
        for form in self.forms:
            named = any(label.startswith(button) for label in form.buttons) or not button
            if urlsplit(form.action).path.endswith(action) and named:
                return form
        labels = [(urlsplit(form.action).path, list(form.buttons)) for form in self.forms]
        raise PageProblem(
            f"{self.url} ({self.status}) has no form {action!r} with button {button!r}: {labels}"
        )


class Browser:
    """A person at a keyboard, with scripts switched off."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False, timeout=30, limits=httpx.Limits(keepalive_expiry=2))
        self.page = Page("about:blank", 0, "", [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def open(self, url: str) -> Page:
        """Open an address and follow where it leads."""
        return self._send(httpx.Request("GET", urljoin(self.page.url, url)))

    def submit(self, form: Form, *, button: str = "", **values: str) -> Page:
        """Fill in a form of the current page and send it."""
        unknown = values.keys() - form.fields.keys()
        if unknown:
            raise PageProblem(f"the form {form.action} has no field {', '.join(sorted(unknown))}")
        data = {**form.fields, **values}
        pressed = next((sent for label, sent in form.buttons.items() if label.startswith(button)), ("", ""))
        if pressed[0]:
            data |= [pressed]
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.page.url))
        headers = {"origin": origin, "referer": self.page.url}
        if form.method == "get":
            return self._send(httpx.Request("GET", form.action, params=data, headers=headers))
        return self._send(httpx.Request("POST", form.action, data=data, headers=headers))

    def _send(self, request: httpx.Request) -> Page:
        for _ in range(_MAX_REDIRECTS):
            prepared = self._client.build_request(
                request.method, request.url, content=request.content, headers=_page_headers(request)
            )
            response = self._client.send(prepared)
            if response.next_request is None:
                break
            request = httpx.Request("GET", response.next_request.url)
        else:
            raise PageProblem(f"too many redirects, the last to {request.url}")
        url = str(response.url)
        self.page = Page(url, response.status_code, response.text, _forms(url, response.text))
        return self.page


def _page_headers(request: httpx.Request) -> dict[str, str]:
    kept = {"content-type", "origin", "referer"}
    return {name: value for name, value in request.headers.items() if name in kept}


def _forms(url: str, html: str) -> list[Form]:
    parser = _FormParser(url)
    parser.feed(html)
    return [*parser.forms, *parser.elsewhere()]


class _FormParser(HTMLParser):
    """Finds the forms of a page, and the buttons outside a form that send one of them to an address of their own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._url = url
        self._by_id: dict[str, Form] = {}
        self._outside: list[tuple[str, dict[str, str]]] = []
        self._open: Form | None = None
        self._button: dict[str, str] | None = None
        self._label = ""
        self._select = ""

    def elsewhere(self) -> list[Form]:
        """Return a form for each button outside: the one that it names, with the button's address."""
        return [
            Form(
                urljoin(self._url, button.get("formaction", owner.action)),
                owner.method,
                dict(owner.fields),
                {label: _named(button)},
            )
            for label, button in self._outside
            if (owner := self._by_id.get(button["form"])) is not None
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(urljoin(self._url, given.get("action", "")), given.get("method", "get").lower())
            self.forms.append(self._open)
            self._by_id[given.get("id", "")] = self._open
        elif self._open is not None and tag == "input":
            self._input(self._open, given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif self._open is not None and self._select and tag == "option":
            if "selected" in given or self._select not in self._open.fields:  # else the first one stands
                self._open.fields[self._select] = given.get("value", "")
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._button, self._label = given, ""

    def _input(self, form: Form, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "text")
        if kind == "submit":
            form.buttons[given.get("value", "")] = (name, given.get("value", ""))
        elif name and (kind not in {"radio", "checkbox"} or "checked" in given):
            form.fields[name] = given.get("value", "on" if kind == "checkbox" else "")
        elif name:
            form.fields.setdefault(name, "")

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._label += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "button" and self._button is not None:
            label = " ".join(self._label.split())
            if "form" in self._button:
                self._outside.append((label, self._button))
            elif self._open is not None:
                self._open.buttons[label] = _named(self._button)
            self._button = None


def _named(button: dict[str, str]) -> tuple[str, str]:
    return button.get("name", ""), button.get("value", "")
