"""Run lengths as polygons, and one process at a time."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.lock import held
from tests.completion.filled_boxes import run
from tests.data.coco_rows import CROWD, TRIANGLE, H, W, content, row


def ring() -> np.ndarray:
    mask = np.zeros((H, W), dtype=np.uint8, order="F")
    mask[5:30, 8:33] = 1
    mask[10:20, 12:20] = 0
    mask[33:36, 40:] = 1
    return mask


def test_every_run_length_becomes_polygons_of_the_same_pixels(tmp_path: Path) -> None:
    encoded = coco_mask.encode(ring())
    runs = np.flatnonzero(np.diff(np.concatenate([[0], ring().ravel("F"), [2]])))
    plain = np.diff(np.concatenate([[0], runs])).tolist()
    rows = [
        row(1, segmentation={**encoded, "counts": encoded["counts"].decode()}, bbox=[8, 5, 42, 31], area=7.5),
        row(2, segmentation={"size": [H, W], "counts": plain}, bbox=[8, 5, 42, 31], category_id=90),
        row(3, segmentation=None),
        row(4, segmentation=CROWD, iscrowd=1, bbox=[5, 0, 5, 40]),
        row(5, segmentation={"size": [H, W], "counts": "zzz"}),
        row(6, segmentation=TRIANGLE, image_id=2),
    ]
    summary, after = run(tmp_path, content(rows), form="polygons")
    assert [r["segmentation"] for r in after["annotations"][:2]] == [r["segmentation"] for r in rows[:2]]
    assert summary["run_lengths"] == {"converted": 0, "left": {"form_all=false": 3, "crowd region": 1}}
    summary, after = run(tmp_path, content(rows), form="polygons", form_all=True, classes=["dog"])
    assert summary["run_lengths"] == {"converted": 2, "left": {"crowd region": 1, "unreadable": 1}}
    for new in after["annotations"][:2]:
        assert isinstance(new["segmentation"], list)
        again = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(new["segmentation"], H, W)))
        np.testing.assert_array_equal(again, ring())
        assert "segmentation_predicted" not in new
    assert [{**new, "segmentation": 0} for new in after["annotations"][:2]] == [
        {**r, "segmentation": 0} for r in rows[:2]
    ]
    assert [after["annotations"][i] for i in (3, 4, 5)] == rows[3:]


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    files = tmp_path / "in.json", tmp_path, tmp_path / "out.json"
    with pytest.raises(ConfigError, match="it needs form=polygons"):
        CompletionOptions(*files, form_all=True)
    for changes in ({"form": "bitmap"}, {"unreadable": "drop"}, {"crowd": "none"}):
        with pytest.raises(ConfigError, match=next(iter(changes))):
            CompletionOptions(*files, **changes)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"data\.truth names; choose another name"):
        CompletionOptions(*files, truth=tmp_path / "out.summary.json", overwrite=True)
    with pytest.raises(ConfigError, match=r"would write .*out\.summary\.json, the input itself"):
        CompletionOptions(tmp_path / "out.summary.json", tmp_path, tmp_path / "out.json")


def holds(path: Path, ready: multiprocessing.Event, done: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    with held(path):
        ready.set()
        done.wait(60)


def test_the_later_of_two_is_told_who_writes_the_output(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    ready, done = fork.Event(), fork.Event()
    process = fork.Process(target=holds, args=(tmp_path / "out.json", ready, done))
    process.start()
    assert ready.wait(60)
    rows = content([row(1), row(2, segmentation=None)])
    with pytest.raises(
        DataError, match=rf"out\.json is being written by process {process.pid} on .*, started .*; wait"
    ):
        run(tmp_path, rows)
    process.kill()
    process.join()
    assert (tmp_path / ".out.json.lock").exists()  # of the killed one; it holds nothing
    summary, _ = run(tmp_path, rows)
    assert summary["completed"] == 1
    assert not (tmp_path / ".out.json.lock").exists()
