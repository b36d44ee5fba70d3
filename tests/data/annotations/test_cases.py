"""Files as tools and people really write them: what the reader makes of each, says of it, and offers as the way out.

The files lie in tests/cases; NAME.train.json and NAME.val.json are one data set.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.data.splits import SplitRule
from contrastmask.data.subsets import Subsets
from contrastmask.errors import ContrastMaskError

CASES = Path(__file__).parents[2] / "cases"
SOUND = "mixed"


def train(name: str, **rules: Any) -> Records:
    return load_annotations(CASES / f"{name}.train.json", CASES, Reading(**rules))


def subsets(name: str, folder: Path = CASES, **rules: Any) -> Subsets:
    found = Subsets(
        CASES / f"{name}.train.json", folder, CASES / f"{name}.val.json", folder,
        split=SplitRule("as_annotated"), reading=Reading(**rules),
    )  # fmt: skip
    found.read()
    return found


def novel(found: Subsets) -> list[str]:
    return [found.split.class_names[label] for label in found.split.novel]


def said(records: Records) -> str:
    return "\n".join(records.report.lines())


def same_truth(records: Records, name: str = SOUND, atol: float = 1.0) -> bool:
    """Whether rows, boxes and masks are those of a sound file."""
    sound = train(name)
    return (
        records.rows.tolist() == sound.rows.tolist()
        and records.has_mask.tolist() == sound.has_mask.tolist()
        and bool(np.abs(records.boxes - sound.boxes).max() <= atol)
        and all(_iou(records.mask(a), sound.mask(a)) > 0.9 for a in np.flatnonzero(sound.has_mask).tolist())
    )


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    "name", ["mixed", "val-lacks-a-category", "class-names-with-brackets", "boxes-as-rectangle-polygons"]
)
def test_sound_files_are_read_as_they_are(name: str) -> None:
    found = subsets(name)
    records = found.records["train"]
    assert len(records.ann_ids) == 12
    assert records.report.count("dropped") == records.report.count("repaired") == 0


def test_a_part_of_the_classes_in_val() -> None:
    found = subsets("val-lacks-a-category")
    val = found.records["val"]
    assert val.class_names == ["cat", "dog", "kite"]
    assert set(val.labels.tolist()) == {0, 1}
    assert "nothing to judge there (kite)" in said(val)


def test_val_without_masks_is_read() -> None:
    found = subsets("val-without-masks")
    assert not found.records["val"].has_mask.any()
    assert "no segmentation (cat 3, dog 3, kite 3; ids 1, 2, 3, 4, 5, …)" in said(found.records["val"])


@pytest.mark.parametrize(
    ("name", "message", "mends"),
    [
        ("annotations-without-ids", "12 annotations, without an integer id (cat 4, dog 4, kite 4; row 0,", "numb"),
        ("ids-start-again-in-every-image", "9 annotations, whose id occurred before (cat 3, dog 3, kite 3", "anew"),
        ("drawn-and-boxed-share-an-id", "1 annotation, whose id occurred before (kite 1; id 1)", "anew"),
        ("no-bbox", "12 annotations, without bbox (cat 4, dog 4, kite 4; ids 1, 2", "measures boxes on masks"),
        ("image-size-minus-one", "4 images, without positive integer height and width (ids 1, 2, 3, 4)", "pictures"),
        ("merged-image-ids/", "4 images, whose id occurred before (ids 1, 2, 3, 4)", "of an id whose rows differ"),
        ("unused-root-category-same-name", "'cat' (id 0: 0 objects, id 1: 4 objects)", "empty_categories=drop"),
        ("bbox-two-corners", "12 annotations, box is two corners x1, y1, x2, y2, not", "repair=true reads the file's"),
        ("polygons-in-percent", "8 annotations, mask does not lie in its box: polygons are in perc", "repair=true"),
        ("polygons-of-a-larger-picture", "8 annotations, mask does not lie in its box: polygons are of a", "repair="),
        ("flat-polygons", "8 annotations, segmentation is neither polygons", "repair=true reads what can only"),
        ("rle-size-width-first", "8 annotations, run lengths of another size", "repair=true reads what can only mean"),
        ("bbox-empty", "12 annotations, bbox is not four finite numbers (cat 4, dog 4", "measures boxes on masks"),
        ("all-objects-are-crowds", "12 annotations, every object is a crowd region (iscrowd 1)", "data.crowd=object"),
        ("painted-masks-are-crowds", "8 annotations, crowd regions (iscrowd 1) that look like painted", "crowd=object"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_stops_and_shows_why(name: str, message: str, mends: str) -> None:
    read = partial(load_annotations, CASES / name / "train.json", CASES) if name[-1] == "/" else partial(subsets, name)
    with pytest.raises(ContrastMaskError) as error:
        read()
    [line] = [line for line in str(error.value).splitlines() if message in line]
    assert mends in line[line.index(message) :]
    assert "split=all" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "rules", "repaired"),
    [
        ("annotations-without-ids", {"repair": True}, "12 annotations, without an integer id: numbered (cat 4, dog 4"),
        ("ids-start-again-in-every-image", {"repair": True}, "9 annotations, whose id occurred before: numbered anew"),
        ("drawn-and-boxed-share-an-id", {"repair": True}, "1 annotation, whose id occurred before: numbered anew"),
        ("flat-polygons", {"repair": True}, "8 annotations, segmentation in another form than COCO's"),
        ("rle-size-width-first", {"repair": True}, "8 annotations, segmentation in another form than COCO's"),
        ("bbox-two-corners", {"repair": True}, "12 annotations, box is two corners x1, y1, x2, y2"),
        ("polygons-in-percent", {"repair": True}, "8 annotations, polygons in percent of the image: scaled"),
        ("polygons-of-a-larger-picture", {"repair": True}, "8 annotations, polygons of a picture 2 times as large"),
        ("unused-root-category-same-name", {"repair": True}, "1 category, of one name with another: read as one (cat)"),
        ("unused-root-category-same-name", {"empty_categories": "drop"}, "1 category, without objects (cat)"),
        ("all-objects-are-crowds", {"crowd": "object"}, "12 annotations, with iscrowd 1: read as objects (cat 4"),
        ("painted-masks-are-crowds", {"crowd": "object"}, "8 annotations, with iscrowd 1: read as objects (cat 4, dog"),
        ("boxes-as-rectangle-polygons", {"rectangles": "box"}, "4 annotations, mask is its own box (kite 4; ids 3, 6"),
    ],
)  # fmt: skip
def test_one_setting_gives_what_was_meant(name: str, rules: dict[str, Any], repaired: str) -> None:
    records = train(name, **rules)
    assert repaired in said(records)
    assert same_truth(records)
    assert len(set(records.ann_ids.tolist())) == 12


@pytest.mark.parametrize("name", ["no-bbox", "bbox-empty"])
def test_boxes_come_from_masks_where_there_is_one(name: str) -> None:
    records, sound = train(name, repair=True), train(SOUND)
    masked = np.flatnonzero(sound.has_mask)
    assert records.rows.tolist() == sound.rows[masked].tolist()
    assert np.abs(records.boxes - sound.boxes[masked]).max() <= 1
    assert "8 annotations, without a usable box: measured on the mask (cat 4, dog 4" in said(records)
    assert "dropped: 4 annotations, bbox is not four finite numbers (kite 4" in said(records)


def test_sizes_come_from_the_pictures(tmp_path: Path) -> None:
    for number, size in enumerate(((96, 64), (64, 96), (96, 64), (64, 96)), 1):
        Image.new("RGB", size).save(tmp_path / f"train_{number}.png")
    records = load_annotations(CASES / "image-size-minus-one.train.json", tmp_path, Reading(repair=True))
    assert same_truth(records)
    assert "repaired: 4 images, without positive integer height and width: taken from the picture" in said(records)
    (tmp_path / "train_2.png").unlink()
    records = load_annotations(CASES / "image-size-minus-one.train.json", tmp_path, Reading(repair=True))
    assert records.image_ids.tolist() == [1, 3, 4]
    assert "dropped: 1 image, without positive integer height and width (id 2)" in said(records)
    assert "dropped: 3 annotations, of images that the file does not have" in said(records)


def test_objects_of_ambiguous_images_go_with_them(tmp_path: Path) -> None:
    with pytest.raises(ContrastMaskError, match=r"8 images, whose id several images share.*ids of their own"):
        load_annotations(CASES / "merged-image-ids" / "train.json", tmp_path, Reading(repair=True))


@pytest.mark.parametrize("side", ["train", "val"])
def test_one_meaning_of_no_mask(side: str) -> None:
    records = subsets("six-ways-to-write-no-mask").records[side]
    kite = records.labels == 2
    assert kite.sum() == (13 if side == "train" else 3)
    assert not records.has_mask[kite].any()
    assert records.has_mask[~kite].all()
    assert records.report.count("without_mask") == kite.sum()
    assert not records.crowd.any()


def test_a_polygon_of_one_point_is_no_mask() -> None:
    found = subsets("polygon-of-one-point")
    assert novel(found) == ["kite"]
    assert "4 annotations, mask covers no pixel of the image (kite 4; ids 3, 6, 9, 12)" in said(found.records["val"])


@pytest.mark.parametrize(
    ("name", "warning", "way"),
    [
        ("boxes-as-rectangle-polygons", "4 annotations, mask is its own box, many or all of a class (kite 4", "s=box"),
    ],
)
def test_what_can_be_trained_on_and_should_not_is_a_warning(name: str, warning: str, way: str) -> None:
    [line] = subsets(name).records["train"].report.lines("warning")
    assert line.startswith(f"warning: {warning}")
    assert f"data.{way}" in line.rsplit(")", 1)[1] or way in line


def test_painted_masks_of_one_object() -> None:
    path = CASES / "painted_mask_as_crowd.json"
    records = load_annotations(path, CASES)
    [line] = records.report.lines("warning")
    assert "that look like painted masks" in line
    assert "(donut 1; id 412): data.crowd=object" in line
    assert not load_annotations(path, CASES, Reading(crowd="object")).crowd.any()


def test_rectangle_and_filled_run_lengths() -> None:
    path = CASES / "rect_polygon_and_filled_rle.json"
    [line] = load_annotations(path, CASES).report.lines("noted")
    assert "2 annotations, mask is its own box (cup 1, donut 1; ids 205, 309): data.rectangles=box" in line
    records = load_annotations(path, CASES, Reading(rectangles="box"))
    assert records.ann_ids[~records.has_mask].tolist() == [205, 309]


def test_every_object_twice() -> None:
    path = CASES / "label_studio_doubled.json"
    [line] = load_annotations(path, CASES).report.lines("warning")
    assert "2 annotations" in line
    assert "two rows for one object (cup 1, donut 1; ids 1, 3): data.duplicates=join" in line
    records = load_annotations(path, CASES, Reading(duplicates="join"))
    assert records.ann_ids.tolist() == [2, 4]
    assert records.has_mask.all()
