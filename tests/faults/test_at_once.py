"""Several processes at one file: each reads what is whole, each ends well, nothing is left beside it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.annotations.load import load_annotations
from contrastmask.errors import DataError
from contrastmask.files.lock import held
from contrastmask.files.whole_file import remove_stale_parts, whole_file, write_json, write_whole
from contrastmask.pictures.overlays import save_png
from contrastmask.report.write import write_report
from contrastmask.study import runner
from contrastmask.study.plan import Table
from tests.tiny_coco import write_tiny_coco

PROCESSES = 4
TURNS = 12


def at_once(work: Callable[[int], Any], meanwhile: Callable[[], Any] = lambda: None) -> None:
    """Do ``work``, told its number, in four processes that begin together; ``meanwhile`` again and again until all end.

    All have the same process number for their files' names, as the first process of every container has.
    """
    start, go = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            try:
                os.getpid = lambda: 1
                os.close(go)
                os.read(start, 1)  # nothing comes: until the parent closes its end
                work(number)
                os._exit(0)
            except BaseException as error:
                print(f"in a child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(7)
        children.append(child)
    os.close(start)
    os.close(go)
    left = set(children)
    try:
        while left:
            meanwhile()
            for child in list(left):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    left.remove(child)
                    assert status == 0
    finally:
        for child in left:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_reports_into_one_file_and_runs_that_change_meanwhile(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    for name in "ab":
        write_json(tmp_path / name / "results.json", {"mask": {"all": {"AP": 12.5}}})
    write_report([tmp_path / "a"], page)
    sizes = set()

    def work(number: int) -> None:
        for turn in range(TURNS):
            if number == 0:
                write_json(tmp_path / "b" / "results.json", {"mask": {"all": {"AP": float(turn)}}})
            write_report([tmp_path / "a", tmp_path / "b"], page)

    def look() -> None:
        text = page.read_text()
        assert text.rstrip().endswith("</html>")
        sizes.add(len(text))

    look()
    at_once(work, look)
    look()
    assert len(sizes) > 1, "of one run at first, of two at the end"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "report.html"]
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["results.json"]


def test_kept_records_that_many_write_read_and_delete(tmp_path: Path) -> None:
    data = write_tiny_coco(tmp_path / "data", n_images=3)
    kept = tmp_path / "kept"
    want = load_annotations(data.annotations, data.images)

    def work(number: int) -> None:
        for _ in range(TURNS):
            found = load_cached(data.annotations, data.images, folder=kept, smallest=0)
            assert found.ann_ids.tolist() == want.ann_ids.tolist()
            assert found.report.to_dict() == want.report.to_dict()

    def delete() -> None:
        for entry in kept.glob("*.npz"):
            entry.unlink(missing_ok=True)
        time.sleep(0.01)

    at_once(work, delete)
    work(0)
    assert [path.suffix for path in kept.iterdir()] == [".npz"]
    # what a killed process left goes when the entry is written again
    (entry,) = kept.iterdir()
    (kept / f".{entry.name}.0a1b2c3d.4194305.part").write_bytes(b"half")  # a number that no process has
    entry.unlink()
    work(0)
    assert [path.name for path in kept.iterdir()] == [entry.name]


@pytest.mark.parametrize("kind", ["text", "picture"])
def test_files_that_many_write(kind: str, tmp_path: Path) -> None:
    import torch
    from PIL import Image

    path = tmp_path / "out"

    def work(number: int) -> None:
        for _ in range(TURNS):
            if kind == "text":
                write_whole(path, str(number) * 50_000)
            else:
                save_png(path, torch.full((3, 40, 40), number, dtype=torch.uint8))

    def look() -> None:
        if not path.exists():
            return
        if kind == "text":
            text = path.read_text()
            assert text == text[0] * 50_000
        else:
            assert Image.open(path, formats=["PNG"]).copy().size == (40, 40)

    at_once(work, look)
    look()
    assert [found.name for found in tmp_path.iterdir()] == ["out"]


def test_a_part_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.b"
    with whole_file(path) as file:
        file.write(b"new")
        remove_stale_parts(path)
        (part,) = tmp_path.iterdir()
        part.with_name(f".a.b.{'0' * 8}.4194305.part").touch()
        part.with_name(".a.b.4194305.part").touch()  # as an earlier version wrote it
        remove_stale_parts(path)
        assert list(tmp_path.iterdir()) == [part]
    assert path.read_bytes() == b"new"


def test_a_study_at_a_run_that_another_study_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = Table("study/shapes", ("full",), ("voc_nonvoc",), 1).runs()
    with (
        held(run.folder(tmp_path)),
        pytest.raises(DataError, match=r"seed0 is being written by process \d+ on .*wait for its end"),
    ):
        runner.run_all([run], tmp_path)
    assert not list(run.folder(tmp_path).iterdir())
    # it ended while this one looked at what is to be done
    asked = []

    def finished(*_: object) -> bool:
        asked.append(True)
        return len(asked) > 1

    monkeypatch.setattr(runner, "finished", finished)
    monkeypatch.setattr(runner, "PROGRAM", ("-c", "raise SystemExit('trained again')"))
    assert runner.run_all([run], tmp_path) == []
    assert not list(run.folder(tmp_path).iterdir())
