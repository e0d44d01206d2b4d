"""Answers that are true but for one thing, as a broken proxy or an unlucky server would send them."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shopify_simulator.faults.fault import Fault

GZIP_HEADER = gzip.compress(b"")[:10]
GARBAGE = b"\xff" * 64

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


def rewrite(fault: Fault, answer: Answer, request_body: bytes) -> Answer:
    """Change a successful answer as the fault says; any other stays as it is."""
    if answer.status != 200:
        return answer
    body = REWRITES[fault.effect](answer.body, request_body, fault)
    headers = [pair for pair in answer.headers if pair[0] != b"content-length"]
    if fault.effect == "corrupt_gzip":
        headers.append((b"content-encoding", b"gzip"))
    return Answer(answer.status, [*headers, (b"content-length", str(len(body)).encode())], body)


def _corrupt_gzip(body: bytes, _request: bytes, fault: Fault) -> bytes:
    """A gzip header with garbage behind it, or the beginning of a true stream when `after_bytes` tells its size."""
    if not fault.after_bytes:
        return GZIP_HEADER + GARBAGE
    stream = gzip.compress(body)
    return stream[: min(fault.after_bytes, len(stream) - 1)]


def _repeat_cursor(body: bytes, request: bytes, _fault: Fault) -> bytes:
    answer, asked = json.loads(body), json.loads(request)
    after = (asked.get("variables") or {}).get("after")
    for connection in _connections(answer.get("data")):
        connection["pageInfo"].update({"hasNextPage": True, "endCursor": after})
    return json.dumps(answer).encode()


def _missing_nodes(body: bytes, _request: bytes, fault: Fault) -> bytes:
    """Leave out the first nodes of a page, which says nothing of it and goes on as if they had been there."""
    answer = json.loads(body)
    for connection in _connections(answer.get("data")):
        for name in {"nodes", "edges"} & connection.keys():
            connection[name] = connection[name][fault.nodes :]
    return json.dumps(answer).encode()


def _connections(data: Any) -> list[dict[str, Any]]:
    """The answer's outermost connections that say how they go on: at the top, or else one level below."""
    fields = list(data.values()) if isinstance(data, dict) else []
    below = [value for field in fields if isinstance(field, dict) for value in field.values()]
    for level in (fields, below):
        found = [value for value in level if isinstance(value, dict) and "pageInfo" in value]
        if found:
            return found
    return []


def _truncate_lines(body: bytes, _request: bytes, _fault: Fault) -> bytes:
    """The first half of the lines, each of them whole."""
    lines = body.splitlines(keepends=True) if body else []
    return b"".join(lines[: len(lines) // 2])


def _missing_parents(body: bytes, _request: bytes, _fault: Fault) -> bytes:
    """Leave out every other one of the roots that have children, the first one too."""
    read = [(line, json.loads(line)) for line in body.splitlines(keepends=True)]
    parents = {record["__parentId"] for _, record in read if "__parentId" in record}
    roots = [record["id"] for _, record in read if "__parentId" not in record and record.get("id") in parents]
    missing = set(roots[::2])
    return b"".join(
        line for line, record in read if "__parentId" in record or record.get("id") not in missing
    )


REWRITES: dict[str, Callable[[bytes, bytes, Fault], bytes]] = {
    "corrupt_gzip": _corrupt_gzip,
    "repeat_cursor": _repeat_cursor,
    "missing_nodes": _missing_nodes,
    "truncate_lines": _truncate_lines,
    "missing_parents": _missing_parents,
}
