"""A journal keeps what is whole and refuses what is of another work."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from contrastmask.errors import DataError
from contrastmask.files.journal import Journal


def test_whole_lines_are_kept_and_a_cut_one_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "work.journal"
    journal = Journal(path, {"x": 1})
    journal.add(3, {"masks": [1.5, "a"]})
    journal.add(0, [])
    journal.close()
    content = path.read_bytes()
    path.write_bytes(content[:-2])
    again = Journal(path, {"x": 1})
    assert again.pieces == {3: {"masks": [1.5, "a"]}}
    again.add(0, [])
    again.close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_killed_before_the_first_line_was_whole(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "work.journal"
    path.write_bytes(b'{"x": 1}'[:cut])
    journal = Journal(path, {"x": 1})
    journal.close()
    assert path.read_bytes() == b'{"x": 1}\n'


def test_another_work_is_named(tmp_path: Path) -> None:
    path = tmp_path / "work.journal"
    Journal(path, {"x": 1, "y": [2]}).close()
    with pytest.raises(DataError, match=r"x was 1, is 2"):
        Journal(path, {"x": 2, "y": [2]})
    for content in (b"hello\nworld\n", b"hello", b"[1]\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no journal of this program"):
            Journal(path, {"x": 1})
        assert path.read_bytes() == content


def test_removal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", {})
    journal.close(remove=True)
    assert not (tmp_path / "j").exists()


def test_the_disk_is_waited_for_once_a_second_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited, now = [], [100.0]
    monkeypatch.setattr("contrastmask.files.journal.os.fsync", waited.append)
    monkeypatch.setattr("contrastmask.files.journal.time.monotonic", lambda: now[0])
    journal = Journal(tmp_path / "j", {})
    for number in range(5):
        journal.add(number, [])
        assert (tmp_path / "j").read_bytes().count(b"\n") == number + 2  # a killed process loses nothing
    assert len(waited) == 1
    now[0] += 1.5
    journal.add(5, [])
    assert len(waited) == 2
    journal.sync()
    assert len(waited) == 3
    assert Journal(tmp_path / "j", {}).pieces == {number: [] for number in range(6)}


def test_half_a_line_does_not_stay_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", {})
    journal.add(0, "whole")
    before = (tmp_path / "j").read_bytes()

    class Full:
        """A disk with room for five bytes."""

        def __init__(self, file: BinaryIO) -> None:
            self.file, self.room = file, 5

        def write(self, line: bytes) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            self.room -= len(line[: self.room])
            return self.file.write(line[:5])

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_file", Full(journal._file))
        with pytest.raises(DataError, match="No space left"):
            journal.add(1, "cut off")
    assert (tmp_path / "j").read_bytes() == before
    assert journal.pieces == {0: "whole"}
    journal.add(1, "later")
    journal.close()
    assert Journal(tmp_path / "j", {}).pieces == {0: "whole", 1: "later"}


def test_a_damaged_line_is_named_and_never_another_piece(tmp_path: Path) -> None:
    path = tmp_path / "work.journal"
    journal = Journal(path, {"x": 1})
    journal.add(0, {"mask": "Th4abc", "confidence": 0.5})
    journal.add(1, {"mask": "Th4"})
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (
        lines[1].replace(b"abc", b"abd"),
        lines[1].replace(b"[0", b"[7"),
        lines[1].replace(b"0.5", b"0.6"),
        lines[1][:20] + b"\n",
        b"7\n",
        b"{}\n",
        b"[null, 1]\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
    ):
        path.write_bytes(lines[0] + broken + lines[2])
        with pytest.raises(DataError, match=r"work\.journal: line 2 is damaged; take that line out"):
            Journal(path, {"x": 1})
    path.write_bytes(lines[0] + lines[2] + b'[3, {"mask": "of an earlier version"}]\n')
    again = Journal(path, {"x": 1})
    assert again.pieces == {1: {"mask": "Th4"}, 3: {"mask": "of an earlier version"}}
    again.close()
