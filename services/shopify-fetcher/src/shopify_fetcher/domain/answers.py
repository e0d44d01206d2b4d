"""What to make of data that comes with errors. Pure.

A field that we may not read is null beside an error that names its path. Absent is not null: whoever stores such a
record must keep what it has, so the field is taken out. One error may speak for a whole list: what it refuses in one
record is taken out of the others too where nothing is there.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

Path = Sequence[str | int]


def without_refused(data: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Take every field out of its record below which something was refused; `data` is changed in place."""
    for path in paths:
        _take_out(data, path, is_named=True)
    return data


def _take_out(value: Any, path: Path, *, is_named: bool) -> None:
    """Walk down to the first objects that are records, as their ids tell; drop the field that the path goes through.

    The record that the error has named loses it in any case, its neighbours where it is empty.
    """
    if not path:
        return
    step, rest = path[0], path[1:]
    if isinstance(value, MutableMapping) and "id" in value:
        if is_named or _is_empty(value.get(str(step)), rest):
            value.pop(str(step), None)
    elif isinstance(value, Mapping):
        _take_out(value.get(str(step)), rest, is_named=is_named)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _take_out(one, rest, is_named=is_named and index == step)


def _is_empty(value: Any, path: Path) -> bool:
    """Say whether there is nothing at the end of the path, in a list at the end of any."""
    if isinstance(value, Mapping):
        return _is_empty(value.get(str(path[0])), path[1:]) if path else value.get("nodes") == []
    if isinstance(value, list):
        return not value or (bool(path) and any(_is_empty(one, path[1:]) for one in value))
    return value is None
