"""Each tool reads what was written for it, and every pixel, id and confidence is compared: docs/handover.md's table.

The tools are `pip install 'contrastmask[interop]'`; FiftyOne is not among them, as it needs a database server.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contrastmask.handover.export import export
from contrastmask.handover.options import ExportOptions, YoloOptions
from tests.handover.scene import BOX, CROWD, EDGE, OVER, PARTS, RING, TWO, H, Scene, W, drawn, write_scene

OBJECTS = set(range(11, 20)) - {BOX, CROWD}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return write_scene(tmp_path)


def hand_over(scene: Scene, to: str, **options: Any) -> Path:
    output = scene.annotations.parent / "out"
    export(ExportOptions(scene.annotations, scene.images, output, to, **options))
    return output


def tool(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install 'contrastmask[interop]'")


@pytest.mark.parametrize("form", ["masks", "polygons"])
def test_label_studio(scene: Scene, form: str) -> None:
    tool("label_studio_sdk")
    from label_studio_sdk.converter.brush import decode_rle, mask2rle
    from label_studio_sdk.label_interface import LabelInterface

    output = hand_over(scene, "labelstudio", form=form)
    interface = LabelInterface((output / "label_config.xml").read_text())
    interface.validate()
    seen = set()
    for task in json.loads((output / "tasks.json").read_text()):
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction, return_errors=True) == []
            for region in prediction["result"]:
                if region["type"] == "brushlabels":
                    mask = scene.masks[int(region["id"])]
                    pixels = decode_rle(region["value"]["rle"]).reshape(*mask.shape, 4)
                    np.testing.assert_array_equal(pixels[..., 3] > 0, mask)
                    theirs = mask2rle(mask.astype(np.uint8) * 255)
                    assert theirs[: len(region["value"]["rle"])] == region["value"]["rle"]
                    seen.add(int(region["id"]))
    assert seen == (OBJECTS if form == "masks" else set())


def test_label_studios_own_coco_export_is_no_way_back(scene: Scene, tmp_path: Path) -> None:
    """Why the page sends people to its JSON: contours run through the pixels' middles, parts and holes are gone."""
    tool("label_studio_sdk")
    from label_studio_sdk.converter import Converter

    output = hand_over(scene, "labelstudio")
    tasks = json.loads((output / "tasks.json").read_text())
    done = [
        {
            "id": n,
            "data": t["data"],
            "annotations": [{"id": n, "completed_by": 1, "result": t["predictions"][0]["result"]}],
        }
        for n, t in enumerate(tasks)
    ]
    (tmp_path / "done.json").write_text(json.dumps(done))
    converter = Converter((output / "label_config.xml").read_text(), str(tmp_path), download_resources=False)
    converter.convert(str(tmp_path / "done.json"), str(tmp_path / "coco"), "BRUSH_TO_COCO", is_dir=False)
    rows = json.loads((tmp_path / "coco" / "result_coco.json").read_text())["annotations"]
    masks = [drawn(row["segmentation"]) for row in rows if row["segmentation"]]
    assert sum((mask == scene.masks[EDGE]).all() for mask in masks) == 0
    filled = max(masks, key=lambda mask: (mask & scene.masks[RING]).sum())
    assert not (filled == scene.masks[RING]).all()
    assert len(rows) > len(OBJECTS) + 1  # parts are objects


@pytest.mark.parametrize("form", ["masks", "polygons"])
def test_datumaro_which_is_cvats_reader(scene: Scene, form: str, tmp_path: Path) -> None:
    datumaro = tool("datumaro")
    output = hand_over(scene, "cvat", form=form)
    shutil.copytree(output / "annotations", tmp_path / "set" / "annotations")
    shutil.copytree(scene.images, tmp_path / "set" / "images" / "default")
    data = datumaro.Dataset.import_from(str(tmp_path / "set"), "coco_instances")
    kind = datumaro.AnnotationType
    found: dict[int, np.ndarray] = {}
    boxes = {}
    for item in data:
        for a in item.annotations:
            if a.type == kind.mask:
                found[a.id] = np.asarray(a.image).astype(bool)
            elif a.type == kind.polygon:
                found[a.id] = found.get(a.id, False) | drawn([a.points])
            elif a.type == kind.bbox:
                boxes[a.id] = a.get_bbox()
            assert a.attributes["annotation_id"] == str(a.id)
            assert a.attributes["is_crowd"] == (a.id == CROWD)
            if a.id in (RING, TWO):
                assert (a.attributes["segmentation_confidence"], a.attributes["colour"]) == (
                    str(0.5 + 0.1 * (a.id == RING)),
                    "red",
                )
                assert a.attributes["occluded"] is (a.id == TWO)
    assert set(found) == OBJECTS | {CROWD}
    for id_, mask in found.items():
        np.testing.assert_array_equal(mask, scene.masks[id_])
    assert boxes[BOX] == pytest.approx([8, 9, 20, 11])
    assert boxes[RING] == pytest.approx([24.4, 9.3, 30.2, 28.9], abs=1e-4)


