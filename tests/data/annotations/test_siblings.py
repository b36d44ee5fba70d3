"""Siblings of the cases: other spellings of the same kinds of trouble, one row at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.annotations.load import load_annotations
from contrastmask.errors import DataError
from tests.data.coco_rows import TRIANGLE, H, W, content, image, read, reasons, row

FLAT = TRIANGLE[0]
POINTS = [[10.0, 10.0], [30.0, 10.0], [10.0, 30.0]]


def rle(mask: np.ndarray, **changes: Any) -> dict[str, Any]:
    found = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": found["size"], "counts": found["counts"].decode(), **changes}


def filled(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((H, W), dtype=np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def disc(x: int = 25, y: int = 20, radius: int = 9) -> np.ndarray:
    rows, columns = np.mgrid[:H, :W]
    return ((rows - y) ** 2 + (columns - x) ** 2 < radius**2).astype(np.uint8)


@pytest.mark.parametrize(
    ("value", "crowd"),
    [("0", 0), ("1", 1), (" True ", 1), ("false", 0), ("", 0), (1.0, 1), (None, 0), (float("nan"), 0), (True, 1)],
)
def test_flags_in_every_spelling(tmp_path: Path, value: Any, crowd: int) -> None:
    records = read(tmp_path, content([row(1, iscrowd=value), row(2, image_id=2, ignore=value)]))
    assert records.ann_ids.tolist() == ([1] if crowd else [1, 2])
    assert records.crowd[0] == crowd
    odd = isinstance(value, str) or value != value
    assert reasons(records, "repaired") == ({"iscrowd is text or not a number: read as 0 or 1": 1} if odd else {})


@pytest.mark.parametrize(
    "written",
    [
        FLAT,
        POINTS,
        [POINTS],
        [[FLAT]],
        [{"x": x, "y": y} for x, y in POINTS],
        [[str(value) for value in FLAT]],
        "[[10, 10, 30, 10, 10, 30]]",
        rle(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(TRIANGLE, H, W))), size=[W, H]),
        rle(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(TRIANGLE, H, W))), size=[str(H), str(W)]),
    ],
)
def test_masks_in_other_forms_are_read_on_demand(tmp_path: Path, written: Any) -> None:
    records = read(tmp_path, content([row(1, segmentation=written)]))
    assert not records.has_mask.any()
    assert "data.repair=true reads what can only mean one mask" in records.report.lines("without_mask")[0]
    mended = read(tmp_path, content([row(1, segmentation=written)]), repair=True)
    plain = read(tmp_path, content([row(1)]))
    assert (mended.mask(0) == plain.mask(0)).all()
    assert mended.report.count("repaired") == 1


def test_run_lengths_as_text_of_bytes_and_as_lists(tmp_path: Path) -> None:
    mask = disc()
    found = rle(mask)
    flat = mask.T.ravel()
    runs = np.diff([0, *np.flatnonzero(np.diff(flat)) + 1, len(flat)]).tolist()
    box = [17, 12, 17, 17]
    text = {**found, "counts": str(found["counts"].encode())}
    counted = [row(1, segmentation={**found, "counts": runs}, bbox=box), row(2, segmentation=text, bbox=box)]
    records = read(tmp_path, content(counted), repair=True)
    assert (records.mask(0) == mask).all()
    assert (records.mask(1) == mask).all()
    assert reasons(records, "repaired") == {
        "segmentation in another form than COCO's: read as what it can only mean": 1
    }


def test_what_is_read_anew_must_lie_in_its_box(tmp_path: Path) -> None:
    swapped = rle(disc(), size=[W, H])
    records = read(tmp_path, content([row(1, segmentation=swapped, bbox=[1, 1, 9, 9])]), repair=True)
    assert not records.has_mask.any()
    assert reasons(records, "without_mask") == {"run lengths of another size than the image": 1}


@pytest.mark.parametrize(
    "segmentation",
    [
        [[10, 10, 30, 10, 30, 30, 10, 30]],
        [[10, 10, 30, 10, 30, 30, 10, 30, 10, 10]],
        [[10, 30, 10, 10, 20, 10, 30, 10, 30, 30]],
        [[10.4, 10.4, 29.6, 10.4, 29.6, 29.6, 10.4, 29.6]],
        [[10, 10, 30, 10, 30, 30, 10, 30], [10, 10, 30, 10, 30, 30, 10, 30]],
        [[10.4, 10.4, 20.1, 10.4, 20.1, 29.6, 10.4, 29.6], [20.1, 10.4, 29.6, 10.4, 29.6, 29.6, 20.1, 29.6]],
        rle(filled(10, 10, 30, 30)),
        {"size": [H, W], "counts": [410, *([20, 20] * 19), 20, 810]},
    ],
)
def test_masks_that_are_their_box(tmp_path: Path, segmentation: Any) -> None:
    rows = [row(i, image_id=1 + i % 2, segmentation=segmentation) for i in range(1, 3)]
    records = read(tmp_path, content([*rows, row(7, segmentation=rle(disc()), bbox=[17, 12, 17, 17])]))
    assert reasons(records, "noted")["mask is its own box"] == 2
    assert records.has_mask.all()
    boxes = read(tmp_path, content(rows), rectangles="box")
    assert not boxes.has_mask.any()
    many = [row(i, image_id=i, segmentation=segmentation) for i in range(1, 4)]
    warned = read(tmp_path, content(many, [image(i) for i in range(1, 4)]))
    assert reasons(warned, "warning") == {"mask is its own box, many or all of a class": 3}


@pytest.mark.parametrize(
    "segmentation",
    [
        [[20, 10, 30, 20, 20, 30, 10, 20]],
        [[10, 10, 30, 10, 30, 30, 20, 26, 10, 30]],
        [[10, 10, 20, 10, 20, 30, 10, 30], [22, 10, 30, 10, 30, 30, 22, 30]],
        rle(filled(10, 10, 30, 30) * (1 - filled(18, 18, 21, 21))),
        [[10, 10, 20, 10, 20, 20, 10, 20]],
        [*TRIANGLE, *TRIANGLE],  # twice half of the box
        [[10, 10, 30, 10, 30, 30, 10, 30], [12, 12, 18, 12, 18, 18, 12, 18]],
        [[10, 10, 30, 10, 30, 16, 10, 16], [10, 14, 30, 14, 30, 23, 10, 23], [24, 11, 30, 11, 30, 30, 24, 30]],
    ],
)
def test_masks_that_are_not_their_box(tmp_path: Path, segmentation: Any) -> None:
    records = read(tmp_path, content([row(1, segmentation=segmentation)]), rectangles="box")
    assert records.has_mask.all()


def _forms() -> dict[str, Any]:
    size = np.array([W, H, W, H], dtype=float)
    return {
        "two corners": lambda x, y, w, h: [x, y, x + w, y + h],
        "the centre": lambda x, y, w, h: [x + w / 2, y + h / 2, w, h],
        "in shares of the image": lambda *box: (np.array(box) / size).tolist(),
        "in percent of the image": lambda *box: (100 * np.array(box) / size).tolist(),
        "two corners in shares": lambda x, y, w, h: (np.array([x, y, x + w, y + h]) / size).tolist(),
        "the centre, width and height in shares": lambda x, y, w, h: (
            np.array([x + w / 2, y + h / 2, w, h]) / size
        ).tolist(),
    }


@pytest.mark.parametrize("form", list(_forms()))
def test_boxes_in_other_forms(tmp_path: Path, form: str) -> None:
    write = _forms()[form]
    boxes = [(10, 10, 20, 20), (4, 15, 30, 22), (25, 6, 14, 9), (2, 3, 8, 30)]
    rows = [
        row(i, bbox=write(x, y, w, h), segmentation=None if i == 3 else [[x, y, x + w, y, x, y + h]])
        for i, (x, y, w, h) in enumerate(boxes)
    ]
    with pytest.raises(DataError) as error:
        read(tmp_path, content(rows))
    assert "a.json: 4 annotations, box is " in str(error.value)
    assert form in str(error.value)
    assert str(error.value).endswith("data.repair=true reads the file's boxes so; or write them in pixels")
    assert "\n" not in str(error.value)
    records = read(tmp_path, content(rows), repair=True)
    assert records.rows.tolist() == [0, 1, 2, 3]
    xyxy = [(x, y, x + w, y + h) for x, y, w, h in boxes]
    assert np.abs(records.boxes - np.array(xyxy)).max() < 1e-3


def test_boxes_of_another_form_in_a_part_of_the_file(tmp_path: Path) -> None:
    boxes = [(i, i + 3, 14, 12) for i in range(1, 24)]
    rows = [
        row(
            i,
            image_id=i,
            bbox=[x, y, x + w, y + h] if i % 4 == 0 else [x, y, w, h],
            segmentation=[[x, y, x + w, y, x, y + h]],
        )
        for i, (x, y, w, h) in enumerate(boxes)
    ]
    images = [image(i) for i in range(len(boxes))]
    [line] = read(tmp_path, content(rows, images)).report.lines("warning")
    assert "6 annotations, box is two corners" in line
    assert line.endswith("data.repair=true reads the file's boxes so")
    records = read(tmp_path, content(rows, images), repair=True)
    assert records.boxes.tolist() == [[x, y, x + w, y + h] for x, y, w, h in boxes]


def test_one_mask_is_chance(tmp_path: Path) -> None:
    rows = [row(1, bbox=[10, 10, 30, 30]), *(row(i, image_id=2, bbox=[i, 5, 9, 9], segmentation=None) for i in (2, 3))]
    [line] = read(tmp_path, content(rows)).report.lines("warning")
    assert "box is two corners" in line


def test_boxes_without_masks_tell_their_form_where_they_can(tmp_path: Path) -> None:
    rows = [row(i, bbox=[25 + i, 20 + i, 35 + i, 32 + i], segmentation=None) for i in range(1, 7)]
    with pytest.raises(DataError, match=r"6 annotations, box is two corners.*data\.repair=true reads"):
        read(tmp_path, content(rows))
    records = read(tmp_path, content(rows), repair=True)
    assert records.boxes[0].tolist() == [26, 21, 36, 33]
    few = [row(i, bbox=[0.05 * i, 0.5, 0.2, 0.25], segmentation=None) for i in range(1, 4)]
    with pytest.raises(DataError, match=r"in shares of the image.* \(dog 3; ids 1, 2, 3\): data\.repair=true reads"):
        read(tmp_path, content(few))
    assert read(tmp_path, content(few), repair=True).boxes[0].tolist() == pytest.approx([2.5, 20, 12.5, 30])


def test_boxes_as_they_should_be_stay_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = []
    for number in range(200):
        w, h = random.integers(3, 20, 2).tolist()
        x, y = int(random.integers(0, W - w)), int(random.integers(0, H - h))
        rows.append(row(number, image_id=number, bbox=[x, y, w, h], segmentation=[[x, y, x + w, y, x + w / 2, y + h]]))
    images = [image(number) for number in range(200)]
    plain, mended = (read(tmp_path, content(rows, images), repair=repair) for repair in (False, True))
    assert (plain.boxes == mended.boxes).all()
    assert plain.report.count("warning") == mended.report.count("repaired") == 0


@pytest.mark.parametrize("scale", [(100 / W, 100 / H), (1 / W, 1 / H), (2, 2), (0.5, 0.5), (1.5, 3)])
def test_polygons_of_another_scale(tmp_path: Path, scale: tuple[float, float]) -> None:
    boxes = [(20, 18, 20, 20), (24, 15, 22, 22), (25, 20, 14, 9), (32, 23, 8, 12)]
    rows = [
        row(i, bbox=[x, y, w, h], segmentation=[(np.array([x, y, x + w, y, x, y + h]) * (scale * 3)).tolist()])
        for i, (x, y, w, h) in enumerate(boxes)
    ]
    with pytest.raises(DataError) as error:
        read(tmp_path, content(rows))
    assert "a.json: 4 annotations, mask does not lie in its box: polygons are" in str(error.value)
    assert str(error.value).endswith(": data.repair=true scales them to fit their boxes; or write them in pixels")
    records = read(tmp_path, content(rows), repair=True)
    for a, (x, y, w, h) in enumerate(boxes):
        wanted = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([[x, y, x + w, y, x, y + h]], H, W)))
        assert (records.mask(a) == wanted).all()


def test_boxes_and_masks_in_percent(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lefts = [*random.uniform(1, 60, (24, 2)).tolist(), [70.0, 70.0]]
    rows = [
        row(i, image_id=i, bbox=[x, y, 25.0, 25.0], segmentation=[[x, y, x + 25, y, x, y + 25]])
        for i, (x, y) in enumerate(lefts)
    ]
    images = [image(i, height=480, width=640) for i in range(25)]
    [line] = read(tmp_path, content(rows, images)).report.lines("warning")
    assert "25 annotations, no coordinate is over 100, in images of over 200 px" in line
    assert read(tmp_path, content(rows[:-1], images)).report.count("warning") == 0


def test_strays_that_nothing_explains_stay_and_are_named(tmp_path: Path) -> None:
    rows = [row(1), row(2, bbox=[35, 5, 9, 9])]
    for repair in (False, True):
        records = read(tmp_path, content(rows), repair=repair)
        assert records.has_mask.all()
    assert reasons(read(tmp_path, content(rows)), "warning") == {"mask does not lie in its box, over 20% is outside": 1}


def test_polygons_of_another_scale_in_a_part_of_the_file(tmp_path: Path) -> None:
    away = {"segmentation": [[20, 20, 60, 20, 20, 60]]}
    rows = [row(i, image_id=i, **(away if i < 4 else {})) for i in range(1, 9)]
    images = [image(i, height=80, width=80) for i in range(1, 9)]
    [line] = read(tmp_path, content(rows, images)).report.lines("warning")
    assert "3 annotations, mask does not lie in its box: polygons are of a picture 2 times as large" in line


def test_masks_of_other_objects_all_over_the_file_stop_and_the_way_out_leads_on(tmp_path: Path) -> None:
    rows = [row(i, image_id=i, bbox=[35, 3 + i, 9, 9]) for i in range(1, 5)]
    images = [image(i) for i in range(1, 5)]
    for repair in (False, True):
        with pytest.raises(DataError) as error:
            read(tmp_path, content(rows, images), repair=repair)
        said = str(error.value)
        assert (
            "a.json: 4 annotations, mask does not lie in its box, over 20% is outside (dog 4; ids 1, 2, 3, 4): " in said
        )
        assert said.endswith("mend the file, or take `bbox` out of it: data.repair=true measures boxes on masks")
    for number in rows:
        del number["bbox"]
    assert read(tmp_path, content(rows, images), repair=True).boxes.tolist() == [[10, 10, 30, 30]] * 4
    few = [row(i, image_id=i, bbox=[35, 3 + i, 9, 9]) for i in range(1, 3)]
    assert read(tmp_path, content(few, images)).has_mask.all()  # two are chance


def test_masks_beyond_the_edge_stop_nothing(tmp_path: Path) -> None:
    beyond = [[30, 10, 90, 10, 90, 30, 30, 30]]
    rows = [row(i, image_id=i, bbox=[30, 10, 60, 20], segmentation=beyond) for i in range(1, 5)]
    images = [image(i) for i in range(1, 5)]
    assert (
        reasons(read(tmp_path, content(rows, images)), "warning")["mask does not lie in its box, over 20% is outside"]
        == 4
    )


def test_boxes_far_larger_than_their_masks(tmp_path: Path) -> None:
    rows = [row(1, bbox=[0, 0, W, H]), row(2, image_id=2)]
    assert reasons(read(tmp_path, content(rows)), "warning") == {"box over 4 times as large as its mask": 1}
    assert read(tmp_path, content(rows), repair=True).boxes.tolist() == [[10, 10, 30, 30]] * 2


def test_doubled_rows_with_other_ids_and_boxes_a_little_off(tmp_path: Path) -> None:
    bare = {"segmentation": None}
    rows = [
        row(1, **bare), row(50, bbox=[10.2, 10, 20, 20.3]),  # one has the mask
        row(2, image_id=2, **bare), row(3, image_id=2, **bare),  # neither has
        row(4, image_id=3), row(5, image_id=3, segmentation=[[10, 10, 30, 10, 11, 30]]),  # both have
        row(6, image_id=4), row(7, image_id=4, category_id=90),  # two classes
        row(8, image_id=5), row(9, image_id=5, bbox=[14, 10, 20, 20], **bare),  # two objects
    ]  # fmt: skip
    data = content(rows, [image(i) for i in range(1, 6)])
    plain = read(tmp_path, data)
    assert len(plain.ann_ids) == 10
    assert sorted(reasons(plain, "warning").values()) == [1, 2]
    joined = read(tmp_path, data, duplicates="join")
    assert joined.ann_ids.tolist() == [50, 2, 4, 5, 6, 7, 8, 9]
    assert sum(reasons(joined, "dropped").values()) == 2


def test_rows_listed_twice_are_joined(tmp_path: Path) -> None:
    rows = [row(1), row(2, image_id=2, segmentation=rle(disc()), bbox=[17, 12, 17, 17])]
    records = read(tmp_path, content([*rows, *rows]), repair=True, duplicates="join")
    assert records.rows.tolist() == [0, 1]
    assert sum(reasons(records, "dropped").values()) == 2


def test_boxes_as_text(tmp_path: Path) -> None:
    rows = [row(1, bbox=["10", " 10.5", "20", 20], segmentation=None), row(2, bbox=["a", 1, 2, 3], segmentation=None)]
    assert len(read(tmp_path, content(rows)).ann_ids) == 0
    assert read(tmp_path, content(rows), repair=True).boxes.tolist() == [[10, 10.5, 30, 30.5]]


def test_boxes_and_masks_in_shares_of_the_image(tmp_path: Path) -> None:
    boxes = [(20, 18, 20, 20), (24, 15, 22, 22), (25, 20, 14, 9), (32, 23, 8, 12)]
    outlines = [np.array([x, y, x + w, y, x, y + h]) for x, y, w, h in boxes]
    rows = [
        row(i, bbox=(np.array(box) / [W, H, W, H]).tolist(), segmentation=[(outline / ([W, H] * 3)).tolist()])
        for i, (box, outline) in enumerate(zip(boxes, outlines, strict=True))
    ]
    with pytest.raises(DataError, match=r"x, y, width, height in shares of the image \(0\.\.1\)"):
        read(tmp_path, content(rows))
    records = read(tmp_path, content(rows), repair=True)
    assert records.has_mask.all()
    assert records.boxes.tolist() == [[x, y, x + w, y + h] for x, y, w, h in boxes]
    for a, outline in enumerate(outlines):
        wanted = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([outline.tolist()], H, W)))
        assert (records.mask(a) != wanted).sum() <= 2


def test_a_crowd_of_many_pieces_is_no_painted_mask(tmp_path: Path) -> None:
    scattered = sum(filled(5 * i, 4 * i, 5 * i + 3, 4 * i + 3) for i in range(9))
    holed = disc() - disc(radius=3)
    crowd = {"iscrowd": 1, "image_id": 2}
    one = read(tmp_path, content([row(1), row(2, segmentation=rle(scattered), bbox=[0, 0, 43, 35], **crowd)]))
    assert one.report.count("warning") == 0
    assert "crowd regions (iscrowd 1): background in training and not judged (dog 1; id 2)" in "".join(
        one.report.lines()
    )
    two = read(tmp_path, content([row(1), row(2, segmentation=rle(holed), bbox=[17, 12, 17, 17], **crowd)]))
    assert "look like painted masks" in two.report.lines("warning")[0]
    other = row(3, segmentation=rle(disc()), bbox=[17, 12, 17, 17])
    mixed = read(tmp_path, content([row(1), row(2, segmentation=rle(holed), bbox=[17, 12, 17, 17], **crowd), other]))
    assert mixed.report.count("warning") == 0
    # a model's run lengths beside them, of a completed file, change nothing
    other |= {"segmentation_predicted": True}
    completed = read(
        tmp_path, content([row(1), row(2, segmentation=rle(holed), bbox=[17, 12, 17, 17], **crowd), other])
    )
    assert "look like painted masks" in completed.report.lines("warning")[0]
    assert read(tmp_path, content([row(1, iscrowd=1, segmentation=None)]), crowd="object").crowd.tolist() == [False]


def test_crowded_images_are_noted(tmp_path: Path) -> None:
    rows = [row(i, bbox=[i % 40, i // 5, 8, 8], segmentation=None) for i in range(101)]
    records = read(tmp_path, content(rows), duplicates="keep")
    assert reasons(records, "noted")["with more than 100 objects"] == 1
    assert "with more than 100 objects" not in reasons(read(tmp_path, content(rows[:100])), "noted")


@pytest.mark.parametrize(
    "written",
    [
        "[10, 10.5, 20, 20]",
        {"x": 10, "y": "10.5", "width": 20, "height": 20},
        {"left": 10, "top": 10.5, "width": 20, "height": 20},
    ],
)
def test_boxes_as_text_of_a_list_and_as_objects(tmp_path: Path, written: Any) -> None:
    data = content([row(1, bbox=written, segmentation=None), row(2, image_id=2)])
    [line] = read(tmp_path, data).report.lines("dropped")
    assert "bbox is not four finite numbers (dog 1; id 1): data.repair=true reads text in place of numbers" in line
    mended = read(tmp_path, data, repair=True)
    assert mended.boxes[0].tolist() == [10, 10.5, 30, 30.5]
    assert reasons(mended, "repaired") == {"bbox is text or an object: read as four numbers": 1}


def shares(form: str, boxes: list[tuple[int, ...]], **changes: Any) -> list[dict[str, Any]]:
    """Rows with their boxes, and their triangles unless changed, in shares of the image."""
    write = _forms()[form]
    found = []
    for i, (x, y, w, h) in enumerate(boxes):
        triangle = (np.array([x, y, x + w, y, x, y + h]) / ([W, H] * 3)).tolist()
        found.append(row(i, image_id=1 + i % 2, bbox=write(x, y, w, h), **{"segmentation": [triangle], **changes}))
    return found


@pytest.mark.parametrize(
    "form", ["in shares of the image", "the centre, width and height in shares", "two corners in shares"]
)
def test_every_form_of_shares_is_told_by_masks_or_by_what_is_possible(tmp_path: Path, form: str) -> None:
    boxes = [(20, 18, 20, 20), (24, 15, 22, 22), (0, 20, 14, 9), (40, 31, 10, 9)]
    for changes in ({}, {"segmentation": None}):
        data = content(shares(form, boxes, **changes))
        with pytest.raises(DataError, match=form):
            read(tmp_path, data)
        records = read(tmp_path, data, repair=True)
        order = np.argsort(records.rows)
        assert np.abs(records.boxes[order] - [[x, y, x + w, y + h] for x, y, w, h in boxes]).max() < 1e-3
        assert records.has_mask.all() == (not changes)
        assert records.report.count("warning") == 0


def test_shares_of_which_nothing_tells_the_form_are_not_read(tmp_path: Path) -> None:
    data = content(shares("in shares of the image", [(20, 18, 20, 12), (22, 15, 16, 14)], segmentation=None))
    for repair in (False, True):
        records = read(tmp_path, data, repair=repair)
        assert len(records.ann_ids) == 0
        [line] = records.report.lines("warning")
        assert "of x, y or of the centre: nothing tells which, not x, y, width" in line
        assert line.endswith("write them in pixels")


@pytest.mark.parametrize("name", ["dog", "kite"])
def test_a_class_by_its_name(tmp_path: Path, name: str) -> None:
    data = content([row(1, category_id=name), row(2, image_id=2, category_id=1)])
    with pytest.raises(DataError, match=r"categories that the file does not have.*: data\.repair=true reads text in"):
        read(tmp_path, data)
    records = read(tmp_path, data, repair=True)
    assert [records.class_names[label] for label in records.labels.tolist()] == [name, "person"]


def test_advice_is_given_only_where_it_works(tmp_path: Path) -> None:
    for changes in ({"category_id": "cow"}, {"image_id": "x.jpg"}):
        with pytest.raises(DataError, match="that the file does not have") as error:
            read(tmp_path, content([row(1, **changes), row(2)]))
        assert "reads text" not in str(error.value)


def test_run_lengths_in_a_list(tmp_path: Path) -> None:
    mask = disc()
    data = content([row(1, segmentation=[rle(mask)], bbox=[17, 12, 17, 17])])
    assert "data.repair=true reads what can only mean one mask" in read(tmp_path, data).report.lines("without_mask")[0]
    assert (read(tmp_path, data, repair=True).mask(0) == mask).all()


@pytest.mark.parametrize(("own", "used"), [((0, 1, 2), (1, 2, 3)), ((1, 2, 3), (0, 1, 2)), ((0, 1, 2), (2, 3))])
def test_classes_counted_from_another_number(tmp_path: Path, own: tuple[int, ...], used: tuple[int, ...]) -> None:
    table = [{"id": id_, "name": f"class {id_}"} for id_ in own]
    data = content([row(i, image_id=1 + i % 2, category_id=id_) for i, id_ in enumerate(used)], categories=table)
    for repair in (False, True):  # dropping some would leave the others with the class beside their own
        with pytest.raises(DataError, match=rf"ids {own[0]} to {own[-1]}, the annotations use {used[0]} to {used[-1]}"):
            read(tmp_path, data, repair=repair)


def test_a_stray_class_is_no_other_count(tmp_path: Path) -> None:
    table = [{"id": id_, "name": f"class {id_}"} for id_ in range(1, 11)]
    data = content([row(1, category_id=5), row(2, image_id=2, category_id=11)], categories=table)
    assert read(tmp_path, data, repair=True).ann_ids.tolist() == [1]


def test_pictures_named_by_their_address_alone_as_in_lvis(tmp_path: Path) -> None:
    """LVIS v1: `coco_url` in place of `file_name`, no `iscrowd`, classes that were looked for by image."""
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017" / "7.jpg").write_bytes(b"x")
    address = "http://images.cocodataset.org/train2017/7.jpg"
    lvis = {"coco_url": address, "neg_category_ids": [90], "not_exhaustive_category_ids": []}
    data = content([row(1, image_id=7, iscrowd=...)], [{"id": 7, "height": H, "width": W, **lvis}])
    with pytest.raises(DataError, match=r"file_name is a URL.*: data\.strip_path=1 leaves their first folder out"):
        read(tmp_path, data)
    records = read(tmp_path, data, strip_path=1)
    assert records.file_path(0) == tmp_path.resolve() / "train2017" / "7.jpg"
    assert "named by coco_url" in " ".join(reasons(records, "noted"))
    assert "which classes were looked for (neg_category_ids" in " ".join(reasons(records, "noted"))


def test_pictures_named_by_another_key(tmp_path: Path) -> None:
    data = content([row(1)], [{"id": 1, "height": H, "width": W, "path": "/datasets/a/1.jpg"}])
    with pytest.raises(DataError, match=r"without file_name \(id 1\): they have `path`: name it `file_name`"):
        read(tmp_path, data)


CATEGORIES = [{"id": 0, "name": "dogs"}, {"id": 18, "name": "dog"}, {"id": 90, "name": "dog"}]


def test_categories_of_one_name_with_objects_each(tmp_path: Path) -> None:
    data = content([row(1), row(2, image_id=2, category_id=90)], categories=CATEGORIES)
    for rules in ({}, {"empty_categories": "drop"}):
        with pytest.raises(
            DataError, match=r"share the name 'dog' \(id 18: 1 objects, id 90: 1 objects\).*repair=true"
        ):
            read(tmp_path, data, **rules)
    records = read(tmp_path, data, repair=True)
    assert records.class_names == ["dogs", "dog"]
    assert records.labels.tolist() == [1, 1]
    dropped = read(tmp_path, data, repair=True, empty_categories="drop")
    assert dropped.class_names == ["dog"]
    assert dropped.labels.tolist() == [0, 0]


@pytest.mark.parametrize("names", [("Dog", "dog"), ("dog ", "dog"), ("traffic  light", "traffic light")])
def test_names_that_nearly_agree_are_a_warning(tmp_path: Path, names: tuple[str, str]) -> None:
    table = [{"id": 18, "name": names[0]}, {"id": 2, "name": names[1]}]
    records = read(tmp_path, content([row(1)], categories=table))
    assert "differ by case or spaces alone" in records.report.lines("warning")[0]


def test_a_class_for_the_boxes_of_another(tmp_path: Path) -> None:
    """As Supervisely's import of COCO files makes it."""
    table = [{"id": 18, "name": "dog"}, {"id": 2, "name": "dog_bbox"}, {"id": 3, "name": "cat_bbox"}]
    [line] = read(tmp_path, content([row(1), row(2, category_id=2)], categories=table)).report.lines("warning")
    assert "'dog_bbox' beside 'dog'" in line
    assert "cat_bbox" not in line
    for entry in table:
        entry["name"] = entry["name"].removesuffix("_bbox")
    joined = read(tmp_path, content([row(1), row(2, image_id=2, category_id=2)], categories=table), repair=True)
    assert len(set(joined.labels.tolist())) == 1
    assert joined.report.count("warning") == 0


