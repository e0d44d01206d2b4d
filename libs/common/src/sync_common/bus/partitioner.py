"""Which partition a key goes to: as Kafka's own clients decide, at a third of what aiokafka's own code takes."""

from random import randrange
from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_32_BITS: Final = 0xFFFFFFFF


def partition_of(key: bytes | None, count: int) -> int:
    """Return Kafka's default partition for a key: its murmur2, or any partition where there is no key."""
    if key is None:
        return randrange(count)  # noqa: S311 - spreads records, hides nothing
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(data: bytes) -> int:
    """Return MurmurHash2 as Kafka's Java client computes it (Utils.murmur2), as an unsigned number of 32 bits."""
    length = len(data)
    whole = length >> 2
    value = _SEED ^ length
    for word in unpack_from(f"<{whole}I", data):
        mixed = word * _M & _32_BITS
        value = (value * _M ^ (mixed ^ mixed >> 24) * _M) & _32_BITS
    if rest := data[whole * 4 :]:
        value = (value ^ int.from_bytes(rest, "little")) * _M & _32_BITS
    value = (value ^ value >> 13) * _M & _32_BITS
    return value ^ value >> 15
