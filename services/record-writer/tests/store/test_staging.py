"""What COPY is given is what the table holds, character by character."""

import pytest

from sync_common.contracts.resources import Resource

AWKWARD = [
    "".join(map(chr, range(1, 0x180))),
    "\x01",
    "\\N",
    "\\.",
    "\\x01",
    "a\tb\nc\r\n\\.\nd",
    'say "hi", {now},\\',
    "null",
    "\u2028\U0001f600\ufeff",
]


@pytest.mark.parametrize("text", AWKWARD)
async def test_texts_arrays_and_documents_come_through_as_they_are(world, text):
    tag = text.strip() or "empty"
    product = world.graphql_product(7, title=text, vendor=text, tags=[tag, "plain"])
    product["variants"]["nodes"][0]["title"] = text

    await world.write(world.read(Resource.PRODUCTS, product, 1))

    (row,) = await world.rows("SELECT title, vendor, tags, variants FROM records.products")
    assert (row["title"], row["vendor"], row["tags"]) == (text, text, sorted([tag, "plain"]))
    assert row["variants"][0]["title"] == text


async def test_nothing_and_empty_are_told_apart(world):
    await world.write(
        world.read(Resource.PRODUCTS, world.graphql_product(7, title="", vendor="", tags=[]), 1)
    )

    (row,) = await world.rows("SELECT title, vendor, tags FROM records.products")
    assert (row["title"], row["vendor"], row["tags"]) == ("", None, [])