def test_ultralytics(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    tool("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, polygon2mask

    output = hand_over(scene, "yolo", yolo=YoloOptions(parts="joined"))
    data = check_det_dataset(str(output / "data.yaml"), autodownload=False)
    assert data["names"] == {0: "kite", 1: "dog & cat", 2: 'a "b" <c>'}
    logging.getLogger("ultralytics").setLevel(logging.ERROR)
    labels = YOLODataset(img_path=data["train"], data=data, task="segment", augment=False, imgsz=64).labels
    assert {Path(label["im_file"]).name for label in labels} == {"a+b #1.png", "ä.png"}
    exact, least = 0, {}
    for label in labels:
        for segment in label["segments"]:
            place = (segment * [W, H]).astype(float)
            mask = drawn([place.ravel().tolist()])
            (id_,) = [i for i, m in scene.masks.items() if (m == mask).all()] or [None]
            exact += id_ is not None
            # its own drawing has the pixels on the right and lower edges, too
            filled = polygon2mask((H, W), [place.ravel()]) > 0
            least[id_] = (filled & mask).sum() / mask.sum()
    assert exact == len(OBJECTS)
    assert min(least.values()) == 1.0


def test_supervision(scene: Scene) -> None:
    supervision = tool("supervision")
    output = hand_over(scene, "cvat")
    path = output / "annotations" / "instances_default.json"
    data = supervision.DetectionDataset.from_coco(str(scene.images), str(path), force_masks=True)
    masks = [mask for _, _, found in data for mask in found.mask if mask.any()]
    assert len(masks) == len(scene.masks)
    assert all(any((mask == m).all() for m in scene.masks.values()) for mask in masks)


def test_sahi_takes_polygons_alone(scene: Scene) -> None:
    tool("sahi")
    from sahi.utils.coco import Coco

    for form, kept in (("masks", 0), ("polygons", len(OBJECTS))):
        output = hand_over(scene, "cvat", form=form, overwrite=True)
        read = Coco.from_coco_dict_or_path(str(output / "annotations" / "instances_default.json")).json["annotations"]
        masks = [drawn(row["segmentation"]) for row in read if row["segmentation"]]
        assert len(masks) == kept
        # it cuts the fractions of corners off and fills holes: those that have neither are exact
        exact = {i for mask in masks for i, m in scene.masks.items() if (mask == m).all()}
        assert exact == ({OVER, TWO, EDGE} if kept else set())


_PYLABEL = """
import sys
from pylabel import importer
importer.ImportCoco(sys.argv[1], path_to_images=sys.argv[2]).export.ExportToCoco(output_path=sys.argv[3])
"""


def test_pylabel_takes_polygons_alone(scene: Scene, tmp_path: Path) -> None:
    if find_spec("pylabel") is None:
        pytest.skip("pylabel is not installed: pip install 'contrastmask[interop]'")
    for form, kept in (("masks", 0), ("polygons", len(OBJECTS))):
        output = hand_over(scene, "cvat", form=form, overwrite=True)
        places = (output / "annotations" / "instances_default.json", scene.images, tmp_path / f"{form}.json")
        subprocess.run([sys.executable, "-c", _PYLABEL, *map(str, places)], check=True, capture_output=True)
        rows = json.loads(places[-1].read_text())["annotations"]
        masks = [drawn(row["segmentation"]) for row in rows if row.get("segmentation")]
        assert len(masks) == kept
        assert all(any((mask == m).all() for m in scene.masks.values()) for mask in masks)


def test_fiftyone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    fiftyone = pytest.importorskip("fiftyone", reason="fiftyone is not installed, which needs a database server")
    from fiftyone.core.config import FiftyOneConfigError

    output = hand_over(scene, "fiftyone")
    try:
        data = fiftyone.Dataset.from_dir(
            data_path=str(scene.images), labels_path=str(output / "labels.json"), include_annotation_id=True,
            dataset_type=fiftyone.types.COCODetectionDataset, progress=False,
        )  # fmt: skip
    except FiftyOneConfigError as error:
        pytest.skip(f"FiftyOne's database server does not start: {error}")
    try:
        boxes, found = (
            {label["coco_id"]: label for sample in data for label in sample[field].detections}
            for field in ("detections", "segmentations")
        )
        assert (set(boxes), set(found)) == (OBJECTS | {CROWD, BOX}, OBJECTS | {CROWD})
        for id_, mask in scene.masks.items():
            np.testing.assert_array_equal(found[id_].to_segmentation(frame_size=(W, H)).mask > 0, mask)
        assert (found[RING].confidence, found[TWO].confidence, found[PARTS].confidence) == (0.6, 0.5, None)
        assert found[RING]["segmentation_predicted"] is True
    finally:
        data.delete()
