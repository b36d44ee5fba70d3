"""``results.json`` and the files of detections against pycocotools, through train.py and test.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

import contrastmask.training.module as training_module
from contrastmask.evaluation.command import main as evaluate_files
from tests.evaluation.cocoeval import KINDS, figures, same
from tests.tiny_run import run_test, run_train, tiny_data

FILES = {"mask": "detections.json", "box": "detections_boxes.json"}
SHOWN = ("half a pixel", "marked ignore", "reaches out", "more detections")  # in the quick tests
CASES = json.loads((Path(__file__).parents[1] / "evaluation" / "official.json").read_text())["cases"]


def equal_to_cocoeval(folder: Path, truth: Path, images: list[int] | None = None) -> dict[str, Any]:
    """Score the written files with plain ``loadRes`` and COCOeval, compare with ``results.json``, which is returned."""
    results = json.loads((folder / "results.json").read_text())
    for kind, name in FILES.items():
        detections = json.loads((folder / name).read_text())
        assert all(set(d) == {"image_id", "category_id", "score", KINDS[kind][1]} for d in detections)
        expected = figures(truth, detections, kind, images=images)
        assert same(results[kind]["all"], expected), (kind, results[kind]["all"], expected)
        assert results["truth"]["cocoeval"][kind]
    judged_again(folder, results)
    return results


def judged_again(folder: Path, results: dict[str, Any]) -> None:
    """`contrastmask evaluate RUN` finds from the files what the run found, to the last bit."""
    output = folder / "again.json"
    assert evaluate_files([str(folder), "-o", str(output)]) == 0
    again = json.loads(output.read_text())
    output.unlink()
    for part in ("mask", "box", "per_class", "images"):
        assert again[part] == results[part], part
    # what the files cannot know: detections that were not written, images that were not looked at
    lost = ("detections", "of_other_classes", "images_without_prediction")
    assert {k: v for k, v in again["truth"].items() if k not in lost} == {
        k: v for k, v in results["truth"].items() if k not in lost
    }


# ------------------------------------------------------------------------------------- kept cases, detections given


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of the cases' categories with one picture, and the checkpoint of a model of it."""
    root = tmp_path_factory.mktemp("blocks")
    (root / "images").mkdir()
    Image.fromarray(np.full((200, 200, 3), 90, dtype=np.uint8)).save(root / "images" / "a.png")
    content = CASES[0]["truth"]
    rows = [{**content["annotations"][0], "id": i, "category_id": c} for i, c in enumerate((1, 5), start=1)]
    (root / "train.json").write_text(json.dumps({**content, "annotations": rows}))
    run_train(root / "out", *settings(root, root / "train.json"), "schedule.epochs=1", "evaluate_after=false",
              "trainer.limit_val_batches=0")  # fmt: skip
    return root


def settings(root: Path, val: Path) -> tuple[str, ...]:
    return (f"data.root={root}", "data.train_annotations=train.json", "data.train_images=images",
            f"data.val_annotations={val}", "data.val_images=images", "split=all", "overlays=0")  # fmt: skip


