"""Orders and filters; two windows get different objects; all of a class above a confidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contrastmask.completion.source_file import SourceFile
from contrastmask.errors import ConfigError, DataError
from contrastmask.review import queue as room
from contrastmask.review.objects import IS_AFTER, IS_BEFORE, read_objects
from contrastmask.review.options import ReviewOptions
from contrastmask.review.queue import Queue, Wish
from contrastmask.review.states import ACCEPTED, REJECTED
from tests.data.coco_rows import TRIANGLE, row
from tests.review.room import PLACES, ROWS, opened, runs, write


def queue_of(options: ReviewOptions) -> Queue:
    _, objects, decisions = opened(options)
    return Queue(objects, decisions, options.seed)


def walk(queue: Queue, wish: Wish, back: bool = False) -> list[int]:
    """Ids in the order in which one window sees them."""
    seen, place = [], queue.step(wish, "w")
    while place is not None and ROWS[place]["id"] not in seen:
        seen.append(ROWS[place]["id"])
        place = queue.step(wish, "w", place, back=back)
    return seen


ORDERED = {
    "confidence": [4, 6, 2, 9, 5, 7, 3],
    "file": [2, 3, 4, 5, 6, 7, 9],
    "class": [6, 7, 4, 2, 9, 5, 3],
}


@pytest.mark.parametrize("order", ORDERED)
def test_orders(tmp_path: Path, order: str) -> None:
    queue = queue_of(write(tmp_path))
    assert walk(queue, Wish(order, source="model")) == ORDERED[order]
    assert walk(queue, Wish(order, reverse=True, source="model")) == ORDERED[order][::-1]
    first = ORDERED[order][0]
    assert walk(queue, Wish(order, source="model"), back=True) == [first, *ORDERED[order][:0:-1]]


def test_orders_by_size_agreement_suspicion_and_chance(tmp_path: Path) -> None:
    rows = [dict(one) for one in ROWS]
    rows[1] = {**rows[1], "segmentation": runs(0, 5, 3, 15), "area": 30}  # a third of its box
    rows[2] = {**rows[2], "attributes": {**rows[2]["attributes"], "suspicion": 0.4, "reason": "why"}}
    rows[4] = {**rows[4], "attributes": {**rows[4]["attributes"], "suspicion": 0.8}}
    queue = queue_of(write(tmp_path, rows))
    every = Wish("size", source="model")
    assert walk(queue, every)[0] == 2
    assert walk(queue, Wish("agreement", source="model"))[0] == 2
    assert walk(queue, Wish("suspicion", source="model"))[:2] == [5, 3]
    assert queue.objects.reasons == {2: "why"}
    assert sorted(walk(queue, Wish("random", source="model"))) == sorted(walk(queue, every))
    assert walk(queue, Wish("random")) == walk(queue_of(write(tmp_path, rows)), Wish("random"))


def test_filters(tmp_path: Path) -> None:
    queue = queue_of(write(tmp_path))
    names = queue.objects.records.class_names
    assert sorted(walk(queue, Wish("file", label=names.index("person")))) == [6, 7]
    assert walk(queue, Wish("file", source="person")) == [1]
    assert walk(queue, Wish("file", low=0.5, high=0.7)) == [2, 5, 9]
    queue.decisions.decide([PLACES[0]], ACCEPTED, "w")
    queue.decisions.decide([PLACES[1]], REJECTED, "w")
    assert walk(queue, Wish("file", state=ACCEPTED)) == [2]
    assert len(walk(queue, Wish("file", state=-1))) == 8
    counts = queue.counts(Wish("file", source="model"))
    whole = {"accepted_in_file": 1, "rejected_in_file": 1}
    assert counts == {"pending": 5, "accepted": 1, "rejected": 1, "skipped": 0, "all": 7, "asked": 5, **whole}
    person = queue.counts(Wish("file", source="person"))
    assert person == {"pending": 1, "accepted": 0, "rejected": 0, "skipped": 0, "all": 1, "asked": 1, **whole}


@pytest.mark.parametrize(
    "words",
    [{}, {"order": "x"}, {"order": "file", "label": "9"}, {"order": "file", "label": "-2"},
     {"order": "file", "low": "nan"}, {"order": "file", "state": "4"}, {"order": "file", "source": "x"},
     {"order": "file", "high": []}],
)  # fmt: skip
def test_wishes_that_there_are_not(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Wish.read(words, 3)


def test_a_wish_goes_through_a_form() -> None:
    wish = Wish("size", True, 1, 2, "person", 0.25, 0.5)
    assert Wish.read({k: str(v) for k, v in vars(wish).items()}, 3) == wish


def test_two_windows_look_at_different_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, wish, now = queue_of(write(tmp_path)), Wish("confidence", source="model"), [100.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    one = queue.step(wish, "one")
    queue.look("one", one)
    two = queue.step(wish, "two")
    assert (ROWS[one]["id"], ROWS[two]["id"]) == (4, 6)
    assert queue.step(wish, "one") == one
    now[0] += 61
    assert queue.step(wish, "two") == one
    for place in PLACES:
        if place != one:
            queue.decisions.decide([place], ACCEPTED, "w")
    queue.look("one", one)
    assert queue.step(wish, "two") == one  # nothing else is left


def test_all_of_a_class_from_a_confidence_on(tmp_path: Path) -> None:
    queue = queue_of(write(tmp_path))
    place = next(p for p in PLACES if ROWS[p]["id"] == 2)  # dog 0.5; others 0.3, 0.6, 0.7, 0.9
    assert sorted(ROWS[p]["id"] for p in queue.surer(place)) == [2, 3, 5, 9]
    queue.decisions.decide([PLACES[1]], REJECTED, "w")
    assert sorted(ROWS[p]["id"] for p in queue.surer(place)) == [2, 5, 9]
    assert queue.surer(0) == []  # nobody knows how sure a person was


def test_what_is_no_object_cannot_be_asked_for(tmp_path: Path) -> None:
    objects = queue_of(write(tmp_path)).objects
    for place in (-1, 7, 9, 10, 10**30, True, "1", None, 1.0):
        with pytest.raises(DataError, match="has no mask to look at"):
            objects.at(place)
    with pytest.raises(DataError, match="no object has a mask to look at"):
        opened(write(tmp_path, [row(1, segmentation=None)]))


def test_another_mask_of_an_object(tmp_path: Path) -> None:
    rows = [dict(one) for one in ROWS]
    rows[1]["segmentation_rejected"] = {"segmentation": TRIANGLE}
    rows[2]["attributes"] = {**rows[2]["attributes"], "predicted": runs(1, 1, 5, 5)}
    rows[3]["attributes"] = {**rows[3]["attributes"], "predicted": {"size": [1, 1], "counts": "x"}}
    earlier = write(tmp_path, [{**one, "segmentation": TRIANGLE} if one["id"] == 5 else one for one in ROWS])
    (tmp_path / "in.json").write_bytes(earlier.annotations.read_bytes())
    options = write(tmp_path, rows, before=tmp_path / "in.json")
    _, objects, _ = opened(options)
    assert objects.other(1) == (TRIANGLE, IS_BEFORE)
    assert objects.other(2)[1] == IS_AFTER
    assert objects.other(3) is None  # nothing that can be shown
    assert objects.other(4) == (TRIANGLE, IS_BEFORE)
    assert objects.other(5) is None
    write(tmp_path, rows[:-1])
    with pytest.raises(DataError, match="no earlier form"):
        read_objects(options, SourceFile(options.annotations))


def test_figures_come_from_the_file_or_are_measured(tmp_path: Path) -> None:
    rows = [dict(one) for one in ROWS]
    figures = {
        "segmentation_box_agreement": 0.25, "segmentation_components": 3, "segmentation_largest_share": 0.5,
        "segmentation_box_filled": 0.1, "segmentation_touches": "left",
    }  # fmt: skip
    rows[1]["attributes"] = {**rows[1]["attributes"], **figures}
    rows[2]["attributes"] = {**rows[2]["attributes"], **figures, "segmentation_components": "many"}
    _, objects, _ = opened(write(tmp_path, rows))
    a, b = objects.position[1], objects.position[2]
    assert objects.figures_of(np.array([a])) == [figures]
    assert objects.figures_of(np.array([b]))[0]["segmentation_box_agreement"] == 0.9
    assert np.isnan(objects.agreement).sum() == 2  # the row without mask and the crowd region
