"""Holes that a tool wrote as further polygons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.reading import Reading
from contrastmask.data.segmentation.check import decode
from contrastmask.evaluation.truth_file import read_truth
from tests.data.coco_rows import H, W, content, image, read, reasons, row

RING = [[10, 10, 30, 10, 30, 30, 10, 30], [15, 15, 25, 15, 25, 25, 15, 25]]
NESTED = "a polygon lies inside another of its object"
WARNING = f"{NESTED}, {(100 + 19.8**2) / 800:.0%} of the area"


def rows() -> list[dict]:
    """A ring, two parts side by side, a ring of less than a pixel, run lengths, no mask."""
    sides = [[10, 10, 18, 10, 18, 30, 10, 30], [20, 10, 30, 10, 30, 30, 20, 30]]
    thin = [[10, 10, 30, 10, 30, 30, 10, 30], [10.1, 10.1, 29.9, 10.1, 29.9, 29.9, 10.1, 29.9]]
    runs = {"size": [H, W], "counts": [410, *([20, 20] * 19), 20, 810]}
    return [row(i + 1, segmentation=value) for i, value in enumerate((sides, RING, thin, runs, None))]


def test_such_polygons_are_told_and_filled(tmp_path: Path) -> None:
    records = read(tmp_path, content(rows()))
    assert reasons(records, "noted")[WARNING] == 2
    (line,) = [line for line in records.report.lines("noted") if WARNING in line]
    assert "(dog 2; ids 2, 3): data.nested=hole" in line
    assert records.mask(1).sum() == 400


@pytest.mark.parametrize(("rings", "others", "warned"), [(3, 2, 3), (3, 297, 3), (3, 298, 0), (2, 0, 0)])
def test_many_of_a_class_are_a_warning(tmp_path: Path, rings: int, others: int, warned: int) -> None:
    sides = [[10, 10, 18, 10, 18, 30, 10, 30], [20, 10, 30, 10, 30, 30, 20, 30]]
    images = [image(number) for number in range(1, rings + others + 1)]
    made = [
        row(number, image_id=number, segmentation=RING if number <= rings else sides)
        for number in range(1, rings + others + 1)
    ]
    made.append(row(9999, category_id=90, bbox=[10, 10, 20, 20], segmentation=RING))  # of another class, alone
    records = read(tmp_path, content(made, images))
    told = f"{NESTED}, 25% of the area"
    assert reasons(records, "warning").get(told, 0) == warned
    assert reasons(records, "noted")[told] == rings - warned + 1


def test_on_demand_they_are_holes(tmp_path: Path) -> None:
    plain, records = read(tmp_path, content(rows())), read(tmp_path, content(rows()), nested="hole")
    assert WARNING not in reasons(records, "noted")
    assert reasons(records, "repaired") == {
        f"{NESTED}, 25% of the area: taken for a hole": 1
    }  # the thin ring would be nothing
    assert (records.mask(1) == decode(RING[:1], H, W) - decode(RING[1:], H, W)).all()
    for other in (0, 2, 3):
        assert (records.mask(other) == plain.mask(other)).all()
    assert records.has_mask.tolist() == plain.has_mask.tolist() == [True] * 4 + [False]
    assert reasons(records, "noted")["mask is its own box"] == 1


def test_rows_after_a_cut_one_keep_their_masks(tmp_path: Path) -> None:
    """Run lengths are put among others: every row has its own, whatever stands around it."""
    generator = np.random.default_rng(0)
    several = [rows()[number] for number in generator.integers(0, 5, 40)]
    for number, one in enumerate(several):
        one["id"] = number + 1
        several[number] = dict(one)
    plain, records = read(tmp_path, content(several)), read(tmp_path, content(several), nested="hole")
    for a, one in enumerate(several):
        ring = one["segmentation"] == RING
        if one["segmentation"] is not None:
            assert (records.mask(a).sum() == 300) if ring else (records.mask(a) == plain.mask(a)).all()


def test_a_repair_comes_before(tmp_path: Path) -> None:
    scaled = [[value / 2 for value in polygon] for polygon in RING]
    records = read(tmp_path, content([row(1, segmentation=scaled), row(2)]), repair=True, nested="hole")
    assert records.mask(0).sum() == 300


def test_the_truth_of_an_evaluation_follows(tmp_path: Path) -> None:
    """COCOeval fills them, the words of the person who knows the file do not."""
    read(tmp_path, content(rows()))
    plain = read_truth(tmp_path / "a.json")
    truth = read_truth(tmp_path / "a.json", Reading(nested="hole"))
    ring = list(truth.names).index(2)
    assert coco_mask.area(plain.mask(ring)[0]) == 400
    assert (coco_mask.area(truth.mask(ring)[0]), truth.mask(ring)[1]) == (300, "hole")
    others = [number for number in range(len(truth.names)) if number != ring]
    assert [truth.mask(number) for number in others] == [plain.mask(number) for number in others]
    assert truth.tally(np.arange(len(truth.names)), ("mask",)).rows["hole"] == [2]
    for nested, rule in (("hole", "hole"), ("part", "")):
        boxes = read_truth(tmp_path / "a.json", Reading(nested=nested, rectangles="box"))
        assert boxes.mask(ring)[1] == rule  # a box has no hole
