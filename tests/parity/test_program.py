"""The whole program: the released checkpoint's layout and an image file in, ``test.py``, ``detections.json`` out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask.checkpoints.mmdetection import to_mmdetection
from contrastmask.data.splits import VOC_CLASSES
from tests.parity.golden import detector, load
from tests.parity.ledger import Ledger
from tests.parity.test_inference import compare_detections
from tests.recipe_train import NOVEL
from tests.recipes import make_image
from tests.tiny_run import run_test

pytestmark = [pytest.mark.parity, pytest.mark.slow]
SIZE = (200, 304)


def class_names() -> list[str]:
    """80 names, VOC's where COCO has them."""
    names = [f"class {i}" for i in range(80)]
    for label, name in zip(NOVEL, VOC_CLASSES, strict=True):
        names[label] = name
    return names


def write_data(root: Path) -> None:
    """One golden image as a file, with category ids that have holes, and one object."""
    (root / "annotations").mkdir(parents=True)
    (root / "val").mkdir()
    Image.fromarray(make_image(1001, *SIZE)[:, :, ::-1].copy()).save(root / "val" / "1.png")
    square = [[20.0, 20.0, 120.0, 20.0, 120.0, 90.0, 20.0, 90.0]]
    row = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [20.0, 20.0, 100.0, 70.0], "area": 7000.0, "iscrowd": 0}
    content = {
        "images": [{"id": 7, "file_name": "1.png", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [{**row, "segmentation": square}],
        "categories": [{"id": 1 + i + i // 9, "name": name} for i, name in enumerate(class_names())],
    }
    (root / "annotations" / "val.json").write_text(json.dumps(content))


def test_the_released_layout_is_evaluated_as_it_is(tmp_path: Path, ledger: Ledger) -> None:
    write_data(tmp_path / "data")
    meta = {"CLASSES": tuple(class_names()), "epoch": 12, "config": "model = dict()"}
    torch.save({"meta": meta, "state_dict": to_mmdetection(detector("r50").state_dict())}, tmp_path / "released.pth")
    run_test(
        tmp_path / "out",
        "backbone=x101",  # of no effect
        f"ckpt_path={tmp_path}/released.pth",
        f"data.root={tmp_path}/data",
        "data.val_annotations=annotations/val.json",
        "data.val_images=val",
        f"data.test_short_side={SIZE[0]}",
        "data.long_side=1333",
        "overlays=0",
    )
    masks, boxes = (
        json.loads((tmp_path / "out" / name).read_text()) for name in ("detections.json", "detections_boxes.json")
    )
    found, golden = [{**mask, **box} for mask, box in zip(masks, boxes, strict=True)], load("infer_r50_0")
    found.sort(key=lambda d: -d["score"])
    labels = {1 + i + i // 9: i for i in range(80)}
    boxes = np.array([d["bbox"] for d in found])
    boxes[:, 2:] += boxes[:, :2]
    what = "test.py, r50 image 0"
    assert {d["image_id"] for d in found} == {7}
    ours = {
        "boxes": torch.tensor(boxes),
        "scores": torch.tensor([d["score"] for d in found]),
        "labels": torch.tensor([labels[d["category_id"]] for d in found]),
    }
    places, rows = compare_detections(ledger, f"{what}, detections.json", ours, golden, 100)
    theirs = [{"size": list(SIZE), "counts": str(counts)} for counts in golden["rle_counts"][rows]]
    ours = [found[place]["segmentation"] for place in places]
    iou = [coco_mask.iou([a], [b], [0])[0, 0] for a, b in zip(ours, theirs, strict=True)]
    ledger.close(f"{what}, IoU of masks, mean", np.mean(iou), 1.0, atol=1e-3)
    ledger.close(f"{what}, IoU of masks, least", np.min(iou), 1.0, atol=1e-2)
