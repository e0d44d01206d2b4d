"""The golden messages: one per event and kind of record, read by the tests of producers and consumers alike."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_common.contracts.envelope import Envelope, Headers

FOLDER: Final = Path(__file__).parents[3] / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One message as it travels; `path` is relative to the folder, without its ending."""

    path: str
    topic: str
    key: bytes | None
    headers: Headers
    body: bytes

    @property
    def envelope(self) -> Envelope:
        """Return the envelope in the headers."""
        return Envelope.from_headers(self.headers)


def load(path: str) -> Example:
    """Return an example, such as `events/sync.completed.v1` or `records/shopify.record.fetched`."""
    content = json.loads((FOLDER / f"{path}.json").read_text(encoding="utf-8"))
    key, body = content["key"], content["body"]
    return Example(
        path=path,
        topic=content["topic"],
        key=None if key is None else key.encode(),
        headers=[(name, value.encode()) for name, value in content["headers"].items()],
        body=b"" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
    )


def load_all(folder: str) -> list[Example]:
    """Return every example of `events` or `records`."""
    return [load(f"{folder}/{path.stem}") for path in sorted((FOLDER / folder).glob("*.json"))]
