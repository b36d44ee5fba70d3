"""What people give in place of a COCO annotation file: told by name, with what is needed instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contrastmask.data.annotations.image_list import read_image_list
from contrastmask.errors import DataError
from contrastmask.evaluation.truth_file import read_truth
from tests.data.coco_rows import content, image, read, row

SEGMENTS = [{"id": 5, "category_id": 18, "iscrowd": 0, "bbox": [1, 2, 3, 4], "area": 9}]
VIA = {"a.png9": {"filename": "a.png", "size": 9, "regions": [], "file_attributes": {}}}
OTHERS: list[tuple[Any, str]] = [
    ([{"image_id": 1, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.5}], "a list of detections"),
    ([row(1), row(2)], "a list of annotations alone"),
    ([{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": []}]}], "Label Studio's own JSON"),
    ([{"image": "a.png", "id": 1, "label": [], "annotator": 1, "annotation_id": 1}], "Label Studio's own JSON"),
    ([{"image": "a.png", "annotations": [{"label": "dog", "coordinates": {}}]}], "CreateML"),
    (content([{"image_id": 1, "file_name": "1.png", "segments_info": SEGMENTS}]), "a panoptic file"),
    (content([{"id": 1, "image_id": 1, "caption": "a dog"}]), "it has captions"),
    ({"images": [image(1)], "annotations": [{"id": 1, "image_id": 1, "caption": "a dog"}]}, "it has captions"),
    ({"videos": [{"id": 1, "file_names": ["a/0.jpg"]}], "annotations": [], "categories": []}, "of videos"),
    ({"info": {}, "categories": {"label": {"labels": []}}, "items": []}, "Datumaro's own JSON"),
    ({"version": "5.4", "shapes": [], "imagePath": "a.png", "imageData": None}, "labelme's file of a single image"),
    ({"_via_settings": {}, "_via_img_metadata": VIA}, "a project of VIA"),
    (VIA, "a project of VIA"),
    ({"type": "FeatureCollection", "features": []}, "GeoJSON"),
]


@pytest.mark.parametrize(("data", "said"), OTHERS)
def test_other_formats_are_named(tmp_path: Path, data: Any, said: str) -> None:
    for repair in (False, True):
        with pytest.raises(DataError, match=f"no COCO annotation file: it is .*|.*{said}") as error:
            read(tmp_path, data, repair=repair)
        assert said in str(error.value)
        assert str(tmp_path / "a.json") in str(error.value)
    with pytest.raises(DataError, match=said):
        read_truth(tmp_path / "a.json")


def test_images_are_listed_whatever_their_annotations_are(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content([{"id": 1, "image_id": 1, "caption": "a dog"}])))
    assert len(read_image_list(path, tmp_path)[0]) == 2
    path.write_text(json.dumps([{"image_id": 1, "score": 1.0}]))
    with pytest.raises(DataError, match="a list of detections"):
        read_image_list(path, tmp_path)


def test_json_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"file_name": "1.png"}\n{"file_name": "2.png"}\n')
    with pytest.raises(DataError, match=r"several values one after another, as in JSON Lines.*line 2"):
        read_truth(tmp_path / "a.json")
