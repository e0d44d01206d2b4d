"""Webhooks go first where both lanes share a process, and a storm of them never stops a sync."""

import asyncio

from record_writer import lanes as module
from record_writer.lanes import Lanes


class Work:
    """A handler that works until it is let go, and counts how many batches it has in hand at once."""

    def __init__(self):
        self.going_on = self.most = 0
        self.release = asyncio.Event()

    async def __call__(self, batch):
        self.going_on += 1
        self.most = max(self.most, self.going_on)
        await self.release.wait()
        self.going_on -= 1
        return batch


async def settled():
    """Let every task come as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_sync_waits_while_live_batches_are_in_hand():
    lanes, first, second = Lanes(1), Work(), Work()
    live = [asyncio.ensure_future(lanes.first(work)([])) for work in (first, second)]
    await settled()
    waiting = asyncio.ensure_future(lanes.give_way())

    await settled()
    waited_for_both = not waiting.done()
    first.release.set()
    await settled()
    waited_for_second = not waiting.done()
    second.release.set()
    await asyncio.gather(waiting, *live)

    assert (waited_for_both, waited_for_second) == (True, True)


async def test_live_batches_without_end_do_not_stop_a_sync(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    lanes, endless = Lanes(1), Work()
    live = asyncio.ensure_future(lanes.first(endless)([]))
    await settled()

    await asyncio.wait_for(lanes.give_way(), 10)

    endless.release.set()
    await live


async def test_failed_live_batch_gives_the_way_back():
    lanes = Lanes(1)

    async def fail(batch):
        raise RuntimeError

    await asyncio.gather(lanes.first(fail)([]), return_exceptions=True)

    await asyncio.wait_for(lanes.give_way(), 10)


async def test_no_more_batches_of_syncs_are_in_hand_than_have_a_place():
    lanes, work = Lanes(2), Work()
    handlers = [lanes.in_its_place(work) for _ in range(5)]

    batches = [asyncio.ensure_future(handle([])) for handle in handlers]
    await settled()
    work.release.set()
    await asyncio.gather(*batches)

    assert work.most == 2
