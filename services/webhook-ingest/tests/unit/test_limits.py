"""Nothing is held without bounds, and no shop takes the others' room."""

import pytest

from webhook_ingest.errors import NotDurable
from webhook_ingest.limits import BodyMemory, WaitingRoom


def test_one_noisy_shop_leaves_room_for_the_others() -> None:
    room = WaitingRoom(size=3, share=2)

    with room.place("noisy"), room.place("noisy"):
        with pytest.raises(NotDurable), room.place("noisy"):
            pass
        with room.place("quiet"), pytest.raises(NotDurable), room.place("another"):
            pass
    with room.place("noisy"):
        pass


def test_bytes_are_bounded_over_all_bodies_and_given_back() -> None:
    memory = BodyMemory(100)

    with memory.account() as first, memory.account() as second:
        first(60)
        second(40)
        with pytest.raises(NotDurable):
            second(1)
    with memory.account() as third:
        third(100)
