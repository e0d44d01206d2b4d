"""Joining a bulk file: any order of the lines gives the same records."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopify_fetcher.domain.bulk_lines import join
from shopify_fetcher.errors import BulkFailed
from shopify_fetcher.reading.spool import Spool
from sync_common.contracts.resources import Resource


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def product(number: int, title: str = "A title") -> dict[str, object]:
    return {"__typename": "Product", "id": f"gid://shopify/Product/{number}", "title": title}


def child(kind: str, number: int, parent: int) -> dict[str, object]:
    return {
        "__typename": kind,
        "id": f"gid://shopify/{kind}/{number}",
        "note": 'a "quoted" \\ "__parentId":"no"',
        "__parentId": f"gid://shopify/Product/{parent}",
    }


def decoded(records: object) -> dict[str, dict[str, object]]:
    return {gid: json.loads(body) for gid, body in records}  # type: ignore[attr-defined]


def with_sorted_nodes(records: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    for record in records.values():
        for name in ("variants", "media"):
            record[name]["nodes"].sort(key=lambda node: node["id"])  # type: ignore[index]
    return records


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for number in range(draw(st.integers(0, 8))):
        lines.append(product(number, draw(st.text(max_size=5))))
        kinds = draw(st.lists(st.sampled_from(["ProductVariant", "MediaImage", "Video"]), max_size=5))
        lines += [child(kind, 100 * number + place, number) for place, kind in enumerate(kinds)]
    return lines


@given(files(), st.data())
def test_any_order_of_lines_gives_the_same_records(
    lines: list[dict[str, object]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(lines))

    expected = decoded(join(map(encoded, lines), Resource.PRODUCTS))
    found = decoded(join(map(encoded, shuffled), Resource.PRODUCTS))

    assert with_sorted_nodes(found) == with_sorted_nodes(expected)
    assert not any("__typename" in record or "__parentId" in record for record in found.values())


@settings(deadline=None, max_examples=30)
@given(files(), st.integers(40, 400))
def test_spooling_in_parts_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, object]], part_bytes: int
) -> None:
    content = b"".join(map(encoded, lines))
    spool = Spool(tmp_path_factory.mktemp("spool"), len(content), part_bytes=part_bytes)

    with spool.filled() as take:
        take(content)
    parted = [record for batch in spool.batches(Resource.PRODUCTS) for record in batch]

    whole = list(join(map(encoded, lines), Resource.PRODUCTS))
    assert sorted(parted) == sorted(whole)
    assert len(whole) == sum(line["__typename"] == "Product" for line in lines)


def test_children_keep_their_order_within_a_record() -> None:
    lines = [child("ProductVariant", number, 1) for number in (5, 3, 4)] + [product(1)]

    [(_, body)] = join(map(encoded, lines), Resource.PRODUCTS)

    assert [node["id"][-1] for node in json.loads(body)["variants"]["nodes"]] == ["5", "3", "4"]
    assert json.loads(body)["media"] == {"nodes": []}


@pytest.mark.parametrize(
    "lines",
    [
        [encoded(child("ProductVariant", 1, 1))],
        [encoded(product(1)), encoded(product(1))],
        [encoded(product(1)), encoded(child("Unheard", 1, 1))],
        [b'{"id": "gid://shopify/Product/1"\n'],
        [b'{"title": "no id"}\n'],
    ],
    ids=["child without parent", "record twice", "unknown child", "cut line", "no id"],
)
def test_file_that_breaks_the_protocol_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(BulkFailed):
        list(join(lines, Resource.PRODUCTS))