def test_every_id_as_text(tmp_path: Path) -> None:
    table = [{"id": "18", "name": "dog"}, {"id": "90", "name": "kite"}]
    images = [image("1"), image("img/b", file_name="b.jpg")]
    rows = [row("1", image_id="1", category_id="18"), row("x", image_id="img/b", category_id="90")]
    with pytest.raises(DataError, match="reads ids that are text"):
        read(tmp_path, content(rows, images, table))
    records = read(tmp_path, content(rows, images, table), repair=True)
    assert records.image_ids.tolist() == [1, 2]
    assert records.ann_ids.tolist() == [1, 2]
    assert records.labels.tolist() == [0, 1]
    assert records.file_name(1) == "b.jpg"
    assert records.report.count("repaired", "id is text: read or replaced by a number") == 4


def test_images_listed_twice_alike_are_one(tmp_path: Path) -> None:
    data = content([row(1), row(2, image_id=2)], [image(1), image(2), image(1), image(3), image(3, file_name="x.jpg")])
    records = read(tmp_path, data, repair=True)
    assert records.image_ids.tolist() == [1, 2]
    assert reasons(records, "dropped") == {
        "listed twice": 1, "whose id several images share: nothing tells whose the objects are": 2,
    }  # fmt: skip


def test_numbers_of_pictures_as_text(tmp_path: Path) -> None:
    records = read(tmp_path, content([row(1)], [image(1, height=str(H), width=f" {W}")]), repair=True)
    assert (records.heights[0], records.widths[0]) == (H, W)
    assert reasons(records, "repaired") == {"height or width is text: read as a number": 1}


