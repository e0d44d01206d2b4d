"""Statements that are algorithms live in .sql files beside the code that runs them."""

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def load_sql(package: str, name: str) -> TextClause:
    """Return the statement of `<package>/queries/<name>.sql`."""
    return text(files(package).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8"))
