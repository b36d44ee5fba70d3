"""The reviewed file: what was accepted says so, what was rejected is kept beside; completion goes on from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contrastmask.errors import ConfigError, DataError
from contrastmask.files.lock import held
from contrastmask.review import finish as room
from contrastmask.review.finish import finish, finish_alone, told
from contrastmask.review.options import ReviewOptions
from contrastmask.review.queue import Queue, Wish
from contrastmask.review.states import ACCEPTED, REJECTED, SKIPPED
from tests.completion.filled_boxes import QUIET, FilledBoxes
from tests.data.coco_rows import TRIANGLE, row
from tests.review.room import PLACES, ROWS, opened, write

MARKS = ("segmentation_predicted", "segmentation_confidence")


def reviewed(folder: Path) -> ReviewOptions:
    """A review in which ids 2 and 5 were accepted, 3, 9 and the drawn 1 rejected, 4 skipped."""
    options = write(folder)
    decisions = opened(options)[2]
    place = {ROWS[p]["id"]: p for p in PLACES} | {1: 0}
    decisions.decide([place[2], place[5]], ACCEPTED, "w")
    for id_ in (3, 9, 1):
        decisions.decide([place[id_]], REJECTED, "w", 0)
    decisions.decide([place[4]], SKIPPED, "w", 0)
    decisions.close()
    return options


def test_the_reviewed_file(tmp_path: Path) -> None:
    options = reviewed(tmp_path)
    before = options.annotations.read_bytes()
    summary = finish_alone(options)
    after = json.loads((tmp_path / "out.reviewed.json").read_text())
    assert options.annotations.read_bytes() == before
    old, new = json.loads(before), after
    assert {k: v for k, v in old.items() if k != "annotations"} == {k: v for k, v in new.items() if k != "annotations"}
    by_id = {a["id"]: (a, b) for a, b in zip(old["annotations"], new["annotations"], strict=True)}
    for id_ in (2, 5):
        a, b = by_id[id_]
        assert b == {**a, "segmentation_review": "accepted",
                     "attributes": {**a["attributes"], "segmentation_review": "accepted"}}  # fmt: skip
    for id_ in (3, 9):
        a, b = by_id[id_]
        assert (b["segmentation"], b["area"], b["segmentation_review"]) == ([], 100, "rejected")
        assert b["attributes"] == {"segmentation_review": "rejected"}
        assert not {*MARKS, "score"} & b.keys()
        assert b["segmentation_rejected"] == {"segmentation": a["segmentation"], "area": 90, **a["attributes"]}
    a, b = by_id[1]
    assert b["segmentation_rejected"] == {"segmentation": TRIANGLE, "area": 200.0}  # a person's work is not lost
    for id_ in (4, 6, 7, 8, 10):
        assert by_id[id_][0] == by_id[id_][1]
    assert summary == json.loads((tmp_path / "out.reviewed.summary.json").read_text())
    assert {s: summary[s] for s in ("accepted", "rejected", "skipped", "pending", "rows")} == {
        "accepted": 2, "rejected": 3, "skipped": 1, "pending": 2, "rows": 10,
    }  # fmt: skip
    assert summary["rejected_ids"] == [1, 3, 9]
    assert summary["rejected_rows"] == [0, 2, 8]
    assert summary["per_class"]["dog"] == {"rejected": 3, "accepted": 2, "skipped": 1}
    assert told(summary, options.target).startswith("2 accepted, 3 rejected, 1 skipped, 2 pending: ")
    assert options.journal.exists()


@pytest.mark.parametrize(("source", "pending"), [(None, 6), ("model", 6), ("person", 1), ("all", 7)])
def test_what_nobody_is_asked_about_is_not_pending(tmp_path: Path, source: str | None, pending: int) -> None:
    """What is closed with, what lies in the summary and what the page counts is the same."""
    options = write(tmp_path, source=source)
    first, objects, decisions = opened(options)
    decisions.decide([PLACES[0]], ACCEPTED, "w")
    queue = Queue(objects, decisions, 0)
    assert queue.counts(Wish("file", source=objects.source(source)))["pending"] == pending
    summary = finish(options, first, objects, decisions)
    decisions.close()
    assert (summary["pending"], summary["accepted"]) == (pending, 1)
    assert sum(counts.get("pending", 0) for counts in summary["per_class"].values()) == pending
    assert finish_alone(options) == summary


def test_a_mask_that_the_reading_leaves_out_is_not_asked_about(tmp_path: Path) -> None:
    """A person looks at what a training learns from; the row stays as it was."""
    square = row(11, bbox=[0, 0, 10, 10], segmentation=[[0, 0, 10, 0, 10, 10, 0, 10]])
    rows = [row(1), square, row(12), {**row(13), "segmentation": None}]
    for choices, asked in (({}, 3), ({"rectangles": "box"}, 2), ({"rectangles": "box", "duplicates": "join"}, 1)):
        options = write(tmp_path, rows, **choices, output=tmp_path / f"{asked}.json")
        source, objects, decisions = opened(options)
        decisions.decide([0], ACCEPTED, "w")
        summary = finish(options, source, objects, decisions)
        decisions.close()
        assert (objects.shown.sum(), summary["pending"]) == (asked, asked - 1)
        assert json.loads(options.target.read_text())["annotations"][1:] == rows[1:]


def test_completion_goes_on_from_it(tmp_path: Path) -> None:
    from contrastmask.completion.complete import complete
    from contrastmask.completion.options import CompletionOptions

    finish_alone(reviewed(tmp_path))
    (tmp_path / "model").write_text("")
    ways = {}
    for name, choices in {"plain": {}, "redo": {"redo": True}, "asked": {"rejected": "complete"}}.items():
        options = CompletionOptions(
            tmp_path / "out.reviewed.json", tmp_path / "pictures", tmp_path / f"{name}.json", **choices
        )
        summary = complete(options, FilledBoxes(tmp_path / "model"), QUIET)  # type: ignore[arg-type]
        ways[name] = summary, json.loads((tmp_path / f"{name}.json").read_text())["annotations"]
    before = json.loads((tmp_path / "out.reviewed.json").read_text())["annotations"]
    changed = {name: [a["id"] for a, b in zip(before, rows, strict=True) if a != b] for name, (_, rows) in ways.items()}
    assert changed == {"plain": [8], "redo": [4, 6, 7, 8], "asked": [1, 3, 8, 9]}
    assert ways["plain"][0]["left"] == {"mask was rejected in a review": [1, 3, 9]}
    assert ways["redo"][0]["kept"]["accepted mask"] == 2
    # what was redone can be looked at beside what was rejected
    again = write(tmp_path, ways["asked"][1])
    _, objects, decisions = opened(ReviewOptions(again.annotations, again.images, tmp_path / "second.json"))
    assert objects.other(2)[1] == "before"
    assert decisions.state.tolist() == [0, 1, 0, 0, 1, 0, 0, 0, 0, 0]


def test_a_result_of_its_own_is_replaced_and_nobody_elses(tmp_path: Path) -> None:
    options = reviewed(tmp_path)
    finish_alone(options)
    source, objects, decisions = opened(options)
    decisions.decide([5], ACCEPTED, "w", 0)
    assert finish(options, source, objects, decisions)["accepted"] == 3
    decisions.close()
    first = options.target.read_text()
    options.target.write_text(first + " ")  # somebody worked on it
    with pytest.raises(ConfigError, match="overwrite=true"):
        finish_alone(options)
    assert options.target.read_text() == first + " "
    finish_alone(ReviewOptions(options.annotations, options.images, overwrite=True))
    assert options.target.read_text() == first


def test_the_text_is_that_of_the_whole_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "TOGETHER", 2)
    for content in (
        {"a": [], "b": [1], "é": {"x": [1, 2, 3]}, "d": [{"e": None}, 2, "\ud800", 4, 5], "f": 1.5},
        {"a": 1},
    ):
        assert "".join(room._texts(content)) == json.dumps(content)


def test_what_cannot_be_finished(tmp_path: Path) -> None:
    options = write(tmp_path)
    with pytest.raises(DataError, match="nothing has been decided"):
        finish_alone(options)
    with held(options.target), pytest.raises(DataError, match="being written by process"):
        finish_alone(options)
    options = reviewed(tmp_path)
    source, objects, decisions = opened(options)
    options.annotations.write_text(options.annotations.read_text() + " ")
    with pytest.raises(DataError, match="changed while"):
        finish(options, source, objects, decisions)
    assert not options.target.exists()
    decisions.close()
    with pytest.raises(DataError, match="another state of the annotation file"):
        finish_alone(options)
    for output in ("out.json", "out.other"):
        named = tmp_path / "out.json" if output == "out.json" else tmp_path / "out.reviewed.json"
        named.write_text("{}")
        with pytest.raises(ConfigError, match="choose another name"):
            ReviewOptions(named, tmp_path, named)


def test_a_second_review_begins_with_what_the_first_one_said(tmp_path: Path) -> None:
    finish_alone(reviewed(tmp_path))
    options = ReviewOptions(tmp_path / "out.reviewed.json", tmp_path / "pictures")
    source, objects, decisions = opened(options)
    assert decisions.state.tolist() == [2, 1, 2, 0, 1, 0, 0, 0, 2, 0]
    assert objects.shown.sum() == 5  # nothing to look at where a mask was taken out
    decisions.decide([1], REJECTED, "w", 0)
    finish(options, source, objects, decisions)
    second = json.loads(options.target.read_text())["annotations"]
    assert (second[1]["segmentation"], second[1]["segmentation_review"]) == ([], "rejected")
    assert second[4]["segmentation_review"] == "accepted"
    assert second[2] == json.loads(options.annotations.read_text())["annotations"][2]
