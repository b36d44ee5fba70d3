"""Rows read as columns, some thousand at a time, are the rows that json reads one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contrastmask.data.annotations import lists, row_table
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from tests.data.annotations.test_cache import assert_same
from tests.data.coco_rows import CROWD, TRIANGLE, content, row

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.json"))


def by_json(path: Path, reading: Reading) -> Records | str:
    """What is read without columns: every row by the standard library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "quickly", _refuse)
        return by_columns(path, reading)


def _refuse(*_: Any) -> None:
    raise ValueError


def by_columns(path: Path, reading: Reading) -> Records | str:
    try:
        return load_annotations(path, path.parent, reading)
    except DataError as error:
        return str(error)


def assert_alike(path: Path, reading: Reading) -> None:
    one, other = by_columns(path, reading), by_json(path, reading)
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
    else:
        assert_same(one, other)


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_files_of_real_tools(path: Path, repair: bool) -> None:
    assert_alike(path, Reading(repair=repair))


SHORT = [[1, 2, 3, 4], [10, 10, 30, 10, 10, 30]]
ODD = [
    {"id": "7"}, {"id": 7.0}, {"id": 7.5}, {"id": True}, {"id": 2**63}, {"id": 10**30}, {"id": -(2**63)}, {"id": ...},
    {"image_id": "1"}, {"image_id": 1.0}, {"image_id": None}, {"category_id": "18"}, {"category_id": [18]},
    {"bbox": ...}, {"bbox": None}, {"bbox": []}, {"bbox": [1, 2, 3]}, {"bbox": ["1", "2", "9", "9"]},
    {"bbox": [1, 2, None, 9]}, {"bbox": [True, 2, 9, 9]}, {"bbox": {"x": 1}}, {"bbox": [10**400, 1, 2, 3]},
    {"area": "12"}, {"area": None}, {"area": ...}, {"area": True}, {"area": 10**400}, {"iscrowd": "1"},
    {"iscrowd": [1]}, {"iscrowd": 1, "segmentation": CROWD}, {"ignore": 1}, {"ignore": "no"},
    {"segmentation_predicted": True},
    {"attributes": {"segmentation_predicted": "true"}}, {"attributes": 3}, {"more": {"deep": [1, [2]]}},
    *({"segmentation": value} for value in (
        ..., None, [], [[]], [[], []], [[], [10, 10, 30, 10, 10, 30]], SHORT, [[1, 2, 3, 4]], [10, 10, 30, 10, 10, 30],
        [["10", "10", "30", "10", "10", "30"]], [[True, 10, 30, 10, 10, 30]], [[10, 10, 30, 10, 10, 30], None], "", "x",
        json.dumps(TRIANGLE), 7, {}, {"counts": []}, {"size": [50, 40], "counts": [1, 1999]}, CROWD,
        [[10**400, 10, 30, 10, 10, 30]], [[10, 10, 30, 10, 10]], [[[10, 10], [30, 10], [10, 30]]],
        [[1e300, 10, 30, 10, 10, 30]], [{"x": 1, "y": 2}],
    )),
]  # fmt: skip


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("change", ODD, ids=lambda change: str(change)[:60])
def test_one_odd_row_among_plain_ones(
    change: dict[str, Any], repair: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_table, "ROWS", 2)  # so that others are read in pieces of their own
    rows = [row(1), row(2, bbox=[5.5, 5, 30, 30]), row(3, segmentation=None), row(4, **change), row(5), row(6, area=3)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content(rows)))
    assert_alike(path, Reading(repair=repair))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", '"\\ud800"', "1" * 5000, "01", "[1,]", '"\t"'])
@pytest.mark.parametrize("key", ["area", "iscrowd", "segmentation"])
def test_what_msgspec_does_not_read(text: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content([row(1), row(2, **{key: 4711.5})])).replace("4711.5", text))
    assert_alike(path, Reading())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content([row(1)])), encoding=encoding)
    assert_alike(path, Reading())
    assert len(by_columns(path, Reading()).ann_ids) == 1


def test_keys_that_come_twice_and_rows_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content([row(1)])).replace('"id": 1, "image_id"', '"id": 9, "id": 1, "image_id"'))
    assert_alike(path, Reading())
    path.write_text(json.dumps(content([row(1), None, [1], "x"])))
    assert_alike(path, Reading())
    assert_alike(path, Reading(repair=True))


def test_plain_rows_are_never_python_objects_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns are arrays, and no file falls back to json by mistake."""
    monkeypatch.setattr(lists, "parse_json", lambda *_, **__: pytest.fail("read by json"))
    path = tmp_path / "a.json"
    rows = [row(1), row(2, segmentation=None), row(3, segmentation=CROWD, iscrowd=1), row(4, segmentation=[])]
    path.write_text(json.dumps({"info": {"year": 2017}, **content(rows), "licenses": []}))
    table = lists._parse(path)["annotations"]
    kinds = {
        key: getattr(table.column(key), "dtype", None) for key in ("id", "image_id", "category_id", "bbox", "area")
    }
    assert kinds == {"id": np.int64, "image_id": np.int64, "category_id": np.int64, "bbox": np.float64,
                     "area": np.float64}  # fmt: skip
    assert table.column("segmentation").coordinates.tolist() == TRIANGLE[0]
    assert table.column("segmentation").others == {2: CROWD, 3: []}
    assert len(by_columns(path, Reading()).ann_ids) == 4
