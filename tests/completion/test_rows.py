"""Rows are told apart by their place: a mask stays whoever bears its id, and no row without one is forgotten."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.completion.sieve import FIGURES
from contrastmask.errors import DataError
from tests.completion.filled_boxes import run
from tests.data.coco_rows import CROWD, TRIANGLE, H, W, content, image, row

MARKS = ("segmentation_predicted", "segmentation_confidence")


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[int]:
    """Places of the rows that are not as they were; all else of the file is."""
    assert {k: v for k, v in before.items() if k != "annotations"} == {
        k: v for k, v in after.items() if k != "annotations"
    }
    pairs = list(zip(before["annotations"], after["annotations"], strict=True))
    for old, new in pairs:
        if old != new:
            assert new["segmentation_predicted"] is True
            assert all(new[key] == old[key] for key in old.keys() - {"segmentation", "area", "attributes", *MARKS})
    return [place for place, (old, new) in enumerate(pairs) if old != new]


def test_a_drawn_mask_and_a_box_share_an_id(tmp_path: Path) -> None:
    rows = [row(1), row(2), row(1, segmentation=..., bbox=[30, 5, 10, 20], category_id=90)]
    with pytest.raises(DataError, match="occurred before"):
        run(tmp_path, content(rows))
    summary, after = run(tmp_path, content(rows), repair=True)
    assert changed(content(rows), after) == [2]
    assert coco_mask.toBbox(after["annotations"][2]["segmentation"]).tolist() == [31, 6, 9, 19]
    assert (summary["completed"], summary["kept"], summary["left"]) == (1, {"mask": 2}, {})


@pytest.mark.parametrize("where", ["before", "after"])
def test_ids_start_again_in_every_image(tmp_path: Path, where: str) -> None:
    rows = [
        row(id_, image_id=picture, segmentation=TRIANGLE if id_ == 1 else None) for picture in (1, 2) for id_ in (1, 2)
    ]
    if where == "before":
        rows = [rows[i] for i in (1, 0, 3, 2)]
    rows[-1]["bbox"] = [20, 10, 20, 20]
    summary, after = run(tmp_path, content(rows), repair=True)
    assert changed(content(rows), after) == ([0, 2] if where == "before" else [1, 3])
    assert summary["completed"] == 2
    for place in changed(content(rows), after):
        x, y, w, h = rows[place]["bbox"]
        assert coco_mask.toBbox(after["annotations"][place]["segmentation"]).tolist() == [x + 1, y + 1, w - 1, h - 1]


def test_rows_without_ids_and_with_ids_of_odd_types(tmp_path: Path) -> None:
    odd: list[Any] = [..., None, "7", "seven", True, 1.5, [1], {"a": 1}, 2**70, -3, 1e400]
    rows = [row(id_, segmentation=None, bbox=[1 + n, 1 + n, 9, 9]) for n, id_ in enumerate(odd)]
    rows += [
        row(5, category_id="18", segmentation=None, bbox=[25, 20, 9, 9]),
        row(6, category_id=[18], segmentation=None),
    ]
    summary, after = run(tmp_path, content([*rows, None, 3, "x", []]), repair=True)
    assert changed(content([*rows, None, 3, "x", []]), after) == list(range(12))
    assert summary["left_rows"] == {
        "unusable: that are not objects": [13, 14, 15, 16],
        "unusable: of categories that the file does not have": [12],
    }
    assert summary["left"]["unusable: that are not objects"] == [None] * 4


BLANK_RUNS = coco_mask.encode(np.zeros((H, W), dtype=np.uint8, order="F"))["counts"].decode()
NOTHING: list[Any] = [
    ..., None, [], [[]], [[], []], "", " ", {}, {"counts": []}, {"size": [H, W], "counts": []}, {"size": [H, W]},
    {"size": [H, W], "counts": ""}, {"size": [H, W], "counts": [H * W]}, {"size": [H, W], "counts": BLANK_RUNS},
    [[10, 10, 30, 30]], [10, 10, 30, 30], [[0, 0, 0, 0, 0, 0]], [[10, 10] * 4], [[[]]], 0, False, [None], "null", "[]",
]  # fmt: skip


@pytest.mark.parametrize("value", NOTHING, ids=repr)
def test_every_way_to_write_nothing_is_completed(tmp_path: Path, value: Any) -> None:
    rows = [row(1), row(2, segmentation=value, bbox=[5, 5, 30, 30])]
    summary, after = run(tmp_path, content(rows))
    assert changed(content(rows), after) == [1]
    assert (summary["completed"], summary["left"]) == (1, {})


WORK: list[Any] = [
    [1, 2, 30, 2, 30, 40], [[0.1, 0.1, 0.4, 0.1, 0.1, 0.4]], [[100, 100, 130, 100, 100, 130]],
    [[1, 2, 30, 2, 30, 40, 7]],
    {"size": [W, H], "counts": "PPYo"}, {"size": [H, W], "counts": [3, 4]}, {"size": [H, W], "counts": "zzz"},
    "[[1, 2, 30, 2, 30, 40]]", [[[1, 2], [30, 2], [30, 40]]], [{"x": 1, "y": 2}, {"x": 30, "y": 2}, {"x": 30, "y": 40}],
    "masks/7.png",
]  # fmt: skip


@pytest.mark.parametrize("value", WORK, ids=repr)
def test_what_may_be_somebodys_work_is_listed_and_replaced_on_request(tmp_path: Path, value: Any) -> None:
    rows = [row(1), row(7, segmentation=value, bbox=[5, 5, 30, 30])]
    summary, after = run(tmp_path, content(rows))
    assert changed(content(rows), after) == []
    assert list(summary["left"].values()) == [[7]]
    assert list(summary["left_rows"].values()) == [[1]]
    (reason,) = summary["left"]
    summary, after = run(tmp_path, content(rows), unreadable="complete")
    assert changed(content(rows), after) == [1]
    assert (summary["left"], summary["replaced"]) == ({}, {reason: 1})


def test_every_row_is_under_one_heading(tmp_path: Path) -> None:
    rows = [
        row(1),
        row(2, segmentation=None),
        row(3, segmentation=CROWD, iscrowd=1, bbox=[5, 0, 5, 40]),
        row(4, segmentation=None, iscrowd=1),
        row(5, segmentation=None, category_id=90),
        row(6, segmentation_predicted=True),
        row(7, segmentation=None, bbox=[1, 1, 0.1, 5]),
        row(8, bbox=[60, 60, 5, 5]),
        row(9, segmentation=None, iscrowd="0", bbox=[2, 2, 30, 30]),
        row(10, segmentation=None, ignore=1),
        row(11, segmentation="masks/1.png", bbox=[3, 3, 30, 30]),
        row(12, segmentation=None, bbox=..., category_id=90),
        row(13, segmentation=None, image_id=2, bbox=[3, 3, 30, 30]),
    ]
    summary, after = run(tmp_path, content(rows, [image(1), image(2, file_name="gone.png", height=H + 1)]),
                         classes=["dog"], repair=True)  # fmt: skip
    assert changed(content(rows, after["images"]), after) == [1, 8]
    assert summary["kept"] == {
        "mask": 2, "crowd region": 2, "of a class not asked for": 2, "predicted mask": 1,
    }  # fmt: skip
    assert sorted(id_ for ids in summary["left"].values() for id_ in ids) == [7, 10, 11, 13]
    assert summary["left"]["image cannot be read"] == [13]
    assert summary["per_class"] == {
        "dog": {"without_mask": 6, "completed": 2, "below": 0, "confidence": pytest.approx(0.9)}
    }


@pytest.mark.parametrize("mark", ["top", "attributes"])
def test_predicted_masks_are_redone_on_request_and_never_judged_by(tmp_path: Path, mark: str) -> None:
    rows = [row(1), row(2, segmentation=None, bbox=[5, 5, 30, 30])]
    first, once = run(tmp_path, content(rows))
    assert first["check"]["all"]["objects"] == 1
    if mark == "attributes":
        for key in MARKS:
            del once["annotations"][1][key]
    again, twice = run(tmp_path, once)
    assert twice == once
    assert (again["completed"], again["kept"]) == (0, {"mask": 1, "predicted mask": 1})
    assert again["check"] == first["check"]
    redone, thrice = run(tmp_path, once, redo=True, sure=0.7)
    assert changed(once, thrice) == [1]
    assert thrice["annotations"][1]["segmentation_confidence"] == pytest.approx(0.7)
    assert thrice["annotations"][1]["attributes"]["segmentation_confidence"] == pytest.approx(0.7)
    assert redone["replaced"] == {"mask that a model made before": 1}
    assert redone["check"] == {**first["check"], **redone["check"]}
    assert redone["check"]["all"]["objects"] == 1
    kept, after = run(tmp_path, once, redo=True, sure=0.6, min_confidence=0.65)
    assert after == once
    assert kept["left"] == {"less confident than asked": [2]}


def test_marks_stand_where_other_tools_keep_them(tmp_path: Path) -> None:
    rows = [
        row(1, segmentation=None, attributes={"occluded": True}),
        row(2, segmentation=None, attributes=["of another tool"], score=0.1, image_id=2),
    ]
    _, after = run(tmp_path, content(rows))
    first, second = after["annotations"]
    marks = {key: first[key] for key in MARKS}
    figures = {key: first["attributes"][key] for key in FIGURES}
    assert first["attributes"] == {"occluded": True, **marks, **figures}
    assert second["attributes"] == ["of another tool"]
    assert all(second[key] == figures[key] for key in FIGURES)
    assert "score" not in first
    assert second["score"] == 0.1
    _, after = run(tmp_path, content(rows), as_score=True)
    assert [r["score"] for r in after["annotations"]] == pytest.approx([0.9, 0.9])


def test_a_mask_that_is_its_box_is_completed_where_it_is_said_to_be_none(tmp_path: Path) -> None:
    rows = [row(1), row(2, segmentation=[[5, 5, 35, 5, 35, 35, 5, 35]], bbox=[5, 5, 30, 30])]
    summary, after = run(tmp_path, content(rows))
    assert after == content(rows)
    assert summary["kept"] == {"mask": 2}
    summary, after = run(tmp_path, content(rows), rectangles="box")
    assert changed(content(rows), after) == [1]
    assert summary["replaced"] == {"mask is its own box": 1}


def test_a_mask_that_is_its_box_once_it_is_mended(tmp_path: Path) -> None:
    """VIA writes boxes and outlines as flat lists; both settings are asked for then."""
    rows = [row(1, segmentation=TRIANGLE[0]), row(2, segmentation=[5, 5, 35, 5, 35, 35, 5, 35], bbox=[5, 5, 30, 30])]
    summary, after = run(tmp_path, content(rows), repair=True)
    assert (summary["kept"], summary["left"]) == ({"mask": 2}, {})
    summary, after = run(tmp_path, content(rows), rectangles="box")
    assert (summary["completed"], [len(places) for places in summary["left"].values()]) == (0, [2])
    summary, after = run(tmp_path, content(rows), repair=True, rectangles="box")
    assert changed(content(rows), after) == [1]
    assert (summary["kept"], summary["left"], summary["replaced"]) == ({"mask": 1}, {}, {"mask is its own box": 1})


def test_corners_before_a_turn_are_completed_once_a_repair_is_asked_for(tmp_path: Path) -> None:
    """Encord writes turned boxes so; the new mask comes from the upright box around the turned one."""
    corners = [[10, 15, 40, 15, 40, 25, 10, 25]]
    rows = [row(1), row(2, segmentation=corners, bbox=[10, 15, 30, 10], attributes={"rotation": 90.0})]
    summary, after = run(tmp_path, content(rows))
    assert after == content(rows)
    assert summary["kept"] == {"mask": 2}
    summary, after = run(tmp_path, content(rows), repair=True)
    assert changed(content(rows), after) == [1]
    assert (summary["left"], summary["replaced"]) == ({}, {"mask is the box before its turn": 1})
    assert coco_mask.toBbox(after["annotations"][1]["segmentation"]).tolist() == [21, 6, 9, 29]


def test_true_masks_are_matched_by_image_and_id_or_by_place(tmp_path: Path) -> None:
    square = [[6, 6, 30, 6, 30, 30, 6, 30]]
    truth = [
        row(id_, image_id=picture, bbox=[5 + picture, 5, 20 + id_, 30], segmentation=square)
        for picture in (1, 2)
        for id_ in (1, 2)
    ]
    rows = [{**r, "segmentation": None} for r in copy.deepcopy(truth)]
    (tmp_path / "truth.json").write_text(json.dumps(content(truth[::-1])))
    summary, _ = run(tmp_path, content(rows), repair=True, truth=tmp_path / "truth.json", late=True)
    assert summary["completed"] == 4
    (tmp_path / "truth.json").write_text(json.dumps(content([{**r, "id": None} for r in truth])))
    summary, _ = run(tmp_path, content([{**r, "id": None} for r in rows]), repair=True, truth=tmp_path / "truth.json")
    assert summary["truth"]["all"]["objects"] == 4
    (tmp_path / "truth.json").write_text(json.dumps(content([{**r, "image_id": 3 - r["image_id"]} for r in truth[:1]])))
    with pytest.raises(DataError, match="none of the 4 completed"):
        run(tmp_path, content(rows), repair=True, truth=tmp_path / "truth.json", late=True)


def test_a_file_that_changes_meanwhile_is_not_overlooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contrastmask.completion import complete as room

    write = room.write_completed

    def changes(options: Any, *arguments: Any) -> Any:
        options.annotations.write_text(json.dumps(content([row(1)])))
        return write(options, *arguments)

    monkeypatch.setattr(room, "write_completed", changes)
    with pytest.raises(DataError, match=r"changed while .* nothing is written"):
        run(tmp_path, content([row(1), row(2, segmentation=None)]), late=True)
    assert not (tmp_path / "out.json").exists()


def test_boxes_of_another_form_are_told_beside_new_masks(tmp_path: Path) -> None:
    """They stay as they are: they are a person's, and the rows without a new mask have that form, too."""
    shares = [10 / W, 10 / H, 20 / W, 20 / H]
    rows = [row(1, bbox=shares), row(2, bbox=shares, image_id=2), row(3, bbox=shares, segmentation=None, image_id=2)]
    summary, after = run(tmp_path, content(rows), repair=True)
    assert (summary["completed"], summary["boxes_apart"]) == (1, 1)
    assert [one["bbox"] for one in after["annotations"]] == [shares] * 3
    plain = [row(1), row(2, image_id=2, segmentation=None, bbox=[40, 30, 20, 20])]  # over the edge: read as it is
    assert run(tmp_path, content(plain), repair=True)[0]["boxes_apart"] == 0
