"""Output files are whole or absent, and what prevents them is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contrastmask.errors import DataError
from contrastmask.files.journal import Journal
from contrastmask.files.whole_file import write_whole


def test_folders_are_made_and_nothing_else_stays(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.json", "ä")
    assert (tmp_path / "a" / "b.json").read_text(encoding="utf-8") == "ä"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.json").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"b\.json cannot be written \(No space left"):
        write_whole(tmp_path / "b.json", "new")
    with pytest.raises(DataError, match=r"No space left.*go on"):
        Journal(tmp_path / "j", {"x": 1})
    monkeypatch.undo()
    assert (tmp_path / "b.json").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.json", "j"]
    Journal(tmp_path / "j", {"x": 1}).close(remove=True)


def test_an_output_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"b\.json cannot be written"):
        write_whole(tmp_path / "file" / "b.json", "new")
    with pytest.raises(DataError, match="choose another output"):
        Journal(tmp_path / "file" / "j", {})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # in place of a device, /dev/null among them
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(DataError, match=f"{name} cannot be written: it is a"):
            write_whole(tmp_path / name, "new")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "b.json"
    link.symlink_to("there/c.json")
    for text in ("new", "newer"):
        write_whole(link, text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "c.json").read_text() == text
