"""Areas that no box or mask of their object can have.

So superannotate 4.6.2's export to COCO writes a box from (20, 15) to (30, 21): its area is `(x2 - x1) * y2 - y1`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.coco_rows import CROWD, H, W, content, image, read, reasons, row

LARGE = "area is larger than the object's box"
SUPERANNOTATE: dict[str, Any] = {
    "bbox": [20.0, 15.0, 10.0, 6.0], "segmentation": [[20.0, 15.0, 20.0, 21.0, 30.0, 21.0, 30.0, 15.0]], "area": 195,
}  # fmt: skip


def test_an_area_larger_than_its_box_is_told_and_measured_anew(tmp_path: Path) -> None:
    data = content([row(7, **SUPERANNOTATE), row(8, **SUPERANNOTATE | {"image_id": 2, "segmentation": None}), row(9)])
    plain, mended = read(tmp_path, data), read(tmp_path, data, repair=True)
    [line] = plain.report.lines("warning")
    assert f"2 annotations, {LARGE} (dog 2; ids 7, 8): figures by object size follow it; data.repair=true" in line
    assert plain.areas.tolist() == [195, 200, 195]
    assert mended.areas.tolist() == [60, 200, 60]
    assert mended.report.count("warning") == 0
    assert reasons(mended, "repaired") == {f"{LARGE}: measured on the mask or box": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"area": 60.4},
        {"area": 11 * 7},  # the last row and column count
        {"area": 11.9 * 7.9},  # and the box was rounded down
        {"bbox": [-40, 10, 60, 20], "area": 1200},
        {"bbox": [19.6, 14.7, 0.9, 6.2], "area": 10 * 6, "segmentation": SUPERANNOTATE["segmentation"]},
        {"bbox": [22, 17, 2, 2], "segmentation": [[10, 10, 30, 10, 10, 30]], "area": 200},
        {"bbox": [22, 17, 3, 3], "segmentation": {"size": [H, W], "counts": [20 * H, 400, 20 * H]}},
        {"bbox": [5, 5, 10, 10], "segmentation": [[-30, -30, 15, -30, 15, 15, -30, 15]], "area": 45 * 45},
        {"iscrowd": 1, "segmentation": CROWD, "bbox": [5, 0, 2, 2], "area": 200},
        {"bbox": [20, 15, "10", 6], "area": 60},
        {"area": float("inf")},
        {"area": -5},
    ],
)
def test_what_other_ways_of_measuring_give_is_no_fault(tmp_path: Path, changes: dict[str, Any]) -> None:
    data = content([row(1, **{"bbox": [20, 15, 10, 6], "segmentation": None, **changes}), row(2)])
    for repair in (False, True):
        report = read(tmp_path, data, repair=repair).report
        assert LARGE not in "\n".join(report.lines())


def test_areas_of_boxes_in_another_form_are_not_judged_until_these_are_read(tmp_path: Path) -> None:
    random, rows = np.random.default_rng(0), []
    for number in range(40):
        (x, y), (w, h) = random.uniform(100, 300, 2).tolist(), random.uniform(20, 90, 2).tolist()
        centre = [(x + w / 2) / 600, (y + h / 2) / 400, w / 600, h / 400]
        triangle = [[x, y, x + w, y, x, y + h]]
        rows.append(row(number, image_id=number, bbox=centre, segmentation=triangle, area=w * h / 2))
    images = [image(number, width=600, height=400) for number in range(40)]
    assert LARGE not in "\n".join(read(tmp_path, content(rows, images), repair=True).report.lines())


def test_boxes_that_may_be_in_percent_tell_nothing_of_areas(tmp_path: Path) -> None:
    side = np.linspace(10, 95, 30).tolist()
    rows = [row(n, image_id=n, bbox=[1, 1, s, s], segmentation=None, area=s * s * 24) for n, s in enumerate(side)]
    records = read(tmp_path, content(rows, [image(n, width=600, height=400) for n in range(30)]))
    [line] = records.report.lines("warning")
    assert "these may be percent of the image" in line