def given(monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    """The model finds what the case says."""
    labels = {category["id"]: label for label, category in enumerate(case["truth"]["categories"])}
    boxes = np.array([d["bbox"] for d in case["detections"]], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    found = {
        "boxes": boxes,
        "scores": np.array([d["score"] for d in case["detections"]]),
        "labels": np.array([labels[d["category_id"]] for d in case["detections"]], dtype=np.int64),
        "rles": [d["segmentation"] for d in case["detections"]],
    }
    monkeypatch.setattr(training_module, "as_prediction", lambda _, target: {"image_id": target["image_id"], **found})


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["case"], marks=() if any(s in case["case"] for s in SHOWN) else pytest.mark.slow)
        for case in CASES
    ],
)
def test_kept_cases_through_test(
    case: dict[str, Any], blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    val = tmp_path / "val.json"
    val.write_text(json.dumps(case["truth"]))
    given(monkeypatch, case)
    run_test(tmp_path / "out", *settings(blocks, val), f"ckpt_path={blocks}/out/checkpoints/last.ckpt")
    results = equal_to_cocoeval(tmp_path / "out", val)
    for kind in KINDS:
        for name, value in case[kind].items():  # kept to five places
            assert results[kind]["all"][name] == (None if value is None else pytest.approx(value, abs=6e-6))


def test_a_kept_case_through_train(blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in CASES if "reaches out" in case["case"])
    val = tmp_path / "val.json"
    val.write_text(json.dumps(case["truth"]))
    given(monkeypatch, case)
    run_train(tmp_path / "out", *settings(blocks, val), "schedule.epochs=1")
    assert equal_to_cocoeval(tmp_path / "out", val)["box"]["all"]["AP"] == pytest.approx(10.0)


# ------------------------------------------------------------------------- what a model found of a file of odd rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A trained run and its settings; the validation file is then made of what it found, and of odd rows."""
    root = tmp_path_factory.mktemp("official")
    data = tiny_data(root / "data")
    run_train(root / "out", *data, "schedule.epochs=1")
    path = root / "data" / "annotations" / "val.json"
    masks, boxes = (json.loads((root / "out" / name).read_text()) for name in FILES.values())
    path.write_text(json.dumps(odd(json.loads(path.read_text()), masks, boxes)))
    return root, data


def odd(content: dict[str, Any], masks: list[dict[str, Any]], boxes: list[dict[str, Any]]) -> dict[str, Any]:
    """The file with every other detection as a true object, a little shifted, and rows that checking drops."""
    rows = content["annotations"]
    for mask, box in list(zip(masks, boxes, strict=True))[::2]:
        x, y, w, h = box["bbox"]
        about = {"image_id": mask["image_id"], "category_id": mask["category_id"], "iscrowd": 0}
        area = float(coco_mask.area(mask["segmentation"]))
        rows.append({"id": len(rows) + 1, **about, "bbox": [x + 1, y, w, h], "area": area,
                     "segmentation": mask["segmentation"]})  # fmt: skip
    about = {"image_id": rows[0]["image_id"], "category_id": rows[0]["category_id"], "iscrowd": 0}
    polygon = [[2, 2, 20, 2, 20, 20, 2, 20]]
    for bbox, more in (
        ([2, 2, 0.5, 30], {"area": 15.0}),
        ([-30, 2, 50, 18], {"area": 900.0}),
        ([500, 500, 20, 20], {"area": 400.0}),
        ([2, 2, 18, 18], {"ignore": 1}),
        ([2, 2, 18, 18], {"area": 0}),
        ([2, 2, 18, 18], {"area": -5}),
        ([30, 30, 9, 9], {"segmentation": [[30, 30, 34, 34, 38, 38]]}),
        ([5, 5, 0.25, 9], {"iscrowd": 1}),
        ([2, 2, 18, 18], {"iscrowd": 1, "segmentation": polygon}),
    ):
        row = {"id": 5000 + len(rows), **about, "bbox": bbox, "area": 324.0, "segmentation": polygon}
        rows.append({**row, **more})
    return {**content, "categories": [*content["categories"]]}


def test_figures_of_odd_rows_are_cocoevals(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    root, data = run
    checkpoint = f"ckpt_path={root}/out/checkpoints/last.ckpt"
    run_test(tmp_path / "out", *data, checkpoint, "model.roi.score=0.0", "model.roi.limit=5")
    results = equal_to_cocoeval(tmp_path / "out", root / "data" / "annotations" / "val.json")
    assert results["box"]["all"]["AP"] > 5
    assert results["mask"]["all"]["AP"] > 5
    assert results["images"] == {"evaluated": 3, "of": 3}


def test_a_part_of_the_images_is_judged_alone(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    root, data = run
    checkpoint = f"ckpt_path={root}/out/checkpoints/last.ckpt"
    run_test(tmp_path / "out", *data, checkpoint, "model.roi.score=0.0", "trainer.limit_test_batches=2")
    truth = root / "data" / "annotations" / "val.json"
    seen = [image["id"] for image in json.loads(truth.read_text())["images"]][:2]
    assert equal_to_cocoeval(tmp_path / "out", truth, images=seen)["images"] == {"evaluated": 2, "of": 3}


def test_objects_of_an_unreadable_image_are_missed(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    """As for COCOeval, which knows no files: the image is in the annotation file."""
    root, data = run
    truth = root / "data" / "annotations" / "val.json"
    name = json.loads(truth.read_text())["images"][1]["file_name"]
    images = tmp_path / "val"
    images.mkdir()
    for path in (root / "data" / "val").iterdir():
        (images / path.name).write_bytes(b"no image" if path.name == name else path.read_bytes())
    checkpoint = f"ckpt_path={root}/out/checkpoints/last.ckpt"
    with pytest.warns(UserWarning, match="skipped"):
        run_test(tmp_path / "out", *data, checkpoint, "model.roi.score=0.0", f"data.val_images={images}",
                 "data.on_bad=skip", "overlays=0")  # fmt: skip
    results = equal_to_cocoeval(tmp_path / "out", truth)
    assert results["images"] == {"evaluated": 3, "of": 3}
    assert results["truth"]["images_without_prediction"] == 1
