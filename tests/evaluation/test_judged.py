"""What a reading mends and a detector's figures, which take the file as it lies there, do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contrastmask.data.reading import Reading
from contrastmask.data.report import Report
from contrastmask.evaluation.judged import judged_as
from tests.data.coco_rows import H, W, content, image, read, row

BOX = "box is another as mended: the file's own counts in a detector's figures, which take the file as it lies there"
RING = [[10, 10, 30, 10, 30, 30, 10, 30], [15, 15, 25, 15, 25, 25, 15, 25]]


def judged(folder: Path, rows: list[dict[str, Any]], **rules: Any) -> tuple[Any, Report]:
    images = [image(number) for number in (1, 2, 3)]
    return judged_as(read(folder, content(rows, images), **rules), Reading(**rules))


def told(folder: Path, rows: list[dict[str, Any]], **rules: Any) -> list[str]:
    return judged(folder, rows, **rules)[1].lines("warning")


def three(**changes: Any) -> list[dict[str, Any]]:
    return [row(number, image_id=number, **changes) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": [10, 10, 30, 30]},  # two corners, by the polygons
        {"bbox": [20 / W, 20 / H, 20 / W, 20 / H]},
        {"bbox": [10, 10, 20, 10], "attributes": {"rotation": 30}, "segmentation": None},
    ],
)
def test_boxes_that_were_mended_are_told(tmp_path: Path, changes: dict[str, Any]) -> None:
    [line] = told(tmp_path, three(**changes), repair=True)
    assert line.startswith(f"warning: 3 annotations, {BOX} (ids 1, 2, 3)")
    assert line.endswith("mend the file itself")


def test_boxes_that_are_the_same_are_not(tmp_path: Path) -> None:
    assert told(tmp_path, [row(1, area=None), row(2, image_id=2, bbox=[40, 10, 20, 20])], repair=True) == []


def test_rows_joined_are_objects_there(tmp_path: Path) -> None:
    [line] = told(tmp_path, [*three(), *[{**one, "id": one["id"] + 10} for one in three()]], duplicates="join")
    assert "3 annotations, left out by the reading: an object in a detector's figures" in line
    assert "(ids 11, 12, 13)" in line


def test_rows_numbered_anew_are_not_mixed_up(tmp_path: Path) -> None:
    """Which row of a repeated id is which, nothing tells."""
    rows = [row(1), row(1, image_id=2, bbox=[5, 5, 30, 30]), row(2, image_id=2)]
    assert told(tmp_path, rows, repair=True) == []


def test_holes_that_a_setting_cuts_out_count(tmp_path: Path) -> None:
    rows = three(segmentation=RING)
    assert told(tmp_path, rows, nested="hole") == []
    assert judged(tmp_path, rows, nested="hole")[0].has_mask.all()
