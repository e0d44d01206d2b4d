"""A million records with one poison in a hundred: exact, in bounded memory."""

import pytest

from ..integration.writer.alone import WriterAlone
from ..integration.writer.conftest import every_part_lives, writer
from ..integration.writer.test_mixed_load import assert_exact, load

__all__ = ["every_part_lives", "writer"]

RECORDS = 1_000_000
SECONDS_MAX = 3_000
MEMORY_BYTES_MAX = 300 * 1024 * 1024


@pytest.mark.soak
@pytest.mark.timeout(5_400)
async def test_million_records_land_and_exactly_the_poison_is_set_aside(writer: WriterAlone) -> None:
    loaded = await load(writer, RECORDS, within_seconds=SECONDS_MAX)

    print(f"{RECORDS:,} records; the process held {writer.memory_bytes_max >> 20} MiB at most")
    assert_exact(loaded)
    assert writer.memory_bytes_max < MEMORY_BYTES_MAX
