"""Webhooks go first where both lanes share a process, and a storm of them never stops a sync."""

import asyncio

from record_writer import lanes as module
from record_writer.lanes import Lanes


async def test_sync_waits_while_a_live_batch_is_in_hand():
    lanes, order = Lanes(), []

    async def sync():
        await lanes.give_way()
        order.append("sync")

    with lanes.live():
        waiting = asyncio.create_task(sync())
        for _ in range(5):
            await asyncio.sleep(0)
        order.append("live")
    await waiting

    assert order == ["live", "sync"]


async def test_second_live_batch_keeps_the_way():
    lanes = Lanes()

    with lanes.live():
        with lanes.live():
            pass
        waiting = asyncio.create_task(lanes.give_way())
        for _ in range(5):
            await asyncio.sleep(0)

        assert not waiting.done()
    await waiting


async def test_live_batches_without_end_do_not_stop_a_sync(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    lanes = Lanes()

    with lanes.live():
        await asyncio.wait_for(lanes.give_way(), 10)


async def test_failed_live_batch_gives_the_way_back():
    lanes = Lanes()

    try:
        with lanes.live():
            raise RuntimeError
    except RuntimeError:
        pass

    await asyncio.wait_for(lanes.give_way(), 10)


async def test_no_more_batches_of_syncs_are_in_hand_than_have_a_place():
    lanes, going_on, most, release = Lanes(), 0, 0, asyncio.Event()

    async def write(batch):
        nonlocal going_on, most
        going_on += 1
        most = max(most, going_on)
        await release.wait()
        going_on -= 1
        return batch

    handlers = [lanes.few_at_once(write) for _ in range(5)]
    batches = [asyncio.ensure_future(handle([])) for handle in handlers]
    for _ in range(10):
        await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*batches)

    assert most == module.SYNC_BATCHES_MAX
