"""Masks for annotations without: everything else untouched, killed runs continued, figures reported."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from rich.console import Console

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.sieve import FIGURES
from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.files.journal import Journal
from contrastmask.model.confidence import mask_confidence

ROOT = Path(__file__).parents[2]
NEW = {"segmentation", "area", "segmentation_predicted", "segmentation_confidence", "attributes"}


@pytest.fixture
def data(model: Path, tmp_path: Path) -> Path:
    """A file in which the even annotations have no mask, with fields and rows that nobody here knows."""
    content = json.loads((model.parents[2] / "data" / "annotations" / "train.json").read_text())
    for row in content["annotations"]:
        if row["id"] % 2 == 0 and not row.get("iscrowd"):
            row.pop("segmentation")
            row["note"] = {"by": "hand", "at": [1, 2.5]}
    content["annotations"][0]["segmentation"] = None
    content["info"] = {"year": 2026}
    content["annotations"].reverse()
    (tmp_path / "in.json").write_text(json.dumps(content))
    return tmp_path / "in.json"


def options(data: Path, model: Path, **changes: object) -> CompletionOptions:
    images = model.parents[2] / "data" / "train"
    return CompletionOptions(data, images, data.with_name("out.json"), **changes)  # type: ignore[arg-type]


def predictor(model: Path) -> Predictor:
    return Predictor(model, device="cpu")


def without_mask(content: dict) -> list[dict]:
    return [a for a in content["annotations"] if not a.get("segmentation") and not a.get("iscrowd")]


def test_only_what_was_missing_is_added(model: Path, data: Path) -> None:
    before = json.loads(data.read_text())
    truth = model.parents[2] / "data" / "annotations" / "train.json"
    summary = complete(options(data, model, truth=truth), predictor(model))
    after = json.loads((data.with_name("out.json")).read_text())
    missing = {a["id"] for a in without_mask(before)}
    left = {i for ids in summary["left"].values() for i in ids}
    assert len(missing) > 3
    assert {a["id"] for a in after["annotations"] if a.get("segmentation_predicted")} == missing - left
    assert {k: v for k, v in before.items() if k != "annotations"} == {
        k: v for k, v in after.items() if k != "annotations"
    }
    for old, new in zip(before["annotations"], after["annotations"], strict=True):
        if new["id"] in missing - left:
            assert {k: v for k, v in old.items() if k not in NEW} == {k: v for k, v in new.items() if k not in NEW}
            assert new["segmentation_predicted"] is True
            assert 0 < new["segmentation_confidence"] <= 1
            mask = coco_mask.decode(new["segmentation"])
            assert new["area"] == mask.sum()
            marks = {k: new[k] for k in ("segmentation_predicted", "segmentation_confidence")}
            assert {**new["attributes"], **marks} == new["attributes"]
            assert new["attributes"].keys() == {*marks, *FIGURES}
            ys, xs = np.nonzero(mask)
            x, y, w, h = new["bbox"]
            # half a cell of the 28x28 grid may be drawn beyond the box
            assert x - w / 28 - 1 <= xs.min() <= xs.max() <= x + w * 29 / 28 + 1
            assert y - h / 28 - 1 <= ys.min() <= ys.max() <= y + h * 29 / 28 + 1
        else:
            assert old == new
    assert summary == json.loads(data.with_name("out.summary.json").read_text())
    assert summary["completed"] == len(missing - left)
    assert sum(row["without_mask"] for row in summary["per_class"].values()) == len(missing)
    judged = [a for a in before["annotations"] if a.get("segmentation") and not a.get("iscrowd")]
    assert summary["check"]["all"]["objects"] == len(judged)
    assert summary["truth"]["all"]["objects"] == len(missing - left)
    assert 0 <= summary["truth"]["all"]["IoU"] <= 100 < 101 * summary["truth"]["all"]["filled_box_IoU"]
    assert sorted(p.name for p in data.parent.iterdir()) == ["in.json", "out.json", "out.summary.json"]


def test_polygons_are_the_same_masks(model: Path, data: Path) -> None:
    complete(options(data, model), predictor(model))
    rles = json.loads(data.with_name("out.json").read_text())
    complete(options(data, model, form="polygons", overwrite=True), predictor(model))
    polygons = json.loads(data.with_name("out.json").read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in rles["images"]}
    compared = 0
    for a, b in zip(rles["annotations"], polygons["annotations"], strict=True):
        if a.get("segmentation_predicted"):
            drawn = coco_mask.merge(coco_mask.frPyObjects(b["segmentation"], *sizes[b["image_id"]]))
            np.testing.assert_array_equal(coco_mask.decode(drawn), coco_mask.decode(a["segmentation"]))
            compared += 1
    assert compared > 3


def test_classes_and_confidence_choose(model: Path, data: Path) -> None:
    before = json.loads(data.read_text())
    names = {c["id"]: c["name"] for c in before["categories"]}
    chosen = names[without_mask(before)[0]["category_id"]]
    summary = complete(options(data, model, classes=[chosen], min_confidence=1.0), predictor(model))
    assert summary["completed"] == 0
    of_class = {a["id"] for a in without_mask(before) if names[a["category_id"]] == chosen}
    assert {i for ids in summary["left"].values() for i in ids} == of_class
    assert json.loads(data.with_name("out.json").read_text()) == before
    assert set(summary["check"]) <= {chosen, "all"}


def test_an_interrupted_run_goes_on_and_writes_the_same_file(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(options(data, model), predictor(model))
    whole = data.with_name("out.json").read_bytes()
    data.with_name("out.json").unlink()
    add, added = Journal.add, []

    def stop_at_the_third(self: Journal, number: int, piece: object) -> None:
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(number)
        add(self, number, piece)

    monkeypatch.setattr(Journal, "add", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        complete(options(data, model), predictor(model))
    assert not data.with_name("out.json").exists()
    with pytest.raises(DataError, match="batch_size was 1, is 2"):
        complete(options(data, model, batch_size=2), predictor(model))
    monkeypatch.setattr(Journal, "add", add)
    again: list[int] = []
    monkeypatch.setattr(Journal, "add", lambda self, n, piece: (again.append(n), add(self, n, piece))[1])
    complete(options(data, model), predictor(model))
    assert data.with_name("out.json").read_bytes() == whole
    assert not set(added) & set(again)


def test_a_run_killed_after_its_last_write_is_finished(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Journal.close

    def killed(self: Journal, *, remove: bool = False) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "close", killed)
    with pytest.raises(KeyboardInterrupt):
        complete(options(data, model), predictor(model))
    whole = data.with_name("out.json").read_bytes()
    monkeypatch.setattr(Journal, "close", close)
    with pytest.raises(DataError, match="overwrite was False, is True"):
        complete(options(data, model, overwrite=True), predictor(model))
    complete(options(data, model), predictor(model))
    assert data.with_name("out.json").read_bytes() == whole
    assert sorted(p.name for p in data.parent.iterdir()) == ["in.json", "out.json", "out.summary.json"]


def test_a_full_disk_is_named_and_the_work_goes_on_once_there_is_room(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data.with_name("out.json")
    complete(options(data, model), predictor(model))
    whole = out.read_bytes()
    out.unlink()
    written, fsync = [], os.fsync

    def fills_up(file: int) -> None:
        written.append(file)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", fills_up)
    with pytest.raises(DataError, match=r"No space left on device.* start again"):
        complete(options(data, model), predictor(model))
    assert not out.exists()
    complete(options(data, model), predictor(model))
    assert out.read_bytes() == whole
    assert not data.with_name(".out.json.journal").exists()


def test_unreadable_images_and_unusable_records_are_listed(model: Path, data: Path) -> None:
    content = json.loads(data.read_text())
    bad = without_mask(content)[0]
    bad["bbox"] = [0, 0, 0.2, 0.2]
    other = next(a for a in without_mask(content) if a["image_id"] != bad["image_id"])
    image = next(i for i in content["images"] if i["id"] == other["image_id"])
    image["file_name"] = "gone.png"
    data.write_text(json.dumps(content))
    said = Console(file=StringIO(), width=400)
    summary = complete(options(data, model), predictor(model), said)
    (skipped,) = [line for line in said.file.getvalue().splitlines() if "skipped" in line]
    assert skipped.startswith("warning: skipped: ")
    assert "gone.png: the image file does not exist" in skipped
    assert summary["unreadable"] == ["gone.png"]
    assert other["id"] in summary["left"]["image cannot be read"]
    (unusable,) = [ids for reason, ids in summary["left"].items() if reason.startswith("unusable")]
    assert unusable == [bad["id"]]
    (rows,) = [rows for reason, rows in summary["left_rows"].items() if reason.startswith("unusable")]
    assert content["annotations"][rows[0]] == bad


def test_errors_name_the_way_out(model: Path, data: Path) -> None:
    data.with_name("out.json").write_text("precious")
    with pytest.raises(ConfigError, match="overwrite=true"):
        options(data, model)
    assert data.with_name("out.json").read_text() == "precious"
    data.with_name("out.json").unlink()
    with pytest.raises(ConfigError, match="input itself"):
        CompletionOptions(data, data.parent, data, overwrite=True)
    with pytest.raises(ConfigError, match="batch_size must be at least 1"):
        options(data, model, batch_size=0)
    with pytest.raises(ConfigError, match="unicorn unknown"):
        complete(options(data, model, classes=["unicorn"]), predictor(model))
    content = json.loads(data.read_text())
    for category in content["categories"]:
        category["name"] += " two"
    data.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"does not know .* two"):
        complete(options(data, model), predictor(model))


def test_confidence_is_the_expected_overlap() -> None:
    probs = torch.zeros(4, 28, 28)
    probs[0, :14] = 1.0  # certain
    probs[1, :14] = 0.75  # 0.75 of the cells expected inside
    probs[2, :14], probs[2, 14:] = 1.0, 0.25  # a quarter as many expected outside
    np.testing.assert_allclose(mask_confidence(probs), [1.0, 0.75, 0.8, 0.0], atol=1e-6)


@pytest.mark.slow
def test_killed_at_three_moments(model: Path, data: Path) -> None:
    """`predict.py task=complete`, ended by signal 9 while it works; the file is that of an undisturbed run."""
    images = model.parents[2] / "data" / "train"
    command = [sys.executable, str(ROOT / "predict.py"), "task=complete", f"ckpt_path={model}", "num_workers=0",
               f"data.annotations={data}", f"data.images={images}", f"output={data.with_name('out.json')}"]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, cwd=data.parent)
    whole = data.with_name("out.json").read_bytes()
    data.with_name("out.json").unlink()
    journal = data.with_name(".out.json.journal")
    killed = 0
    for lines in (1, 2, 4):
        process = subprocess.Popen(command, env=environment, cwd=data.parent)
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed == 3
    subprocess.run(command, check=True, env=environment, cwd=data.parent)
    assert data.with_name("out.json").read_bytes() == whole
    assert not journal.exists()


def test_images_have_the_size_of_their_new_masks(model: Path, data: Path) -> None:
    """Width and height exchanged in the file, which a repair takes from the pictures."""
    content = json.loads(data.read_text())
    sizes = {row["id"]: (row["height"], row["width"]) for row in content["images"]}
    for row in content["images"]:
        row["height"], row["width"] = row["width"], row["height"]
    data.write_text(json.dumps(content))
    asked = options(data, model, repair=True)
    summary = complete(asked, predictor(model))
    found = json.loads(asked.output.read_text())
    new = {row["image_id"]: row["segmentation"]["size"] for row in found["annotations"] if PREDICTED in row}
    assert new
    assert new == {number: list(sizes[number]) for number in new}
    for row, before in zip(found["images"], content["images"], strict=True):
        expected = sizes[row["id"]] if row["id"] in new else (before["height"], before["width"])
        assert (row["height"], row["width"]) == expected
    assert summary["image_sizes"] == len(new)


def test_images_of_the_right_size_stay_as_they_are(model: Path, data: Path) -> None:
    asked = options(data, model)
    assert complete(asked, predictor(model))["image_sizes"] == 0
    assert json.loads(asked.output.read_text())["images"] == json.loads(data.read_text())["images"]
