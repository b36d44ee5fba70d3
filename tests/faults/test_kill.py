"""Signal 9 at every write, sync and rename: what was there is as it was, or whole and new."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.files.journal import Journal
from contrastmask.files.lock import held
from contrastmask.files.whole_file import in_place_of, write_json
from contrastmask.files.whole_folder import publish_folder
from contrastmask.report.write import write_report
from contrastmask.training.checkpoint_io import WholeCheckpointIO
from contrastmask.training.csv_log import KeptCSVLogger
from tests.faults.killing import every_end
from tests.tiny_coco import write_tiny_coco

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="fork"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # fork beside threads: the child writes files alone
]


def test_a_file(tmp_path: Path) -> None:
    path, states = tmp_path / "a.json", []
    write_json(path, {"old": 1})

    def look(_: int) -> None:
        states.append(json.loads(path.read_text()))

    assert every_end(tmp_path, lambda: write_json(path, {"new": [1] * 1000}), look) >= 3
    assert states[0] == {"old": 1}
    assert states[-1] == {"new": [1] * 1000}


def test_a_file_that_another_library_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def work() -> None:
        with in_place_of(path) as part, part.open("wb") as file:
            file.write(b"new" * 100)

    assert every_end(tmp_path, work, lambda _: path.read_bytes() in (b"old", b"new" * 100) or pytest.fail("half")) >= 3
    assert path.read_bytes() == b"new" * 100


def test_a_journal_loses_no_line_that_was_told(tmp_path: Path) -> None:
    path, told = tmp_path / "work.journal", tmp_path.parent / f"{tmp_path.name}.told"

    def work() -> None:
        told.write_text("")
        journal = Journal(path, {"of": "this"})
        for number in range(5):
            if number not in journal.pieces:
                journal.add(number, {"masks": ["x" * 50]})
            with told.open("a") as file:
                file.write(f"{number}\n")
        journal.sync()
        journal.close()

    def look(_: int) -> None:
        journal = Journal(path, {"of": "this"})
        known = [int(line) for line in told.read_text().splitlines()]
        assert set(known) <= journal.pieces.keys()
        assert all(piece == {"masks": ["x" * 50]} for piece in journal.pieces.values())
        journal.close(remove=True)

    assert every_end(tmp_path, work, look) > 6


def test_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "old").write_text("damaged")

    def work() -> None:
        def write(fresh: Path) -> None:
            for name in "abc":
                (fresh / name).write_text(name)

        publish_folder(root, write, lambda: (root / "c").exists())

    def look(_: int) -> None:
        names = {path.name for path in root.iterdir()} if root.exists() else None
        assert names in ({"old"}, {"a", "b", "c"}, None), "between two renames it is absent, and made anew"

    assert every_end(tmp_path, work, look) > 5
    work()
    assert sorted(path.name for path in root.iterdir()) == ["a", "b", "c"]
    work()
    left = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert left == ["set"], "what was left behind is tidied up"


def test_a_lock_falls_with_its_process(tmp_path: Path) -> None:
    def work() -> None:
        with held(tmp_path / "out"):
            pass

    def look(_: int) -> None:
        with held(tmp_path / "out"):
            pass

    assert every_end(tmp_path, work, look) >= 2


def test_figures(tmp_path: Path) -> None:
    path = tmp_path / "csv" / "metrics.csv"

    def work() -> None:
        logger = KeptCSVLogger(tmp_path, name="csv", version="")
        for step in range(3):
            logger.log_metrics({"a": 1.0, "bc"[step > 1]: 2.0}, step)
            logger.save()

    def look(_: int) -> None:
        if path.exists():
            lines = path.read_text().splitlines()
            assert lines[0].startswith("a,")
            assert all(line.startswith(("1.0,", "a,")) for line in lines[:-1])
            path.unlink()

    assert every_end(tmp_path, work, look) > 5


STEPS = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


@STEPS
def test_kept_records(step: int, tmp_path: Path) -> None:
    data = write_tiny_coco(tmp_path / "data", n_images=2)
    kept = tmp_path / "kept"

    def records() -> Records:
        return load_cached(data.annotations, data.images, folder=kept, smallest=0)

    want = load_annotations(data.annotations, data.images)

    def look(_: int) -> None:
        assert records().ann_ids.tolist() == want.ann_ids.tolist()
        for entry in kept.glob("*.npz"):
            entry.unlink()

    assert every_end(kept, records, look, step=step) > 1


def test_a_report(tmp_path: Path) -> None:
    page = tmp_path / "pages" / "report.html"
    write_json(tmp_path / "run" / "results.json", {"mask": {}})
    write_report([tmp_path / "run"], page)
    before = page.read_text()
    seen = []
    assert (
        every_end(page.parent, lambda: write_report([tmp_path / "run"], page), lambda _: seen.append(page.read_text()))
        >= 2
    )
    assert set(seen) == {before}
    with pytest.raises(DataError):
        write_report([tmp_path / "none"], page)
    assert page.read_text() == before


@STEPS
def test_a_checkpoint_and_the_room_of_those_that_were_not_finished(step: int, tmp_path: Path) -> None:
    path, states = tmp_path / "last.ckpt", []
    save = WholeCheckpointIO().save_checkpoint
    save({"weight": torch.zeros(3)}, path)

    def look(_: int) -> None:
        states.append(torch.load(path, weights_only=True)["weight"].tolist())
        assert len(list(tmp_path.glob(".last.ckpt.*"))) <= 1

    assert every_end(tmp_path, lambda: save({"weight": torch.ones(3)}, path), look, step=step) > 1
    assert states[0] == [0, 0, 0]
    assert states[-1] == [1, 1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]
