"""The adapters: one transaction per batch, a savepoint per message."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from sync_common.bus import Done, Message, Outcome, Rejected, in_transaction, one_by_one
from sync_common.contracts.events import SyncCancelRequested
from sync_common.db import Database, Transaction


@pytest.fixture
async def notes(database: Database) -> Database:
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE notes (body text NOT NULL)"))
    return database


def message(value: bytes, offset: int = 0) -> Message:
    return Message("t", 0, offset, b"key", value, [], 0)


async def write(one: Message, *, tx: Transaction) -> Outcome:
    await tx.execute(text("INSERT INTO notes VALUES (:body)"), {"body": (one.value or b"").decode()})
    if one.value == b"raised":
        raise Rejected("bad")
    return Rejected("bad") if one.value == b"answered" else Done()


async def read(database: Database) -> list[str]:
    async with database.transaction() as tx:
        return list((await tx.execute(text("SELECT body FROM notes ORDER BY body"))).scalars())


async def test_transaction_commits_when_the_handler_returns(notes: Database) -> None:
    async def handler(batch: Sequence[Message], *, tx: Transaction) -> Sequence[Outcome]:
        return [await write(one, tx=tx) for one in batch]

    await in_transaction(notes, handler)([message(b"a"), message(b"b")])

    assert await read(notes) == ["a", "b"]


async def test_transaction_rolls_back_when_the_handler_raises(notes: Database) -> None:
    async def handler(batch: Sequence[Message], *, tx: Transaction) -> Sequence[Outcome]:
        await write(batch[0], tx=tx)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await in_transaction(notes, handler)([message(b"a")])

    assert await read(notes) == []


@pytest.mark.parametrize("how", [b"raised", b"answered"])
async def test_rejected_message_leaves_nothing_and_its_neighbours_stay(notes: Database, how: bytes) -> None:
    handler = in_transaction(notes, one_by_one(write))

    outcomes = await handler([message(b"a"), message(how), message(b"b")])

    assert outcomes == [Done(), Rejected("bad"), Done()]
    assert await read(notes) == ["a", "b"]


async def test_message_without_an_envelope_is_rejected(notes: Database) -> None:
    async def by_type(one: Message, *, tx: Transaction) -> Outcome:
        assert one.envelope().type
        return Done()

    [outcome] = await in_transaction(notes, one_by_one(by_type))([message(b"{}")])

    assert outcome == Rejected("header ce_id is missing", error="MalformedEnvelope")


def test_body_that_does_not_fit_is_rejected_without_quoting_it() -> None:
    body = b'{"store_id": "jane@example.com", "advertiser_id": 1, "job_id": 1}'

    with pytest.raises(Rejected) as caught:
        message(body).event(SyncCancelRequested)

    rejection: Any = caught.value
    assert rejection.field == "store_id"
    assert "jane" not in rejection.reason
