"""Where things are in this checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
LOCAL = ROOT / ".local"
POSTGRES_SQL = ROOT / "deploy" / "postgres"


def migrations_of(service: str) -> Path:
    """Return a service's migrations folder."""
    return ROOT / "services" / service / "migrations"
