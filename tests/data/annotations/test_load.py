"""From the annotation file to records: order, clipping, what is dropped, repaired or kept without its mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contrastmask.data.annotations.load import Category, load_annotations
from contrastmask.data.reading import Reading
from contrastmask.errors import ConfigError
from tests.data.coco_rows import CROWD, TRIANGLE, H, W, content, image, read, reasons, row


def test_columns_and_order(tmp_path: Path) -> None:
    crowd = row(900100000001, image_id=7, category_id=1, iscrowd=1, segmentation=CROWD, area=200, bbox=[5, 0, 5, 40])
    records = read(
        tmp_path,
        content(
            [row(5, image_id=3), crowd, row(2, image_id=9, category_id=90), row(1, image_id=3)],
            [*map(image, (9, 3, 7, 4))],
        ),
    )
    assert records.report.count() == records.report.count("warning") == 2
    assert (
        records.report.count(reason="of the same class and box as another of their image: two rows for one object") == 1
    )
    assert records.categories == (Category(1, "person"), Category(18, "dog"), Category(90, "kite"))
    assert records.class_names == ["person", "dog", "kite"]
    assert records.image_ids.tolist() == [9, 3, 7, 4]
    assert records.offsets.tolist() == [0, 1, 3, 4, 4]
    assert records.ann_ids.tolist() == [2, 5, 1, 900100000001]
    assert records.labels.tolist() == [2, 1, 1, 0]
    assert records.crowd.tolist() == [False, False, False, True]
    assert [records.image_of(a) for a in range(4)] == [0, 1, 1, 2]
    assert records.boxes.tolist() == [[10, 10, 30, 30]] * 3 + [[5, 0, 10, 40]]
    assert records.areas.tolist() == [200.0] * 4
    assert records.has_mask.all()
    assert records.file_name(2) == "7.jpg"
    assert records.file_path(2) == records.image_root.resolve() / "7.jpg"


def test_order_within_images_is_the_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    ids, of = random.permutation(400), random.integers(1, 4, 400)
    rows = [row(int(id_), image_id=int(image_id)) for id_, image_id in zip(ids, of, strict=True)]
    records = read(tmp_path, content(rows, [*map(image, (1, 2, 3))]))
    assert records.ann_ids.tolist() == [*ids[of == 1], *ids[of == 2], *ids[of == 3]]


def test_file_without_annotations_has_images(tmp_path: Path) -> None:
    records = read(tmp_path, content([]))
    assert records.offsets.tolist() == [0, 0, 0]
    assert records.boxes.shape == (0, 4)
    assert reasons(records, "noted") == {"without objects": 3}


def test_numbers_may_be_whole_floats(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(3.0, image_id=1.0, category_id=18.0)], [image(1.0, height=40.0)]))
    assert records.ann_ids.tolist() == [3]
    assert records.heights.tolist() == [40]


def test_small_and_empty_images_are_kept(tmp_path: Path) -> None:
    assert len(read(tmp_path, content([], [image(1, height=4, width=4), image(2)])).image_ids) == 2


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [
        (None, "bbox is not four finite numbers"),
        ([1, 2, 3], "bbox is not four finite numbers"),
        ([1, 2, 3, "four"], "bbox is not four finite numbers"),
        ([1, 2, 3, True], "bbox is not four finite numbers"),
        ([float("nan"), 2, 3, 4], "bbox is not four finite numbers"),
        ([1, 2, float("inf"), 4], "bbox is not four finite numbers"),
        ([1, 2, 10**400, 4], "bbox is not four finite numbers"),
        ([10, 10, 0, 5], "box with a side below 1 px"),
        ([10, 10, 5, 0.5], "box with a side below 1 px"),
        ([10, 10, -5, 5], "box with a side below 1 px"),
        ([1e308, 1, 1e308, 5], "box coordinate over 4 image sides"),
        ([10, 10, 1e9, 5], "box coordinate over 4 image sides"),
        ([W + 1, 5, 10, 10], "box outside its image, or all but 1 px"),
        ([-20, 5, 20, 10], "box outside its image, or all but 1 px"),
        ([W - 0.5, 5, 10, 10], "box outside its image, or all but 1 px"),
    ],
)
def test_useless_boxes_are_dropped(tmp_path: Path, bbox: Any, reason: str) -> None:
    records = read(tmp_path, content([row(8, bbox=bbox), row(9)]))
    assert records.ann_ids.tolist() == [9]
    [entry] = records.report.to_dict()["dropped"]
    assert (entry["reason"], entry["count"], entry["examples"], entry["classes"]) == (reason, 1, [8], {"dog": 1})
    assert entry["remedy"] == "data.repair=true measures boxes on masks"
    mended = read(tmp_path, content([row(8, bbox=bbox), row(9)]), repair=True)
    assert mended.boxes.tolist() == [[10, 10, 30, 30]] * 2
    assert reasons(mended, "repaired") == {"without a usable box: measured on the mask": 1}


def test_boxes_are_clipped(tmp_path: Path) -> None:
    records = read(
        tmp_path, content([row(1, bbox=[-0.5, 5, 20, 20]), row(2, bbox=[-5, 30, 20, 20]), row(3, bbox=[0, 0, W, H])])
    )
    assert records.boxes.tolist() == [[0, 5, 19.5, 25], [0, 30, 15, 40], [0, 0, W, H]]
    assert reasons(records, "repaired") == {"box clipped to its image by more than 1 px": 1}
    assert records.report.to_dict()["repaired"][0]["examples"] == [2]


def test_ignored_annotations_are_dropped(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1, ignore=1), row(2, ignore=True), row(3, ignore=0), row(4)]))
    assert records.ann_ids.tolist() == [3, 4]
    assert reasons(records, "dropped") == {"marked ignore": 2}


@pytest.mark.parametrize("value", ["yes", 2, -1, 0.5, [1], {}])
def test_crowd_flag_must_be_one(tmp_path: Path, value: Any) -> None:
    records = read(
        tmp_path, content([row(1, iscrowd=value), row(2, iscrowd=...), row(3, iscrowd=True), row(4, iscrowd=None)])
    )
    assert records.ann_ids.tolist() == [2, 3, 4]
    assert records.crowd.tolist() == [False, True, False]
    assert reasons(records, "dropped") == {"iscrowd is neither 0 nor 1": 1}


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (..., "no segmentation"),
        (None, "no segmentation"),
        ([], "is empty"),
        ([[]], "is empty"),
        ([[1, 2, 3, 4]], "fewer than 3 points"),
        ([[10, 10, 20, 10, 20, 20, 5]], "odd number"),
        ([[10, 10, 20, 10, float("nan"), 20]], "not finite"),
        ([[10, 10, 20, 10, float("inf"), 20]], "not finite"),
        ([[10, 10, 20, 10, 1e9, 20]], "4 times"),
        ("polygon", "neither polygons"),
        ({"size": [H, W], "counts": [10]}, "adding up"),
        ({"size": [H, W], "counts": [H * W, 9]}, "adding up"),
        ({"size": [H, W], "counts": "PPPP"}, "malformed"),
        ({"size": [W, H], "counts": [H * W]}, "another size"),
        ([[10, 10, 20, 20, 30, 30]], "no pixel"),
        ([[-30, -30, -20, -30, -20, -20]], "no pixel"),
        ({"size": [H, W], "counts": [H * W]}, "no pixel"),
    ],
)
def test_broken_segmentations_cost_the_mask_not_the_box(tmp_path: Path, segmentation: Any, reason: str) -> None:
    records = read(tmp_path, content([row(6, segmentation=segmentation), row(7)]))
    assert records.ann_ids.tolist() == [6, 7]
    assert records.has_mask.tolist() == [False, True]
    (found,) = records.report.to_dict()["without_mask"]
    assert reason in found["reason"]
    assert found["examples"] == [6]
    assert (records.mask(1) == read(tmp_path, content([row(7)])).mask(0)).all()


@pytest.mark.parametrize("segmentation", [[[10, 10, 20, 20, 30, 30]], {"size": [H, W], "counts": [H * W]}])
def test_objects_without_area_or_mask_are_dropped(tmp_path: Path, segmentation: Any) -> None:
    records = read(tmp_path, content([row(6, segmentation=segmentation, area=0), row(7)]))
    assert records.ann_ids.tolist() == [7]
    assert reasons(records, "dropped") == {"area and mask are empty": 1}


def test_stray_polygon_parts_are_removed(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1, segmentation=[[3, 4], *TRIANGLE, [1, 2, 3, 4]])]))
    assert records.segmentation(0) == TRIANGLE
    assert reasons(records, "repaired") == {"polygons of fewer than 3 points removed": 1}


@pytest.mark.parametrize("area", [..., None, 0, -3.0, float("nan"), float("inf"), "200", True])
def test_areas_are_measured_where_the_file_has_none(tmp_path: Path, area: Any) -> None:
    records = read(tmp_path, content([row(1, area=area), row(2, area=area, segmentation=None), row(3, area=77)]))
    assert records.areas.tolist() == [records.mask(0).sum(), 400, 77]
    assert sum(reasons(records, "repaired").values()) == 2


COCO = Path(__file__).parents[4] / "shared" / "data" / "coco"


@pytest.mark.skipif(not COCO.is_dir(), reason="needs the photographs in ../shared")
@pytest.mark.parametrize(("side", "images", "objects", "crowds"), [("train", 470, 3866, 42), ("val", 206, 1786, 21)])
def test_coco_itself_raises_no_alarm(side: str, images: int, objects: int, crowds: int) -> None:
    records = load_annotations(COCO / "annotations" / f"instances_{side}2017.json", COCO / f"{side}2017")
    # two tables of the sample are drawn as their boxes, a horse of val has a part inside another
    assert records.report.count("noted") == records.report.count() == crowds + 2 + (side == "val")
    assert (len(records.image_ids), len(records.ann_ids), records.crowd.sum()) == (images, objects, crowds)
    assert records.has_mask.all()
    assert len(records.categories) == 80
    assert (records.categories[0], records.categories[79]) == (Category(1, "person"), Category(90, "toothbrush"))
    for image_index in range(0, images, 40):
        assert records.file_path(image_index).is_file()


def test_rows_say_where_each_annotation_stands_in_the_file(tmp_path: Path) -> None:
    rows = [row(7, image_id=2), row(7), row(8, bbox=[1, 1, 0, 0]), row(9, image_id=2), row(7)]
    records = read(tmp_path, content(rows), repair=True)
    assert all(rows[r]["image_id"] == records.image_ids[records.image_of(a)] for a, r in enumerate(records.rows))
    part = records.select_images([1])
    assert part.rows.tolist() == [r for a, r in enumerate(records.rows.tolist()) if records.image_of(a) == 1]


@pytest.mark.parametrize("mark", [True, 1, 1.0, "true", "1"])
@pytest.mark.parametrize("inside", [False, True])
def test_predicted_masks_are_no_truth_unless_told(tmp_path: Path, mark: Any, inside: bool) -> None:
    extra = {"segmentation_predicted": mark}
    rows = [row(1), row(2, **({"attributes": extra} if inside else extra)), row(3, segmentation_predicted=False)]
    records = read(tmp_path, content(rows))
    assert records.has_mask.tolist() == [True, False, True]
    assert records.predicted.tolist() == [False, True, False]
    assert reasons(records, "without_mask") == {"mask is a prediction, not a person's": 1}
    used = read(tmp_path, content(rows), predicted_masks="use")
    assert used.has_mask.all()
    assert used.predicted.tolist() == [False, True, False]
    assert reasons(used, "noted")["mask is a prediction, not a person's"] == 1


def test_how_sure_a_model_was_is_read_from_row_or_attributes(tmp_path: Path) -> None:
    sure = "segmentation_confidence"
    rows = [
        row(1, segmentation_predicted=True, **{sure: 0.75}),
        row(2, attributes={"segmentation_predicted": "true", sure: "0.5"}),
        row(3, segmentation_predicted=True, **{sure: 1.5}, attributes={sure: 0.25}),
        row(4, segmentation_predicted=True),
        row(5, segmentation_predicted=True, **{sure: "high"}),
        row(6, **{sure: 0.9}),  # of a mask that a person drew
    ]
    for odd in ([], [row(7, area="12", segmentation_predicted=True, **{sure: 0.125})]):
        records = read(tmp_path, content(rows + odd), predicted_masks="use", repair=bool(odd))
        expected = [0.75, 0.5, 0.25, np.nan, np.nan, np.nan] + [0.125] * len(odd)
        np.testing.assert_array_equal(records.confidence, np.array(expected, dtype=np.float32))
        assert records.drawn.tolist() == [False] * 5 + [True] + [False] * len(odd)
        assert reasons(records, "noted")["mask is a prediction that tells no confidence in 0..1"] == 2
    part = records.select_images([int(records.image_of(0))])
    np.testing.assert_array_equal(part.confidence, records.confidence)
    assert "mask is a prediction that tells no confidence in 0..1" not in reasons(
        read(tmp_path, content(rows)), "noted"
    )


@pytest.mark.parametrize("inside", [False, True])
def test_masks_that_a_person_accepted_are_truth_where_it_is_said(tmp_path: Path, inside: bool) -> None:
    made = {"segmentation_predicted": True}
    reviews = ["accepted", "rejected", None, 7]
    rows = [row(1)] + [
        row(n, **({"attributes": mark} if inside else mark))
        for n, review in enumerate(reviews, 2)
        for mark in [{**made, "segmentation_review": review}]
    ]
    used = read(tmp_path, content(rows), predicted_masks="accepted")
    assert used.has_mask.tolist() == [True, True, False, False, False]
    assert used.predicted.tolist() == [False, True, True, True, True]
    assert reasons(used, "noted")["mask is a prediction that a person accepted"] == 1
    assert reasons(used, "without_mask") == {"mask is a prediction, not a person's": 3}
    assert read(tmp_path, content(rows)).has_mask.tolist() == [True] + [False] * 4
    assert read(tmp_path, content(rows), predicted_masks="use").has_mask.all()


def test_a_choice_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match=r"data\.predicted_masks=maybe is unknown; choose from ignore, accepted, use"):
        Reading(predicted_masks="maybe")