def test_ids_near_the_largest_leave_room_for_new_ones(tmp_path: Path) -> None:
    rows = [row(2**63 - 1), row(2**63 - 1, image_id=2), row(..., image_id=2), row(0, image_id=2), row(-5, image_id=2)]
    records = read(tmp_path, content(rows), repair=True)
    assert len(set(records.ann_ids.tolist())) == len(records.ann_ids) == 5


def test_nothing_of_a_predicted_mask_is_lost_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    read(tmp_path, content([row(1, segmentation_predicted=True, segmentation_confidence=0.5)]))
    before = path.read_bytes()
    load_annotations(path, tmp_path)
    assert path.read_bytes() == before


def test_a_model_made_what_has_a_score(tmp_path: Path) -> None:
    data = content(
        [row(1, score=0.7), row(2, image_id=2, score=0.7, segmentation=None), row(3, category_id=1, score=1.0)]
    )
    [line] = read(tmp_path, data).report.lines("warning")
    assert "1 annotation, mask has a score as detections have it" in line
    assert line.endswith("`segmentation_predicted: true` in its row says so")
    data["annotations"][0]["segmentation_predicted"] = 1
    records = read(tmp_path, data)
    assert records.report.count("warning") == 0
    assert records.predicted.tolist() == [True, False, False]


