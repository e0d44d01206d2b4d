"""An export is noted before it is read, read piece by piece, and never cut short unnoticed."""

import json

import pytest

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.errors import ExportGone
from oauth_gateway.handlers import privacy
from oauth_gateway.handlers.context import Gateway

from ..seed import Seed

CHUNKS = [
    [{"kind": "contact", "record": {"note": 'a "b", [c]', "total_spent": 12.3400}}],
    [{"kind": "order", "record": {"id": number}} for number in range(2)],
]


@pytest.fixture
def owner(seed: Seed, acme: int) -> tuple[Membership, User]:
    user_id = seed.scalar("SELECT id FROM gateway.users")
    return Membership(acme, "acme", "Acme Apparel", Role.OWNER), User(
        user_id, "dana@example.com", "Dana Reyes"
    )


async def test_download_is_noted_before_its_first_byte(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"), *CHUNKS)

    export = await privacy.begin_download(gateway, *owner, export_id)

    assert seed.scalar("SELECT count(*) FROM gateway.data_access") == 1
    assert export.records == 3


async def test_download_that_cannot_be_noted_does_not_happen(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"), *CHUNKS)
    stranger = User(0, "nobody@example.com", "Nobody")

    with pytest.raises(Exception, match="data_access_user_id_fkey"):
        await privacy.begin_download(gateway, owner[0], stranger, export_id)


async def test_document_is_whole_and_keeps_every_digit(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"), *CHUNKS)
    seed.execute("UPDATE records.export_chunks SET content = jsonb_set(content, '{0,record,sum}', '12.3400')")
    export = await privacy.begin_download(gateway, *owner, export_id)

    text = "".join([piece async for piece in privacy.contents(gateway, owner[0], export)])

    document = json.loads(text)
    assert [record["kind"] for record in document["records"]] == ["contact", "order", "order"]
    assert document["records"][0]["record"]["note"] == 'a "b", [c]'
    assert (document["request_id"], document["record_count"]) == ("9001", 3)
    assert '"sum": 12.3400' in text


async def test_chunk_is_read_when_the_one_before_is_sent(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"), *CHUNKS)
    export = await privacy.begin_download(gateway, *owner, export_id)
    pieces = privacy.contents(gateway, owner[0], export)
    await anext(pieces)
    first = await anext(pieces)

    seed.execute("UPDATE records.export_chunks SET content = '[1, 2]' WHERE number = 2")
    second = await anext(pieces)

    assert first.startswith('\n{"kind": "contact"')
    assert second == ",\n1, 2"


async def test_export_that_is_deleted_on_the_way_is_not_taken_for_a_whole_one(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"), *CHUNKS)
    export = await privacy.begin_download(gateway, *owner, export_id)
    pieces = privacy.contents(gateway, owner[0], export)
    sent = [await anext(pieces), await anext(pieces)]

    seed.execute("DELETE FROM records.exports")

    with pytest.raises(ExportGone):
        sent.append(await anext(pieces))
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(sent))


async def test_export_of_nobody_is_an_empty_document(
    gateway: Gateway, seed: Seed, owner: tuple[Membership, User]
) -> None:
    export_id = seed.export(seed.store(owner[0].advertiser_id, "acme.myshopify.com"))
    export = await privacy.begin_download(gateway, *owner, export_id)

    text = "".join([piece async for piece in privacy.contents(gateway, owner[0], export)])

    assert json.loads(text)["records"] == []
