"""A folder is whole or absent: after errors, beside stale leftovers, and with another process in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrastmask.files import whole_folder
from contrastmask.files.whole_folder import publish_folder


def _publish(root: Path, text: str) -> None:
    publish_folder(root, lambda fresh: (fresh / "a").write_text(text), lambda: (root / "a").exists())


def _folders(root: Path) -> list[Path]:
    return [p for p in root.parent.iterdir() if p.is_dir()]


def test_written_once(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "root"
    _publish(root, "first")
    _publish(root, "second")
    assert (root / "a").read_text() == "first"
    assert _folders(root) == [root]


def test_an_error_leaves_the_old_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "damaged").write_text("old")

    def write(fresh: Path) -> None:
        (fresh / "a").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish_folder(root, write, lambda: False)
    assert [p.name for p in root.iterdir()] == ["damaged"]
    assert _folders(root) == [root]
    _publish(root, "new")  # the lock is free again
    assert [p.name for p in root.iterdir()] == ["a"]


def test_stale_leftovers_go_but_other_folders_stay(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (tmp_path / ".root.12ab.tmp").mkdir()
    (tmp_path / ".root2.12ab.tmp").mkdir()
    _publish(root, "text")
    assert {p.name for p in _folders(root)} == {"root", ".root2.12ab.tmp"}


def test_without_locks_the_later_process_yields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_folder, "fcntl", None)
    root = tmp_path / "root"
    busy = tmp_path / ".root.12ab.tmp"
    busy.mkdir()

    def write(fresh: Path) -> None:
        (fresh / "a").write_text("mine")
        _publish(root, "theirs")

    publish_folder(root, write, lambda: (root / "a").exists())
    assert (root / "a").read_text() == "theirs"
    assert set(_folders(root)) == {root, busy}  # unlocked, it may be somebody's work in progress


def test_a_signal_between_taking_away_and_putting_there_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "a"
    root.mkdir()
    (root / "mine").write_text("old")
    rename, moved = Path.rename, []

    def ended(self: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) == 2:
            raise SystemExit(143)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", ended)
    with pytest.raises(SystemExit):
        whole_folder.replace_folder(root, lambda folder: (folder / "new").touch(), lambda: None)
    assert (root / "mine").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
