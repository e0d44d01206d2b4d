"""Where things are in this checkout."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
LOCAL = Path(os.environ.get("SHOPSYNC_LOCAL", ROOT / ".local"))  # all that is written at run time
POSTGRES_SQL = ROOT / "deploy" / "postgres"
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it has a name of its own
MEMORY_BYTES_MIN = 4 * 1024**3


@contextmanager
def scratch_folder(name: str, *, in_memory: bool = False) -> Iterator[Path]:
    """Give a folder for the length of the block, under `.local` or, where asked and there is room, in memory.

    Not the system's: PostgreSQL runs as another user under root and must be able to reach its files.
    """
    LOCAL.mkdir(exist_ok=True)
    place = MEMORY if in_memory and _has_room(MEMORY) else LOCAL
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _has_room(place: Path) -> bool:
    return place.is_dir() and shutil.disk_usage(place).free >= MEMORY_BYTES_MIN


def migrations_of(service: str) -> Path:
    """Return a service's migrations folder."""
    return ROOT / "services" / service / "migrations"
