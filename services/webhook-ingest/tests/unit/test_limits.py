"""Nothing is held without bounds, and no shop takes the others' room or time."""

import asyncio
from random import Random

import pytest

from webhook_ingest.errors import Crowded, NotDurable
from webhook_ingest.limits import BodyMemory, WaitingRoom


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def test_one_noisy_shop_leaves_room_for_the_others() -> None:
    room = WaitingRoom(size=3, share=2, at_once=10)

    async with room.place("noisy", until=soon()), room.place("noisy", until=soon()):
        with pytest.raises(Crowded):
            await room.place("noisy", until=soon()).__aenter__()
        async with room.place("quiet", until=soon()):
            with pytest.raises(Crowded):
                await room.place("another", until=soon()).__aenter__()
    async with room.place("noisy", until=soon()):
        pass


async def test_noisy_shop_takes_turns_while_the_others_go_at_once() -> None:
    room, order = WaitingRoom(size=100, share=100, at_once=2), []
    go_on = asyncio.Event()

    async def deliver(shop: str, number: int) -> None:
        async with room.place(shop, until=soon()):
            order.append((shop, number))
            await go_on.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(deliver("noisy", number))
        tasks.create_task(deliver("quiet", 0))
        while len(order) < 3:  # noqa: ASYNC110 - what would come too early is what is looked for
            await asyncio.sleep(0)
        assert order == [("noisy", 0), ("noisy", 1), ("quiet", 0)]
        go_on.set()

    assert order[3:] == [("noisy", 2), ("noisy", 3)]


async def test_turn_that_does_not_come_in_time_gives_its_place_back() -> None:
    room = WaitingRoom(size=2, share=2, at_once=1)
    at_once = asyncio.get_running_loop().time()

    async with room.place("noisy", until=soon()):
        for _ in range(3):
            with pytest.raises(NotDurable):
                await room.place("noisy", until=at_once).__aenter__()
    async with room.place("noisy", until=soon()):
        pass


async def test_turns_are_neither_lost_nor_doubled_by_those_who_give_up() -> None:
    room, chance = WaitingRoom(size=1_000, share=1_000, at_once=3), Random(1)
    inside, most, served = 0, 0, 0

    async def deliver() -> None:
        nonlocal inside, most, served
        async with room.place("noisy", until=soon()):
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0)
            finally:
                inside -= 1
            served += 1

    async def hurry() -> None:
        tasks = [asyncio.create_task(deliver()) for _ in range(500)]
        while pending := [task for task in tasks if not task.done()]:
            chance.choice(pending).cancel()
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await hurry()

    assert most == 3
    assert served > 100
    async with room.place("noisy", until=soon()):
        pass


def test_bytes_are_bounded_over_all_bodies_and_given_back() -> None:
    memory = BodyMemory(100)

    memory.take(60)
    memory.take(40)
    with pytest.raises(Crowded):
        memory.take(1)
    memory.give_back(40)

    memory.take(40)
