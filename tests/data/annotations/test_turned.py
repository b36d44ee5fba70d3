"""Boxes that CVAT lets people turn: `attributes.rotation` beside the box before the turn.

So datumaro 1.13.12, CVAT's writer, writes a Bbox(10, 20, 30, 25) that has this attribute:
{"bbox": [10.0, 20.0, 30.0, 25.0], "segmentation": [], "attributes": {"rotation": 30.0, "occluded": false}, …}
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.coco_rows import content, read, reasons, row


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