def test_images_by_file_name(tmp_path: Path) -> None:
    rows = [row(1, image_id="1.jpg"), row(2, image_id="2.jpg"), row(3, image_id="9.jpg")]
    with pytest.raises(DataError, match=r"images that the file does not have \(dog 3; ids 1, 2, 3\): data.repair=true"):
        read(tmp_path, content(rows))
    records = read(tmp_path, content(rows), repair=True)
    assert records.ann_ids.tolist() == [1, 2]
    assert records.image_ids[records.images_of(np.arange(2))].tolist() == [1, 2]
    shared = content([row(1, image_id="1.jpg")], [image(1), image(2, file_name="1.jpg")])
    assert len(read(tmp_path, shared, repair=True).ann_ids) == 0  # it may be either


@pytest.mark.parametrize("key", ["image_id", "category_id"])
def test_rows_that_refer_to_nothing_say_so(tmp_path: Path, key: str) -> None:
    with pytest.raises(DataError, match=f"2 annotations, without {key} .*: each object needs the id of its"):
        read(tmp_path, content([row(1), row(2, **{key: ...}), row(3, **{key: None})]))


@pytest.mark.parametrize("step", [1, -1])
def test_image_numbers_that_may_be_one_off(tmp_path: Path, step: int) -> None:
    images = [image(number) for number in range(1, 7)]
    rows = [row(number, image_id=number + step) for number in range(1, 7)]
    said = f"the images have the ids 1 to 6, the annotations ask for {1 + step} to {6 + step}: if they are one off"
    with pytest.raises(DataError, match=said):
        read(tmp_path, content(rows, images))
    assert said in read(tmp_path, content(rows, images), repair=True).report.lines("dropped")[0]
    with pytest.raises(DataError) as error:  # other numbers, too
        read(tmp_path, content([*rows, row(9, image_id=70)], images))
    assert "one off" not in str(error.value)


def test_a_file_whose_masks_are_mostly_unreadable_is_warned_of(tmp_path: Path) -> None:
    odd = [row(number, segmentation=[[1, 2, 3, 4, 5, 6, 7]]) for number in range(1, 5)]
    said = "most segmentations of the file cannot be read"
    records = read(tmp_path, content([*odd, row(5), row(6, segmentation=None), row(7, segmentation=[])]))
    assert reasons(records, "warning")[said] == 4
    few = read(tmp_path, content([*odd[:3], *[row(number) for number in range(5, 9)]]))
    assert said not in reasons(few, "warning")


def test_parts_far_beyond_a_large_image_are_not_drawn(tmp_path: Path) -> None:
    far = 4 * 13_000
    wide = [[0, 0, far, 0, far, far, 0, far], [-far, -far, far, -far, far, far, -far, far]]
    picture = image(1, width=13_000, height=13_000)
    records = read(tmp_path, content([row(1, segmentation=wide, bbox=[0, 0, 13_000, 13_000])], [picture]))
    assert records.has_mask.all()
