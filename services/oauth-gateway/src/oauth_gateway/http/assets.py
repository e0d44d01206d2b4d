"""Static files under names that carry their hash, so that browsers may keep them for a year."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Final

CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_COMPRESSED: Final = ("css", "js", "svg")
_SCRIPTS: Final = ("vendor/htmx.min.js", "vendor/hx-sse.min.js", "app.js")
"""Served as one: htmx reads the page soon after it has run, whether or not its extension has come by then."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file as it is served."""

    url_name: str
    media_type: str
    body: bytes
    compressed: bytes | None


class Assets:
    """All static files, read once."""

    def __init__(self) -> None:
        root = files("oauth_gateway").joinpath("static")
        self._names: dict[str, str] = {}
        self._by_url_name: dict[str, Asset] = {}
        for path in ("vendor/inter-latin.woff2", "icons.svg", "favicon.svg"):
            self._add(path.rsplit("/", 1)[-1], root.joinpath(path).read_bytes())
        self._add("app.js", b";\n".join(root.joinpath(path).read_bytes() for path in _SCRIPTS))
        font = root.joinpath("fonts.css").read_text(encoding="utf-8")
        font = font.replace("asset:inter-latin.woff2", self.url("inter-latin.woff2"))
        sheets = [
            font,
            *(root.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "pages.css")),
        ]
        self._add("style.css", "\n".join(sheets).encode())

    def url(self, name: str) -> str:
        """Return the address of a file by its plain name; an unknown name is a bug in a template."""
        return f"/static/{self._names[name]}"

    def served(self, url_name: str) -> Asset | None:
        """Return the file with this hashed name."""
        return self._by_url_name.get(url_name)

    @property
    def names(self) -> Mapping[str, str]:
        """Return the hashed name of every file."""
        return self._names

    def _add(self, name: str, body: bytes) -> None:
        stem, extension = name.rsplit(".", 1)
        url_name = f"{stem}.{sha256(body).hexdigest()[:12]}.{extension}"
        compressed = gzip.compress(body, mtime=0) if extension in _COMPRESSED else None
        self._names[name] = url_name
        self._by_url_name[url_name] = Asset(url_name, _TYPES[extension], body, compressed)
