"""Scratch folders: in memory where asked and there is room, and gone with the block."""

from pathlib import Path

import pytest

from local_stack import repository
from local_stack.repository import LOCAL, scratch_folder


@pytest.mark.parametrize(("room", "is_in_memory"), [(0, True), (2**60, False)], ids=["enough", "too little"])
def test_scratch_folder_is_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, is_in_memory: bool
) -> None:
    monkeypatch.setattr(repository, "MEMORY", tmp_path)
    monkeypatch.setattr(repository, "MEMORY_BYTES_MIN", room)

    with scratch_folder("test", in_memory=True) as folder:
        assert folder.is_dir()
        assert folder.parent == (tmp_path if is_in_memory else LOCAL)
    assert not folder.exists()


def test_scratch_folder_is_on_disk_where_no_memory_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MEMORY", tmp_path / "missing")

    with scratch_folder("test", in_memory=True) as folder:
        assert folder.parent == LOCAL
