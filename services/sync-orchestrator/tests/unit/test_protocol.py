"""Lines of the fetcher's stream, however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_orchestrator.clients import protocol
from sync_orchestrator.clients.protocol import Failed, Finished, LineSplitter, Page, Ping, Record, Started
from sync_orchestrator.errors import StreamCut

STREAM = (
    b'{"type":"total","count":2}\n'
    b'{"type":"started","observed_at":"2026-11-22T12:00:00Z","shopify_time":"2026-11-22T11:59:59Z"}\n'
    b'{"type":"record","id":"1","observed_at":"2026-11-22T12:00:00Z","body":{"a": 1.10,  "b":"\\u00e9"}}\n'
    b'{"type":"ping"}\n'
    b'{"type":"page","cursor":"c1","count":1}\n'
    b'{"type":"done","count":2,"objects":null}\n'
)


def read(*chunks: bytes) -> list[protocol.Line]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.lines(chunk)]


def comparable(line: protocol.Line) -> object:
    return (line.id, line.observed_at, bytes(line.body)) if isinstance(line, Record) else line


def test_every_kind_of_line_is_read() -> None:
    kinds = [type(line) for line in read(STREAM)]

    assert kinds == [protocol.Total, Started, Record, Ping, Page, Finished]


def test_body_keeps_its_bytes() -> None:
    record = next(line for line in read(STREAM) if isinstance(line, Record))

    assert bytes(record.body) == b'{"a": 1.10,  "b":"\\u00e9"}'


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_lines_are_the_same_wherever_the_network_cuts(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]

    assert [comparable(line) for line in read(*chunks)] == [comparable(line) for line in read(STREAM)]


def test_unfinished_line_is_not_read() -> None:
    assert len(read(STREAM[:-1])) == 5


def test_unknown_fields_are_ignored() -> None:
    (line,) = read(b'{"type":"failed","code":"protocol","message":"No.","retryable":true,"more":1}\n')

    assert line == Failed(code="protocol", message="No.", retryable=True)


@pytest.mark.parametrize("bad", [b"nonsense\n", b'{"type":"surprise"}\n', b'{"type":"page"}\n'])
def test_what_is_no_line_of_ours_cuts_the_stream(bad: bytes) -> None:
    with pytest.raises(StreamCut):
        read(bad)


def test_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINE_BYTES_MAX", 10)

    with pytest.raises(StreamCut):
        read(b"x" * 11)
