"""A file audited from end to end, with predictors without a model: what is written, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from contrastmask.__main__ import main
from contrastmask.audit.audit import audit
from contrastmask.audit.options import AuditOptions
from contrastmask.audit.other_class import other_classes
from contrastmask.data.annotations.load import load_annotations
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.review.objects import SUSPICION
from tests.completion.filled_boxes import QUIET, FilledBoxes
from tests.completion.test_pictures import TURNED, turned
from tests.data.coco_rows import CROWD, TRIANGLE, H, W, content, image, row

NAME = 'b<img src=x onerror="alert(1)">'


class Detecting(FilledBoxes):
    """Takes every object for a kite."""

    def predict(self, pixels: np.ndarray, *, masks: bool = True) -> dict[str, Any]:
        boxes = np.array([[10, 10, 30, 30], [5, 5, 35, 35]], dtype=np.float32)
        return {"boxes": boxes, "scores": np.array([0.8, 0.3]), "names": ["kite", "dog"]}


def square(x: int, y: int, side: int) -> list[list[float]]:
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def rows() -> list[dict[str, Any]]:
    """Right masks of three sizes, a wrong one (id 9), a box alone, a crowd region, a model's mask."""
    right = [
        row(n, segmentation=square(10, 10, 20 + n % 2), bbox=[10, 10, 20 + n % 2, 20 + n % 2]) for n in range(1, 6)
    ]
    return [
        *right,
        row(9, segmentation=square(1, 1, 5), bbox=[10, 10, 20, 20], attributes={"note": NAME}, kept="as it is"),
        row(10, segmentation=None),
        row(11, segmentation=CROWD, iscrowd=1),
        row(12, segmentation=TRIANGLE, segmentation_predicted=True, image_id=2),
    ]


def written(folder: Path, data: dict[str, Any]) -> AuditOptions:
    for picture in data["images"]:
        Image.new("RGB", (W, H), (200, 180, 40)).save(folder / picture["file_name"])
    (folder / "in.json").write_text(json.dumps(data))
    return AuditOptions(folder / "in.json", folder, folder / "audit.json")


def run(
    folder: Path, data: dict[str, Any], predictor: Any = None, **choices: Any
) -> tuple[dict[str, Any], dict[int, Any]]:
    options = AuditOptions(**{**vars(written(folder, data)), **choices})
    (folder / "a.ckpt").write_bytes(b"model")
    summary = audit(options, predictor or FilledBoxes(folder / "a.ckpt"), QUIET)
    return summary, {r["id"]: r for r in json.loads(options.output.read_text())["annotations"]}


def test_a_wrong_mask_comes_first_and_says_why(tmp_path: Path) -> None:
    data = content(rows())
    summary, after = run(tmp_path, data, other_classes=False)
    marks = {id_: r["attributes"] for id_, r in after.items() if SUSPICION in r.get("attributes", {})}
    assert set(marks) == {1, 2, 3, 4, 5, 9}
    assert max(marks, key=lambda id_: marks[id_][SUSPICION]) == 9
    assert "its own box overlaps the given one by 0 %" in marks[9]["reason"]
    assert "overlaps the model's mask by 0 %" in marks[9]["reason"]
    assert marks[9]["predicted"]["size"] == [H, W]
    assert (summary["judged"], summary["reasons"][0][2], summary["unreadable"]) == (6, 9, [])
    # everything else is as it was
    before = {r["id"]: r for r in data["annotations"]}
    for id_, r in after.items():
        kept = {k: v for k, v in r.items() if k != "attributes"}
        assert kept == {k: v for k, v in before[id_].items() if k != "attributes"}
    assert after[9]["attributes"]["note"] == NAME
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith((".", "audit"))) == [
        "audit.html",
        "audit.json",
    ]


def test_the_sheet_shows_text_as_text_and_loads_nothing(tmp_path: Path) -> None:
    data = content(rows(), images=[image(1, file_name="1.png"), image(2, file_name="2.png")])
    data["categories"][1]["name"] = NAME
    run(tmp_path, data, FilledBoxes(tmp_path / "a.ckpt", names=("person", NAME, "kite")), other_classes=False)
    page = (tmp_path / "audit.html").read_text()
    assert NAME not in page
    assert "b&lt;img src=x" in page
    assert page.count("data:image/jpeg;base64,") == 6
    assert "http://" not in page
    assert "https://" not in page


