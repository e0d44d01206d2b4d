"""One timer for many futures fails each of them at its own deadline."""

import asyncio

from sync_common.bus.deadlines import Deadlines

LOOP_SECONDS = 0.001  # how exact an event loop's clock is


async def test_each_future_fails_at_its_deadline_and_not_before() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines()
    started, failed_at = loop.time(), dict[float, float]()

    def watch(due: float) -> None:
        future = loop.create_future()
        future.add_done_callback(lambda _: failed_at.update({due: loop.time()}))
        deadlines.watch(future, due)

    for seconds in (0.3, 0.1, 0.2):
        watch(started + seconds)

    late = loop.create_future()
    deadlines.watch(late, started + 0.4)
    await asyncio.wait({late})

    assert isinstance(late.exception(), TimeoutError)
    assert list(failed_at) == sorted(failed_at)
    assert len(failed_at) == 3
    assert all(due - LOOP_SECONDS <= at for due, at in failed_at.items())


async def test_what_is_done_in_time_is_left_alone() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines()
    done, late = loop.create_future(), loop.create_future()
    for future in (done, late):
        deadlines.watch(future, loop.time() + 0.05)
    done.set_result("done")

    await asyncio.wait({late})

    assert done.result() == "done"


async def test_deadline_that_has_passed_fails_at_once() -> None:
    loop = asyncio.get_running_loop()
    late = loop.create_future()

    Deadlines().watch(late, loop.time() - 5)
    await asyncio.wait({late}, timeout=5)

    assert isinstance(late.exception(), TimeoutError)
