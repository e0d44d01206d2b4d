"""The scriptless browser sends forms as a person's would."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from local_stack.browser import Browser, PageProblem

FORM = """<form action="/login" method="post"><input name="email"><input type="hidden" name="token" value="t1">
<input type="radio" name="plan" value="a"><input type="radio" name="plan" value="b" checked>
<select name="role"><option value="member">Member</option><option value="admin">Admin</option></select>
<select name="size"><option value="s">S</option><option value="m" selected>M</option></select>
<input type="checkbox" name="terms"><button name="go" value="yes">Log <b>in</b> <i>now</i></button></form>"""
BUTTONS = """<button form="act" formaction="/stores/1/sync">Sync Now</button>
<button type="button" form="act">Copy</button>
<button form="other" formaction="/nowhere">Lost</button>
<form id="act" method="post"><input type="hidden" name="token" value="t1"></form>"""


class Site(BaseHTTPRequestHandler):
    """Shows a form, sets a cookie, redirects after a post and tells what it got."""

    def do_GET(self) -> None:
        text = {"/": FORM, "/buttons": BUTTONS}.get(self.path) or f"cookie {self.headers['cookie']}"
        self._answer(200, text, ("set-cookie", "seen=1"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.received = parse_qs(body, keep_blank_values=True)  # type: ignore[attr-defined]
        self.server.origin = self.headers["origin"]  # type: ignore[attr-defined]
        self._answer(303, "", ("location", "/done"))

    def _answer(self, status: int, text: str, header: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header(*header)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def site() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_form_is_sent_with_its_hidden_fields_and_the_redirect_followed(site: HTTPServer) -> None:
    base = f"http://127.0.0.1:{site.server_port}"
    with Browser() as browser:
        page = browser.open(base + "/")
        done = browser.submit(
            page.form(action="/login", button="Log in"), button="Log in", email="a@example.com"
        )

    assert site.received == {  # type: ignore[attr-defined]
        "email": ["a@example.com"], "token": ["t1"], "plan": ["b"], "terms": [""], "go": ["yes"],
        "role": ["member"], "size": ["m"],
    }  # fmt: skip
    assert site.origin == base  # type: ignore[attr-defined]
    assert (done.url, done.html) == (f"{base}/done", "cookie seen=1")


def test_unknown_field_or_form_is_a_clear_problem(site: HTTPServer) -> None:
    with Browser() as browser:
        page = browser.open(f"http://127.0.0.1:{site.server_port}/")

        with pytest.raises(PageProblem, match="no form '/sign-up'"):
            page.form(action="/sign-up")
        with pytest.raises(PageProblem, match="no field name"):
            browser.submit(page.forms[0], name="x")


def test_button_outside_its_form_sends_it_to_the_address_of_its_own(site: HTTPServer) -> None:
    with Browser() as browser:
        page = browser.open(f"http://127.0.0.1:{site.server_port}/buttons")

        form = page.form(button="Sync Now")
        browser.submit(form, button="Sync Now")

    assert form.action.endswith("/stores/1/sync")
    assert site.received == {"token": ["t1"]}  # type: ignore[attr-defined]
    assert [list(one.buttons) for one in page.forms] == [[], ["Sync Now"]]
