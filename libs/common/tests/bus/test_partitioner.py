"""Keys go to the partitions that every other Kafka client would choose."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from sync_common.bus.partitioner import murmur2, partition_of


@given(st.binary(max_size=80))
def test_hash_is_that_of_the_reference(data: bytes) -> None:
    assert murmur2(data) == reference(data) & 0xFFFFFFFF


@given(st.binary(max_size=80), st.integers(min_value=1, max_value=50))
def test_partition_is_that_of_the_default_partitioner(key: bytes, count: int) -> None:
    partitions = list(range(count))

    assert partition_of(key, count) == DefaultPartitioner()(key, partitions, partitions)


def test_records_without_a_key_are_spread() -> None:
    assert {partition_of(None, 3) for _ in range(200)} == {0, 1, 2}
