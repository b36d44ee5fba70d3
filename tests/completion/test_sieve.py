"""Masks that are not good enough stay out, by class, each listed with its reason; all of them are described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.thresholds import of_classes, thresholds
from contrastmask.errors import ConfigError
from contrastmask.files.journal import Journal
from contrastmask.programs import predict_config
from contrastmask.programs.predict import _sieve, _table
from tests.completion.filled_boxes import FilledBoxes, run
from tests.composing import composed
from tests.data.coco_rows import TRIANGLE, content, image, row

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 13, "name": "stop sign"}, {"id": 18, "name": "dog"}]


class Various(FilledBoxes):
    """Boxes at the left are sure, farther right less so; tall ones are half empty and in two parts."""

    def __init__(self, path: Path, *_: Any) -> None:
        super().__init__(path, names=["person", "stop sign", "dog"])

    def masks_of(self, images: Any, sizes: Any, boxes: Any, labels: Any, **_: Any) -> list[dict[str, Any]]:
        found = []
        for image_, (height, width), each in zip(images, sizes, boxes, strict=True):
            rles, sure = [], []
            for x0, y0, x1, y1 in (each * width / image_.shape[-1]).round().int().tolist():
                mask = np.zeros((height, width), dtype=np.uint8, order="F")
                mask[y0:y1, x0:x1] = 1
                if y1 - y0 > x1 - x0:
                    mask[y0 : (y0 + y1) // 2, x0:x1] = 0
                    mask[(3 * y1 + y0) // 4, x0:x1] = 0
                rle = coco_mask.encode(mask)
                rles.append({**rle, "counts": rle["counts"].decode()})
                sure.append(1 - x0 / 100)
            found.append({"rles": rles, "confidence": np.array(sure, dtype=np.float32)})
        return found


ROWS = [
    row(1),
    row(2, segmentation=None, bbox=[0, 0, 10, 10]),  # confidence 1, a filled box
    row(3, segmentation=None, bbox=[20, 0, 10, 10]),  # 0.8
    row(4, segmentation=None, bbox=[0, 0, 10, 24], category_id=1),  # 1, half its box in two parts
    row(5, segmentation=None, bbox=[30, 0, 10, 10], category_id=13),  # 0.7
    row(6, segmentation=None, bbox=[30, 0, 10, 24], category_id=13),  # 0.7 and half its box
]


@pytest.fixture
def various(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.completion.filled_boxes.FilledBoxes", Various)


def completed(folder: Path, **choices: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return run(folder, content(ROWS, [image(1)], CATEGORIES), **choices)


@pytest.mark.usefixtures("various")
def test_every_mask_says_how_it_lies_in_its_box(tmp_path: Path) -> None:
    summary, after = completed(tmp_path)
    whole, _, half = (after["annotations"][place]["attributes"] for place in (1, 2, 3))
    assert whole == {
        "segmentation_predicted": True,
        "segmentation_confidence": 1.0,
        "segmentation_box_agreement": 1.0,
        "segmentation_components": 1,
        "segmentation_largest_share": 1.0,
        "segmentation_box_filled": 1.0,
        "segmentation_touches": "left top right bottom",
    }
    assert half["segmentation_box_agreement"] == 0.5
    assert (half["segmentation_components"], half["segmentation_largest_share"]) == (2, pytest.approx(6 / 11, abs=1e-4))
    assert half["segmentation_box_filled"] == pytest.approx(11 / 24, abs=1e-4)
    assert half["segmentation_touches"] == "left right bottom"
    sieve = summary["sieve"]
    assert sieve["all"]["masks"] == 5
    assert sieve["all"]["components"] == {"1": 3, "2": 2, "3": 0, "4 or more": 0}
    assert sieve["all"]["sides_touched"] == {"0": 0, "1": 0, "2": 0, "3": 2, "4": 3}
    assert sieve["all"]["confidence"]["quantiles"][0] == pytest.approx(0.7, abs=1e-4)
    assert sum(sieve["all"]["confidence"]["histogram"]) == 5
    assert sieve["all"]["confidence"]["histogram"][-1] == 2  # 1.0 is in the last of twenty bins
    assert {name: figures["masks"] for name, figures in sieve["classes"].items()} == {
        "person": 1, "stop sign": 2, "dog": 2,
    }  # fmt: skip


CHOICES = [
    ({"min_confidence": 0.75}, {"less confident than asked": [5, 6]}),
    ({"min_confidence": {"default": 0.9}}, {"less confident than asked": [3, 5, 6]}),
    ({"min_confidence": {"default": 0.9, "stop sign": 0.7}}, {"less confident than asked": [3]}),
    ({"min_confidence": {"dog": 0.9}}, {"less confident than asked": [3]}),
    ({"min_confidence": "{default: 0.9, stop sign: 0.5}"}, {"less confident than asked": [3]}),
    ({"min_box_agreement": 0.6}, {"agrees less with its box than asked": [4, 6]}),
    ({"min_box_agreement": {"stop sign": 0.6}}, {"agrees less with its box than asked": [6]}),
    (
        {"min_box_agreement": 0.6, "min_confidence": {"stop sign": 0.8}},
        {"agrees less with its box than asked": [4], "less confident than asked": [5, 6]},
    ),
]


@pytest.mark.usefixtures("various")
@pytest.mark.parametrize(("choice", "left"), CHOICES)
def test_what_is_below_stays_without_mask_and_is_listed(tmp_path: Path, choice: Any, left: Any) -> None:
    summary, after = completed(tmp_path, **choice)
    assert summary["left"] == left
    below = {id_ for ids in left.values() for id_ in ids}
    for old, new in zip(ROWS, after["annotations"], strict=True):
        assert (old == new) == (old["id"] in {1, *below})
    assert sum(figures["below"] for figures in summary["per_class"].values()) == len(below)
    assert summary["sieve"]["all"]["masks"] == 5  # those left out are described, too: to choose thresholds by
    assert _table(summary).row_count == 3
    assert _sieve(summary["sieve"]["all"]).row_count == 4


def test_a_class_that_there_is_not_is_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"min_confidence: no class stop sing \(did you mean stop sign\?\)"):
        completed(tmp_path, min_confidence={"default": 0.5, "stop sing": 0.4})
    with pytest.raises(ConfigError, match=r"min_box_agreement: no class cat; the file has person, stop sign, dog"):
        completed(tmp_path, min_box_agreement={"cat": 0.4})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "min_confidence=1.5 must lie in 0..1"),
        (float("nan"), "must lie in 0..1"),
        (True, "must lie in 0..1"),
        ({"dog": -0.1}, "min_confidence: dog: -0.1 must lie in 0..1"),
        ({"dog": None}, "min_confidence: dog: None is no number"),
        ({"dog": [1]}, "is no number"),
        ({"default": "high"}, "min_confidence: default: high is no number"),
        ("0.5 of them", "neither a number nor"),
        ("{default: 0.6", "neither a number nor"),
        ("{default: 0.6, dog}", "neither a number nor"),
        ("{}", "neither a number nor"),
        ([0.5], "is no number"),
        (None, "is no number"),
    ],
)
def test_thresholds_that_make_no_sense(tmp_path: Path, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        CompletionOptions(tmp_path / "in.json", tmp_path, tmp_path / "out.json", min_confidence=value)


@pytest.mark.parametrize(
    ("word", "table"),
    [
        ("min_confidence=0.6", {"default": 0.6}),
        ("min_confidence=1", {"default": 1.0}),
        ("min_confidence={default:0.6,stop sign:0.8}", {"default": 0.6, "stop sign": 0.8}),
        (r"min_confidence={dog \[/x\]:0.8}", {"default": 0.0, "dog [/x]": 0.8}),
        ('min_confidence="{default: 0.6, Möwe: 0.8, no: 0.1, 7: 0.2}"',
         {"default": 0.6, "Möwe": 0.8, "no": 0.1, "7": 0.2}),
        # what the program proposes where a word cannot be read
        ('min_confidence="{default:0.6,\\"stop sign\\":0.8,it\'s: 1,\\"a, b:c\\":.5,x:y:0.25}"',
         {"default": 0.6, "stop sign": 0.8, "it's": 1.0, "a, b:c": 0.5, "x:y": 0.25}),
        ("min_confidence={7:0.5,true:0.1}", {"default": 0.0, "7": 0.5, "true": 0.1}),
    ],
)  # fmt: skip
def test_the_command_line_takes_any_class_name(word: str, table: dict[str, float]) -> None:
    predict_config.register()
    config = predict_config.typed(composed("ckpt_path=x", "output=y", word, program="predict"))
    assert thresholds("min_confidence", config.min_confidence) == table
    names = [name for name in table if name != "default"]
    assert of_classes("min_confidence", config.min_confidence, names).tolist() == [table[name] for name in names]


def test_the_command_line_refuses_a_number_out_of_range() -> None:
    predict_config.register()
    with pytest.raises(ConfigError, match=r"min_box_agreement: dog: 2 must lie in 0\.\.1"):
        predict_config.typed(composed("ckpt_path=x", "output=y", "min_box_agreement={dog:2}", program="predict"))


@pytest.mark.usefixtures("various")
def test_a_resumed_completion_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = content([*ROWS, row(7, segmentation=None, image_id=2, bbox=[3, 3, 20, 9])], categories=CATEGORIES)
    choices = {"min_confidence": {"dog": 0.9}, "min_box_agreement": 0.2}
    run(tmp_path, data, **choices)
    whole = [(tmp_path / name).read_bytes() for name in ("out.json", "out.summary.json")]
    add = Journal.add

    def stop_at_the_second(self: Journal, number: int, piece: object) -> None:
        if number == 1:
            raise KeyboardInterrupt
        add(self, number, piece)

    monkeypatch.setattr(Journal, "add", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, data, **choices)
    monkeypatch.setattr(Journal, "add", add)
    run(tmp_path, data, **choices)
    assert [(tmp_path / name).read_bytes() for name in ("out.json", "out.summary.json")] == whole


REVIEWED = {"segmentation_review": "accepted"}, {"segmentation_review": "rejected"}


@pytest.mark.parametrize("inside", [False, True])
def test_accepted_masks_stay_and_rejected_ones_are_redone_only_when_asked(tmp_path: Path, inside: bool) -> None:
    accepted, rejected = ({"attributes": mark} if inside else mark for mark in REVIEWED)
    made = {"segmentation": TRIANGLE, "segmentation_predicted": True, "segmentation_confidence": 0.3}
    rows = [
        row(1),
        row(2, **made, **accepted),
        row(3, segmentation=[], segmentation_rejected={"segmentation": TRIANGLE}, **rejected),
        row(4, **made),
    ]
    summary, after = run(tmp_path, content(rows), redo=True)
    assert [old == new for old, new in zip(rows, after["annotations"], strict=True)] == [True, True, True, False]
    assert summary["kept"] == {"mask": 1, "accepted mask": 1}
    assert summary["left"] == {"mask was rejected in a review": [3]}
    summary, after = run(tmp_path, content(rows), rejected="complete")
    assert [old == new for old, new in zip(rows, after["annotations"], strict=True)] == [True, True, False, True]
    assert summary["replaced"] == {"mask was rejected in a review": 1}
    new = after["annotations"][2]
    assert "segmentation_review" not in new
    assert "segmentation_review" not in new["attributes"]
    assert new["segmentation_rejected"] == rows[2]["segmentation_rejected"]  # to be seen beside the new one


@pytest.mark.usefixtures("various")
def test_both_forms_are_described_alike(tmp_path: Path) -> None:
    made = {}
    for form in ("rle", "polygons"):
        _, after = completed(tmp_path, form=form)
        made[form] = [a["attributes"] for a in after["annotations"] if "attributes" in a]
    assert made["rle"] == made["polygons"]
    assert len(made["rle"]) == 5
