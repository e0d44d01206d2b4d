"""Where things are in this checkout."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
LOCAL = Path(os.environ.get("SHOPSYNC_LOCAL", ROOT / ".local"))  # all that is written at run time
POSTGRES_SQL = ROOT / "deploy" / "postgres"


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Give a folder under `.local` for the length of the block.

    Not the system's: PostgreSQL runs as another user under root and must be able to reach its files.
    """
    LOCAL.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=LOCAL, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def migrations_of(service: str) -> Path:
    """Return a service's migrations folder."""
    return ROOT / "services" / service / "migrations"
