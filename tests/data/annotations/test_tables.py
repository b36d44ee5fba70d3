"""Files that contradict themselves, or are no annotation files at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contrastmask.data.annotations.load import load_annotations
from contrastmask.errors import DataError
from tests.data.coco_rows import content, image, read, row


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(7, image_id=55), r"images that the file does not have \(dog 1; id 7\)"),
        (row(7, image_id="1"), r"images that the file does not have \(dog 1; id 7\)"),
        (row(7, image_id=...), r"without image_id \(dog 1; id 7\)"),
        (row(7, category_id=2), r"categories that the file does not have \(id 7\)"),
        (row(7, category_id=None), r"without category_id \(id 7\)"),
        (row(7, bbox=...), r"without bbox \(dog 1; id 7\)"),
        (row(1), r"whose id occurred before \(dog 1; id 1\)"),
        (row(...), r"without an integer id \(dog 1; row 2\)"),
        (row("7"), r"without an integer id \(dog 1; row 2\)"),
        (row(True), r"without an integer id \(dog 1; row 2\)"),
        (row(2**70), r"without an integer id \(dog 1; row 2\)"),
        ([1, 2], r"not objects \(row 2\)"),
        (None, r"not objects \(row 2\)"),
    ],
)
def test_inconsistent_annotations_stop_and_say_the_way_out(tmp_path: Path, bad: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason + r".*\n.*repair=true"):
        read(tmp_path, content([row(1), row(2), bad]))


@pytest.mark.parametrize(
    ("bad", "ids"),
    [
        (row(7, image_id=55), [1, 2]),
        (row(7, image_id="1"), [1, 2, 7]),
        (row(7, image_id="one"), [1, 2]),
        (row(7, category_id=2), [1, 2]),
        (row(7, category_id="18"), [1, 2, 7]),
        (row(7, category_id=None), [1, 2]),
        (row(7, bbox=...), [1, 2, 7]),
        (row(7, bbox=..., segmentation=...), [1, 2]),
        (row(1), [1, 2, 3]),
        (row(...), [1, 2, 3]),
        (row("7"), [1, 2, 7]),
        (row("seven"), [1, 2, 3]),
        (row(True), [1, 2, 3]),
        (row(2**70), [1, 2, 3]),
        ([1, 2], [1, 2]),
        (None, [1, 2]),
    ],
)
def test_a_repair_mends_what_can_be_mended_and_counts_it(tmp_path: Path, bad: Any, ids: list[int]) -> None:
    records = read(tmp_path, content([row(1), row(2, bbox=[1, 1, 9, 9]), bad]), repair=True)
    assert records.ann_ids.tolist() == ids
    assert records.rows.tolist() == list(range(len(ids)))
    assert records.report.count("dropped" if len(ids) == 2 else "repaired") == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (image(...), "without an integer id"),
        ("3.jpg", "not objects"),
        (image(3, height=0), r"height and width \(id 3\)"),
        (image(3, width=None), "height and width"),
        (image(3, height=2**30), "pixels"),
        (image(3, height=20_000, width=20_000), "pixels"),
        (image(3, file_name=None), "without file_name"),
        (image(3, file_name=" "), "without file_name"),
        (image(3, file_name="../secret.jpg"), r"'\.\.'"),
        (image(3, file_name="a/../../b.jpg"), r"'\.\.'"),
        (image(3, file_name="a\\..\\b.jpg"), r"'\.\.'"),
        (image(3, file_name="/etc/passwd"), "absolute"),
        (image(3, file_name="C:\\secret.jpg"), "absolute"),
        (image(3, file_name="\\\\host\\share.jpg"), "absolute"),
        (image(3, file_name="a\0.jpg"), "NUL"),
        (image(3, file_name="https://example.org/a.jpg"), "URL"),
        (image(3, file_name="FILE:a.jpg"), "URL"),
        (image(3, file_name="\ud800.jpg"), "Unicode"),
    ],
)
def test_inconsistent_images_stop_or_are_dropped_with_their_annotations(tmp_path: Path, bad: Any, reason: str) -> None:
    bad = {k: v for k, v in bad.items() if v is not ...} if isinstance(bad, dict) else bad
    data = content([row(1), row(2, image_id=3)], [image(1), bad])
    data["annotations"] = data["annotations"][: 2 if isinstance(bad, dict) and bad.get("id") == 3 else 1]
    with pytest.raises(DataError, match=reason):
        read(tmp_path, data)
    records = read(tmp_path, data, repair=True)
    assert records.image_ids.tolist() == [1]
    assert records.file_name(0) == "1.jpg"
    assert records.ann_ids.tolist() == [1]


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    rows = [row(1), row(1), row(3, image_id=77), *(row(i, category_id=5) for i in range(10, 30))]
    with pytest.raises(DataError) as error:
        read(tmp_path, content(rows))
    lines = str(error.value).splitlines()
    assert len(lines) == 5
    assert "20 annotations" in lines[2]
    assert "10, 11, 12, 13, 14, …" in lines[2]
    assert "1 annotation, whose id occurred before" in lines[3]


def test_one_file_under_two_ids_is_noted(tmp_path: Path) -> None:
    records = read(tmp_path, content([], [image(1), image(2, file_name="1.jpg"), image(3)]))
    assert len(records.image_ids) == 3
    notes = records.report.to_dict()["noted"]
    assert [note["examples"] for note in notes if note["subject"] == "image"] == [[2]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "top level is a list"),
        ({}, "'images' is missing"),
        ({"images": [], "categories": []}, "'annotations' is missing; it has categories, images"),
        ({**content([]), "annotations": None}, "'annotations' is no list"),
        (content([], images=[]), "'images' is empty"),
        ({**content([]), "categories": []}, "'categories' is empty"),
        (content([], categories=[{"id": 1}]), "category 0"),
        (content([], categories=[{"id": 1, "name": ""}]), "category 0"),
        (content([], categories=["cat"]), "category 0"),
        (content([], categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "share the id 1"),
    ],
)
@pytest.mark.parametrize("repair", [False, True])
def test_files_that_are_no_instance_annotations(tmp_path: Path, data: Any, reason: str, repair: bool) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, data, repair=repair)


def test_no_image_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image is left"):
        read(tmp_path, content([], [image(1, height=0)]), repair=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"),
        (b"<html>404</html>", "web page"),
        (b"\x1f\x8b\x08\x00", "archive"),
        (b'{"images": [', "JSONDecodeError"),
        (b"\xff\xfe\xff", "not a JSON file"),
        (b"[" * 200_000, "RecursionError"),
        (b'{"images": ' + b"9" * 5000 + b"}", "not a JSON file"),
    ],
)
def test_files_that_are_no_json(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(DataError, match=reason) as error:
        load_annotations(tmp_path / "a.json", tmp_path)
    assert str(tmp_path / "a.json") in str(error.value)


def test_missing_data_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the annotation file .*gone\.json does not exist; .* is empty"):
        load_annotations(tmp_path / "gone.json", tmp_path)
    read(tmp_path, content([]))
    with pytest.raises(DataError, match=r"the image folder .*gone does not exist; in .* lies a\.json"):
        load_annotations(tmp_path / "a.json", tmp_path / "gone")
    with pytest.raises(DataError, match="it is a folder"):
        load_annotations(tmp_path, tmp_path)


def test_size_of_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contrastmask.data.file_content.MAX_JSON_BYTES", 100)
    with pytest.raises(DataError, match="limit of 100"):
        read(tmp_path, content([]))
