"""Counts, examples, lines and JSON of the report."""

from __future__ import annotations

import json

import numpy as np
import pytest

from contrastmask.data.report import EXAMPLES, Report


def example() -> Report:
    report = Report()
    report.add("without_mask", "annotation", "no segmentation", np.arange(1000, 1020))
    report.add("dropped", "annotation", "box outside", [7])
    report.add("dropped", "image", "that are not objects", ["row 3"])
    return report


def test_empty_is_silent() -> None:
    report = Report()
    report.add("dropped", "annotation", "nothing of the kind", [])
    assert not report
    assert report.lines() == []
    assert set(report.to_dict()) == {"warning", "dropped", "repaired", "without_mask", "noted"}
    assert not any(report.to_dict().values())


def test_one_line_a_reason_worst_first() -> None:
    assert example().lines() == [
        "dropped: 1 annotation, box outside (id 7)",
        "dropped: 1 image, that are not objects (row 3)",
        "kept without mask: 20 annotations, no segmentation (ids 1000, 1001, 1002, 1003, 1004, …)",
    ]


def test_to_dict_is_json() -> None:
    content = json.loads(json.dumps(example().to_dict()))
    assert content["without_mask"] == [
        {"subject": "annotation", "reason": "no segmentation", "count": 20, "examples": [1000, 1001, 1002, 1003, 1004]}
    ]
    assert content["repaired"] == []


def test_merge_adds_and_leaves_both_alone() -> None:
    one, two = example(), Report()
    two.add("dropped", "annotation", "box outside", [8, 9])
    merged = one.merge(two)
    assert merged.count("dropped", "box outside") == 3
    assert merged.to_dict()["dropped"][0]["examples"] == [7, 8, 9]
    assert one.count("dropped", "box outside") == 1
    assert two.count() == 2
    merged.add("dropped", "annotation", "box outside", range(100))
    assert len(merged.to_dict()["dropped"][0]["examples"]) == EXAMPLES
    assert two.to_dict()["dropped"][0]["examples"] == [8, 9]


def test_unknown_outcome() -> None:
    with pytest.raises(ValueError, match="without_mask"):
        Report().add("lost", "annotation", "x", [1])  # type: ignore[arg-type]


def test_a_line_tells_classes_and_the_way_out() -> None:
    report = Report()
    classes = {f"class {number}": 10 - number for number in range(9)}
    report.add("warning", "annotation", "odd", ["row 4", "row 9"], classes=classes, remedy="mend=true", count=54)
    named = ", ".join(f"class {number} {10 - number}" for number in range(6))
    line = f"warning: 54 annotations, odd ({named}, and 3 more classes; row 4, row 9, …): mend=true"
    assert report.lines() == report.lines("warning") == [line]
    assert report.lines("dropped") == []
    again = Report()
    again.restore(json.loads(json.dumps(report.to_dict())))
    assert again.lines() == [line]
    assert again.merge(report).to_dict()["warning"][0]["classes"]["class 0"] == 20


def test_categories_have_their_plural() -> None:
    report = Report()
    report.add("noted", "category", "without objects", ["dog", "cat"])
    assert report.lines() == ["noted: 2 categories, without objects (dog, cat)"]
