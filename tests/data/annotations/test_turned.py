"""Boxes that CVAT and Encord let people turn: `attributes.rotation` beside the box before the turn.

So datumaro 1.13.12, CVAT's writer, writes a Bbox(10, 20, 30, 25) that has this attribute:
{"bbox": [10.0, 20.0, 30.0, 25.0], "segmentation": [], "attributes": {"rotation": 30.0, "occluded": false}, …}
Encord writes the corners of that box as `segmentation`, see ENCORD below.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.coco_rows import H, W, content, read, reasons, row


def turned(id_: int, angle: Any, **changes: Any) -> dict[str, Any]:
    return row(id_, attributes={"occluded": False, "rotation": angle}, bbox=[20, 15, 10, 6], segmentation=[], **changes)


def around(angle: float) -> list[float]:
    """The box around the four turned corners."""
    turn = math.radians(angle)
    sine, cosine = math.sin(turn), math.cos(turn)
    x, y = np.array([[cosine, -sine], [sine, cosine]]) @ [[-5, 5, 5, -5], [-3, -3, 3, 3]]
    return [25 + x.min(), 18 + y.min(), 25 + x.max(), 18 + y.max()]


@pytest.mark.parametrize("angle", [30.0, 90, 135.5, 300.0, -45.0])
def test_the_upright_box_around_a_turned_one(tmp_path: Path, angle: float) -> None:
    data = content([turned(1, angle), turned(2, 0.0, image_id=2)])
    plain, mended = read(tmp_path, data), read(tmp_path, data, repair=True)
    [line] = plain.report.lines("warning")
    assert "1 annotation, box is turned by its attributes.rotation" in line
    assert line.endswith("data.repair=true takes the upright box around it")
    assert plain.boxes.tolist() == [[20, 15, 30, 21]] * 2
    assert mended.boxes[0].tolist() == pytest.approx(around(angle), abs=1e-4)
    assert mended.boxes[1].tolist() == [20, 15, 30, 21]
    assert mended.report.count("warning") == 0


@pytest.mark.parametrize("angle", [0, 180.0, 360, "30", None, True, float("nan"), 10**400, 1.0])
def test_what_turns_nothing_is_not_told(tmp_path: Path, angle: Any) -> None:
    for repair in (False, True):
        records = read(tmp_path, content([turned(1, angle)]), repair=repair)
        assert records.boxes.tolist() == [[20, 15, 30, 21]]
        assert records.report.count("warning") == records.report.count("repaired") == 0


def test_a_mask_tells_where_its_object_is(tmp_path: Path) -> None:
    data = content([row(1, attributes={"rotation": 30.0})])
    assert read(tmp_path, data).report.count("warning") == 0
    assert read(tmp_path, data, repair=True).boxes.tolist() == [[10, 10, 30, 30]]
    made = content([row(1, attributes={"rotation": 90.0}, bbox=[10, 15, 20, 10], segmentation_predicted=True)])
    assert read(tmp_path, made, repair=True).boxes.tolist() == [[15, 10, 25, 30]]


def test_five_numbers_are_a_turned_box(tmp_path: Path) -> None:
    data = content([row(1, bbox=[25, 18, 10, 6, 30.0], segmentation=None), row(2)])
    for repair in (False, True):
        records = read(tmp_path, data, repair=repair)
        assert reasons(records, "dropped") == {"bbox is not four finite numbers": 1}
        assert "five numbers are a turned box: the upright one around it is needed" in records.report.lines()[0]


# the row that encord 0.1.211's CocoExporter writes for such a box, turned by 30 degrees
ENCORD: dict[str, Any] = {
    "area": 60.0, "bbox": [20.0, 15.0, 10.0, 6.0], "category_id": 18, "image_id": 1, "iscrowd": 0,
    "segmentation": [[20.0, 15.0, 30.0, 15.0, 30.0, 21.0, 20.0, 21.0]], "keypoints": None, "num_keypoints": None,
    "id": 0, "attributes": {"track_id": 0, "rotation": 30.0, "classifications": {}, "manual_annotation": True},
}  # fmt: skip
OUTLINED = "box is turned by its attributes.rotation, and the file has it and, as a mask, its corners before the turn"


def encord(id_: int, lower: int = 0, **changes: Any) -> dict[str, Any]:
    corners = np.array(ENCORD["segmentation"]) + np.tile([0, lower], 4)
    return {**ENCORD, "id": id_, "bbox": [20.0, 15.0 + lower, 10.0, 6.0], "segmentation": corners.tolist(), **changes}


def test_corners_before_the_turn_are_no_mask_where_a_repair_is_asked_for(tmp_path: Path) -> None:
    data = content([encord(id_, id_) for id_ in range(3)])
    plain, mended = read(tmp_path, data), read(tmp_path, data, repair=True)
    assert reasons(plain, "warning") == {OUTLINED: 3}
    assert reasons(plain, "noted") == {"without objects": 2}  # "its own box" is another fault, with another way out
    [line] = plain.report.lines("warning")
    assert line.endswith("(dog 3; ids 0, 1, 2): data.repair=true takes the upright box around it, and no mask")
    assert plain.has_mask.all()
    assert plain.boxes.tolist() == [[20, 15 + lower, 30, 21 + lower] for lower in range(3)]
    assert not mended.has_mask.any()
    assert mended.boxes[0].tolist() == pytest.approx(around(30), abs=1e-4)
    assert reasons(mended, "repaired") == {f"{OUTLINED}: the upright box around it, and no mask": 3}
    assert reasons(mended, "without_mask") == {"mask is the box before its turn": 3}
    assert mended.report.count("warning") == 0


def test_the_other_rectangles_of_such_a_file_are_told_as_such(tmp_path: Path) -> None:
    rows = [encord(0), *(encord(n, n, attributes={"rotation": 0.0}) for n in (1, 2, 3)), encord(4, image_id=2)]
    rectangles = "mask is its own box"
    plain, boxes = read(tmp_path, content(rows)), read(tmp_path, content(rows), rectangles="box")
    assert reasons(plain, "warning")[f"{rectangles}, many or all of a class"] == 3
    assert reasons(plain, "warning")[OUTLINED] == 2
    assert reasons(boxes, "without_mask") == {rectangles: 5}
    assert reasons(boxes, "warning")[OUTLINED] == 2
    both = read(tmp_path, content(rows), rectangles="box", repair=True)
    assert reasons(both, "without_mask") == {"mask is the box before its turn": 2, rectangles: 3}


@pytest.mark.parametrize("order", [[2, 3, 0, 1], [0, 3, 2, 1], [1, 0, 3, 2]])
@pytest.mark.parametrize("off", [0.0, 0.05])
def test_corners_in_any_order_and_rounded(tmp_path: Path, order: list[int], off: float) -> None:
    points = np.array(ENCORD["segmentation"][0]).reshape(4, 2)[order] + off
    records = read(tmp_path, content([encord(1, segmentation=[points.ravel().tolist()])]))
    assert reasons(records, "warning") == {OUTLINED: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"segmentation": [[20, 15, 30, 15, 30, 21, 20, 20]]},
        {"segmentation": [[20, 15, 30, 15, 30, 21, 25, 21, 20, 21]]},
        {"segmentation": [[20, 15, 30, 21, 30, 15, 20, 21]]},  # the corners, but no rectangle
        {"segmentation": [[20, 15, 30, 15, 30, 21]]},
        {"segmentation": [[20, 15, 30, 15, 30, 21, 20, 21], [21, 16, 22, 16, 22, 17]]},
        {"segmentation": [[22.3, 11.9, 31.0, 16.9, 28.0, 22.1, 19.3, 17.1]], "bbox": [19.3, 11.9, 11.7, 10.2]},
        {"segmentation": {"size": [H, W], "counts": [20 * H + 15, *[6, H - 6] * 9, 6, 20 * H + 19]}},
        {"attributes": {"rotation": 180.0}},
        {"attributes": {"rotation": None}},
        {"attributes": {"angle": 30.0}},
    ],
)
def test_whatever_else_stands_beside_an_angle_is_a_mask(tmp_path: Path, changes: dict[str, Any]) -> None:
    data = content([encord(1, **changes)])
    for repair in (False, True):
        records = read(tmp_path, data, repair=repair)
        assert records.has_mask.all()
        assert records.report.count("warning") == records.report.count("repaired") == 0


def test_a_predicted_mask_stays_one(tmp_path: Path) -> None:
    data = content([encord(1, segmentation_predicted=True)])
    records = read(tmp_path, data, repair=True, predicted_masks="use")
    assert records.has_mask.all()
    assert records.boxes[0].tolist() == pytest.approx(around(30), abs=1e-4)
