"""Masks with x and y exchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.segmentation.check import decode
from contrastmask.errors import DataError
from tests.data.coco_rows import H, W, content, image, read, reasons, row

REASON = "mask does not lie in its box: x and y are exchanged, polygons with y first or run lengths that go row by row"


def rows() -> list[dict]:
    """Triangles, one of them on the diagonal, each in its box."""
    made = []
    for number, (x, y) in enumerate([(30, 3), (35, 12), (28, 5), (36, 20), (33, 8), (10, 9)]):
        polygon = [x, y, x + 12.5, y, x + 4, y + 18]
        made.append(row(number + 1, segmentation=[polygon], bbox=[x, y, 12.5, 18], area=100))
    return made


def y_first(segmentation: list) -> list:
    return [np.reshape(polygon, (-1, 2))[:, ::-1].ravel().tolist() for polygon in segmentation]


def row_by_row(segmentation: list) -> dict:
    flat = decode(segmentation, H, W).ravel()
    ends = np.flatnonzero(np.diff(flat)) + 1
    return {"size": [H, W], "counts": np.diff([0, *ends, len(flat)]).tolist()}


@pytest.mark.parametrize("exchanged", [y_first, row_by_row])
def test_nearly_all_stop_the_reading_and_a_repair_exchanges_all(tmp_path: Path, exchanged) -> None:
    other = content([{**one, "segmentation": exchanged(one["segmentation"])} for one in rows()])
    with pytest.raises(DataError, match=f"{REASON}.*: data.repair=true exchanges them"):
        read(tmp_path, other)
    plain, mended = read(tmp_path, content(rows())), read(tmp_path, other, repair=True)
    assert [f"{count} {reason}" for reason, count in reasons(mended, "repaired").items()] == [
        f"6 {REASON.partition(': ')[2]}: exchanged to fit their boxes"
    ]
    for number in range(6):
        assert (mended.mask(number) == plain.mask(number)).all()


def test_compressed_run_lengths_of_square_images(tmp_path: Path) -> None:
    made = rows()
    for one in made:
        runs = coco_mask.encode(np.asfortranarray(decode(one["segmentation"], W, W).T))
        one["segmentation"] = {"size": [W, W], "counts": runs["counts"].decode()}
    mended = read(tmp_path, content(made, [image(1, height=W)]), repair=True)
    plain = read(tmp_path, content(rows(), [image(1, height=W)]))
    assert all((mended.mask(number) == plain.mask(number)).all() for number in range(6))


def test_a_few_are_a_warning_and_others_stay(tmp_path: Path) -> None:
    made = rows()
    for number in (0, 3):
        made[number]["segmentation"] = y_first(made[number]["segmentation"])
    records = read(tmp_path, content(made))
    assert reasons(records, "warning") == {REASON: 2}
    mended, plain = read(tmp_path, content(made), repair=True), read(tmp_path, content(rows()))
    assert all((mended.mask(number) == plain.mask(number)).all() for number in range(6))


def test_masks_of_other_objects_are_none_of_these(tmp_path: Path) -> None:
    made = rows()
    for number in range(3):
        made[number]["segmentation"] = [[1, 30, 9, 30, 5, 39]]
    records = read(tmp_path, content(made), repair=True)
    assert reasons(records, "warning") == {"mask does not lie in its box, over 20% is outside": 3}
