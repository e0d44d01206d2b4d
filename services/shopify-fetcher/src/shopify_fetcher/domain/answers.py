"""What to make of data that comes with errors. Pure.

A field that we may not read is null beside an error that names its path. Absent is not null: whoever stores such a
record must keep what it has, so the field is taken out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Path = Sequence[str | int]


def without_refused(data: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Take every field out of its record below which something was refused; `data` is changed in place."""
    for path in paths:
        _take_out(data, path)
    return data


def _take_out(data: dict[str, Any], path: Path) -> None:
    """Walk down to the first object that is a record, as its id tells; drop the field that the path goes through."""
    value: Any = data
    for step in path:
        if isinstance(value, Mapping) and "id" in value:
            value.pop(step, None)  # type: ignore[attr-defined]
            return
        value = _below(value, step)


def _below(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None
