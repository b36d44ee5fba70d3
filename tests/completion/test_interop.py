"""What other programs read in a completed file: pycocotools, datumaro (CVAT's reader) and supervision."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from tests.completion.filled_boxes import run
from tests.data.coco_rows import TRIANGLE, content, row

FORMS = ("rle", "polygons")
PIXELS = {2: 29 * 29, 3: 19 * 29}  # of the new masks, by annotation id


def completed(folder: Path, form: str) -> tuple[Path, dict[str, Any]]:
    """A file with a drawn triangle and two new masks, and its content."""
    rows = [
        row(1),
        row(2, segmentation=None, bbox=[5, 5, 30, 30]),
        row(3, segmentation=None, bbox=[2, 2, 20, 30], image_id=2, category_id=90, attributes={"occluded": True}),
    ]
    summary, after = run(folder, content(rows), form=form)
    assert summary["completed"] == 2
    return folder / "out.json", after


@pytest.mark.parametrize("form", FORMS)
def test_pycocotools(tmp_path: Path, form: str) -> None:
    path, _ = completed(tmp_path, form)
    coco = COCO(str(path))
    assert {id_: int(coco.annToMask(coco.anns[id_]).sum()) for id_ in PIXELS} == PIXELS
    assert {id_: coco.anns[id_]["area"] for id_ in PIXELS} == PIXELS
    assert coco.anns[1]["segmentation"] == TRIANGLE


@pytest.mark.parametrize("form", FORMS)
def test_datumaro(tmp_path: Path, form: str) -> None:
    datumaro = pytest.importorskip("datumaro", reason="datumaro is not installed: pip install 'contrastmask[interop]'")
    path, after = completed(tmp_path, form)
    (tmp_path / "set" / "annotations").mkdir(parents=True)
    (tmp_path / "set" / "images" / "x").mkdir(parents=True)
    shutil.copy(path, tmp_path / "set" / "annotations" / "instances_x.json")
    for picture in after["images"]:
        shutil.copy(tmp_path / picture["file_name"], tmp_path / "set" / "images" / "x")
    data = datumaro.Dataset.import_from(str(tmp_path / "set"), "coco_instances")
    kind = {"rle": datumaro.RleMask, "polygons": datumaro.Polygon}[form]
    masks = {mask.id: mask for item in data for mask in item.annotations if isinstance(mask, kind) and mask.id != 1}
    assert {id_: int(mask.get_area()) for id_, mask in masks.items()} == PIXELS
    for mask in masks.values():
        assert mask.attributes["segmentation_predicted"] is True
        assert mask.attributes["segmentation_confidence"] == pytest.approx(0.9)
    assert masks[3].attributes["occluded"] is True
    # and back: what CVAT exports still tells which masks a model made
    data.export(str(tmp_path / "again"), "coco_instances")
    (exported,) = (tmp_path / "again" / "annotations").glob("*.json")
    rows = [r for r in COCO(str(exported)).anns.values() if r.get("segmentation")]
    assert sum(bool(r.get("attributes", {}).get("segmentation_predicted")) for r in rows) == 2


@pytest.mark.parametrize("form", FORMS)
def test_supervision(tmp_path: Path, form: str) -> None:
    supervision = pytest.importorskip(
        "supervision", reason="supervision is not installed: pip install 'contrastmask[interop]'"
    )
    path, _ = completed(tmp_path, form)
    data = supervision.DetectionDataset.from_coco(str(tmp_path), str(path), force_masks=True)
    boxes = {
        tuple(box): mask for _, _, found in data for box, mask in zip(found.xyxy.tolist(), found.mask, strict=True)
    }
    for id_, box in {2: (5.0, 5.0, 35.0, 35.0), 3: (2.0, 2.0, 22.0, 32.0)}.items():
        left, top, right, bottom = map(int, box)
        assert boxes[box].any()
        inside = boxes[box][top + 1 : bottom, left + 1 : right]
        assert inside.all()
        assert int(inside.sum()) == PIXELS[id_]
        # its polygons hold the pixels on their right and lower edges, too; run lengths are exact
        grown = int(boxes[box].sum()) - PIXELS[id_]
        assert grown == (0 if form == "rle" else sum(np.shape(inside)) + 1)