def test_an_audit_of_an_audit_forgets_the_first(tmp_path: Path) -> None:
    data = content(rows())
    for r in data["annotations"]:
        r["attributes"] = {"suspicion": 0.9, "reason": "old", "predicted": {}, "mine": 1}
    _, after = run(tmp_path, data, other_classes=False, classes=["dog"])
    assert after[10]["attributes"] == {"mine": 1}
    assert after[9]["attributes"]["reason"] != "old"


def test_predicted_masks_are_judged_when_asked(tmp_path: Path) -> None:
    _, after = run(tmp_path, content(rows()), predicted=True, other_classes=False)
    assert SUSPICION in after[12]["attributes"]


def test_attributes_of_another_form_are_left_alone(tmp_path: Path) -> None:
    data = content(rows())
    data["annotations"][0]["attributes"] = ["a", "list"]
    summary, after = run(tmp_path, data, other_classes=False)
    assert after[1]["attributes"] == ["a", "list"]
    assert summary["unmarked"] == [1]


def test_another_class_is_named(tmp_path: Path) -> None:
    options = written(tmp_path, content([*rows(), row(20, category_id=90, segmentation=square(10, 10, 20))]))
    records = load_annotations(options.annotations, options.images)
    positions = np.flatnonzero(records.has_mask & ~records.crowd & ~records.predicted)
    other = other_classes(Detecting(tmp_path / "a.ckpt"), records, positions, QUIET)
    assert {name for name, _ in other.values()} == {"kite"}
    assert len(other) == len(positions) - 1  # the kite itself
    # the model takes every dog for a kite: that says nothing of one of them
    assert all(gain == 0 for _, gain in other.values())


@pytest.mark.parametrize(
    ("choices", "kind", "said"),
    [
        ({"classes": ["cow"]}, ConfigError, "cow unknown"),
        ({"classes": ["person"]}, DataError, "no mask to judge"),
        ({"batch_size": 0}, ConfigError, "batch_size"),
        ({"output": Path("sheet.html")}, ConfigError, "JSON file's name"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, choices: dict[str, Any], kind: type, said: str) -> None:
    with pytest.raises(kind, match=said):
        run(tmp_path, content(rows()), **choices)


def test_a_class_that_the_model_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not know dog"):
        run(tmp_path, content(rows()), FilledBoxes(tmp_path / "a.ckpt", names=("cow",)))


def test_what_is_there_is_refused(tmp_path: Path) -> None:
    run(tmp_path, content(rows()), other_classes=False)
    with pytest.raises(ConfigError, match="overwrite=true"):
        run(tmp_path, content(rows()))
    with pytest.raises(ConfigError, match="the input itself"):
        AuditOptions(tmp_path / "in.json", tmp_path, tmp_path / "in.json", overwrite=True)


def test_the_command_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.json").write_text(json.dumps(content(rows())))
    with pytest.raises(SystemExit):
        main(["audit", str(tmp_path / "in.json")])
    assert "no value for ckpt_path, output" in capsys.readouterr().err


def test_pictures_that_a_viewer_turns_are_told_and_one_must_be_readable(tmp_path: Path) -> None:
    options = replace(written(tmp_path, content(rows())), other_classes=False)
    turned(tmp_path / "1.jpg")
    (tmp_path / "a.ckpt").write_bytes(b"model")
    said = Console(file=StringIO(), width=400)
    audit(options, FilledBoxes(tmp_path / "a.ckpt"), said)
    assert TURNED in said.file.getvalue()
    for picture in tmp_path.glob("*.jpg"):
        picture.unlink()
    options = replace(options, overwrite=True, output=tmp_path / "second.json")
    with pytest.raises(DataError, match="no image that is asked for"):
        audit(options, FilledBoxes(tmp_path / "a.ckpt"), QUIET)
    assert not list(tmp_path.glob("*second*json"))
