"""Detections from a COCO results file: a run's own, or any tool's. What cannot be meant is an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.columns import quadruples
from contrastmask.data.file_content import no_garbage_collection, read_json
from contrastmask.errors import DataError
from contrastmask.evaluation.detections import Prediction
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_masks import Runs, blank, draw, parse, runs_add_up
from contrastmask.files.absent import absent

SHOWN = 5
KEYS = {"box": "bbox", "mask": "segmentation"}
PLURAL = {"box": "boxes", "mask": "masks"}
NEEDED = ("image_id", "category_id", "score")


@dataclass(frozen=True, eq=False)
class ResultsFile:
    """Entries of one or two files, in their order; D of them.

    Attributes:
        kinds: ``"box"``, ``"mask"``, what the entries have.
        positions, places: int64 ``[D]``, of each entry's image and category in the truth. scores: float64 ``[D]``.
        boxes: float64 ``[D, 4]`` xywh, None without boxes. rles: D run lengths, None without masks.
        notes: what a person should know of them.
    """

    kinds: tuple[str, ...]
    positions: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray | None
    rles: list[dict[str, Any]] | None
    notes: tuple[str, ...]

    def predictions(self, truth: Truth, labels: np.ndarray, positions: Iterable[int]) -> list[Prediction]:
        """For :func:`~contrastmask.evaluation.slices.evaluate`: one an image of these positions, empty ones, too.

        Args:
            labels: int64 ``[K]``, the model's label of each place.
        """
        order = np.argsort(self.positions, kind="stable")
        bounds = np.searchsorted(self.positions[order], np.arange(len(truth.image_ids) + 1))
        found = []
        for position in positions:
            rows = order[bounds[position] : bounds[position + 1]]
            prediction = {
                "image_id": truth.image_ids[position],
                "scores": self.scores[rows],
                "labels": labels[self.places[rows]],
            }
            if self.boxes is not None:
                prediction["xywh"] = self.boxes[rows]
            if self.rles is not None:
                prediction["rles"] = [self.rles[row] for row in rows.tolist()]
            found.append(prediction)
        return found


def read_results(
    paths: Sequence[Path], truth: Truth, ids: Sequence[Any], *, ignore_unknown: bool = False
) -> ResultsFile:
    """Entries of one file, or of two whose entry i is the same detection, the one with masks and the other with boxes.

    Args:
        ids: by which the entries name the truth's categories, in their order.
        ignore_unknown: leave out, and count, what is of an image or category that the truth does not have.

    Raises:
        DataError: no such file, no list of detections, an entry that is none, unknown images or categories; the two
            files are not of the same detections.
    """
    with no_garbage_collection():
        files = [_read(path, truth, ids, ignore_unknown) for path in paths]
    if len(files) == 1:
        return files[0]
    one, other = files
    if both := set(one.kinds) & set(other.kinds):
        what = " and ".join(PLURAL[kind] for kind in sorted(both))
        raise DataError(f"{paths[0]} and {paths[1]} both have {what}: evaluate each on its own")
    same = len(one.scores) == len(other.scores) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("positions", "places", "scores")
    )
    if not same:
        raise DataError(
            f"{paths[0]} ({len(one.scores)} detections) and {paths[1]} ({len(other.scores)}) are not of the same "
            "detections: entry i of both must have the same image, category and score. Evaluate each on its own"
        )
    masks, boxes = (one, other) if one.rles is not None else (other, one)
    notes = tuple(dict.fromkeys([*one.notes, *other.notes]))
    return ResultsFile(("box", "mask"), one.positions, one.places, one.scores, boxes.boxes, masks.rles, notes)


def _read(path: Path, truth: Truth, ids: Sequence[Any], ignore_unknown: bool) -> ResultsFile:
    if said := absent("the results file", path):
        raise DataError(said)
    entries = read_json(path)
    if type(entries) is not list:
        keys = f" with {', '.join(map(str, list(entries)[:5]))}" if type(entries) is dict else ""
        raise DataError(
            f"{path} is no COCO results file: that is a list of detections, this is a {type(entries).__name__}{keys}"
        )
    _stop(path, entries, lambda entry: type(entry) is not dict, "no JSON object")
    for key in NEEDED:
        _stop(path, entries, lambda entry, key=key: key not in entry, f"without {key}")
    kinds = tuple(kind for kind, key in KEYS.items() if entries and all(key in entry for entry in entries))
    if not kinds and entries:
        _stop(path, entries, lambda entry: "bbox" not in entry and "segmentation" not in entry,
              "without bbox and segmentation")  # fmt: skip
        _stop(path, entries, lambda entry: "bbox" not in entry, "without bbox, though others have one")
    notes: list[str] = []
    positions = _found(path, entries, "image_id", truth.image_ids, "images", truth, ignore_unknown)
    places = _found(path, entries, "category_id", ids, "categories", truth, ignore_unknown)
    known = (positions >= 0) & (places >= 0)
    if not known.all():
        rows = np.flatnonzero(known)
        notes.append(f"{len(entries) - len(rows)} detections of other images or categories are left out")
        entries, positions, places = [entries[row] for row in rows.tolist()], positions[rows], places[rows]
    _stop(path, entries, lambda entry: not _is_number(entry["score"]), "whose score is no finite number")
    boxes = _boxes(path, entries) if "box" in kinds else None
    rles = _rles(path, entries, positions, truth, notes) if "mask" in kinds else None
    scores = np.array([entry["score"] for entry in entries], dtype=np.float64)
    # of no detection at all nothing tells which kind it is of
    if not kinds:
        kinds, boxes, rles = ("box", "mask"), np.zeros((0, 4)), []
    return ResultsFile(kinds, positions, places, scores, boxes, rles, tuple(notes))


def _stop(path: Path, entries: list[Any], bad: Callable[[Any], bool], what: str) -> None:
    rows = [row for row, entry in enumerate(entries) if bad(entry)]
    if rows:
        raise DataError(
            f"{path}: {len(rows)} of {len(entries)} detections {what}: {_listed(f'entry {r}' for r in rows)}"
        )


def _listed(values: Iterable[Any]) -> str:
    values = list(values)
    return ", ".join(map(str, values[:SHOWN])) + (", …" if len(values) > SHOWN else "")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < float("inf")


def _found(
    path: Path, entries: list[Any], key: str, ids: Sequence[Any], what: str, truth: Truth, ignore_unknown: bool
) -> np.ndarray:
    """int64 ``[D]``, where the ids stand; -1 for unknown ones, where these are to be ignored."""
    known = {id_: place for place, id_ in enumerate(ids)}
    values = [entry[key] for entry in entries]
    _stop(path, entries, lambda entry: isinstance(entry[key], (list, dict)), f"whose {key} is no id")
    found = np.array([known.get(value, -1) for value in values], dtype=np.int64)
    lacking = list(dict.fromkeys(values[row] for row in np.flatnonzero(found < 0).tolist()))
    if lacking and not (ignore_unknown and len(lacking) < len(set(values))):
        why = _hint(lacking, set(values), known, what)
        raise DataError(
            f"{path}: {int((found < 0).sum())} of {len(entries)} detections are of {what} that {truth.path} does not "
            f"have ({key} {_listed(map(repr, lacking))}; it has {_listed(map(repr, ids))}){why}"
        )
    return found


def _hint(lacking: list[Any], values: set[Any], known: dict[Any, int], what: str) -> str:
    texts = {str(id_) for id_ in known}
    if all(str(value) in texts for value in lacking):
        kinds = [type(next(iter(ids))).__name__ for ids in (lacking, known)]
        return f". They are the same but for their type: {kinds[0]} here, {kinds[1]} there; write them alike"
    numbers = [value for value in values if type(value) is int]
    if what == "categories" and len(numbers) == len(values) and 0 <= min(numbers) <= max(numbers) < len(known):
        return f". They look like positions 0..{len(known) - 1}: a results file has the categories' own ids"
    return ". Is it the file that the detections are for? --ignore-unknown leaves them out, and counts them"


def _boxes(path: Path, entries: list[Any]) -> np.ndarray:
    boxes = quadruples([entry["bbox"] for entry in entries])
    finite = np.isfinite(boxes).all(axis=1)
    if not finite.all():
        rows = np.flatnonzero(~finite).tolist()
        raise DataError(
            f"{path}: {len(rows)} of {len(entries)} detections have a bbox that is not four finite numbers x, y, "
            f"width, height: {_listed(f'entry {row}' for row in rows)}"
        )
    return boxes


def _rles(
    path: Path, entries: list[Any], positions: np.ndarray, truth: Truth, notes: list[str]
) -> list[dict[str, Any]]:
    """Run lengths, polygons drawn at their image's size."""
    drawings = [parse(entry["segmentation"]) for entry in entries]
    sound = runs_add_up(drawings)
    bad = [row for row, drawing in enumerate(drawings) if drawing is None or not sound[row]]
    if bad:
        raise DataError(
            f"{path}: {len(bad)} of {len(entries)} detections have a segmentation that is no mask (run lengths that "
            f"add up to their size, or polygons): {_listed(f'entry {row}' for row in bad)}"
        )
    rles, other_size, no_size = [], [], []
    for row, (drawing, position) in enumerate(zip(drawings, positions.tolist(), strict=True)):
        size = truth.sizes[position]
        if isinstance(drawing, Runs):
            rle = {"size": list(drawing.size), "counts": drawing.counts}
            if size is not None and drawing.size != size:
                other_size.append(row)
        elif size is None:
            rle = blank((1, 1))
            no_size.append(row)
        else:
            rle, _ = draw(drawing, True, size)
            if rle is None:
                raise DataError(f"{path}: entry {row}: the outline of its polygons is endless or not finite")
        rles.append(rle)
    for rows, why in ((other_size, "another size than their image"), (no_size, "polygons in images of unknown size")):
        if rows:
            shown = _listed(f"entry {row}" for row in rows)
            notes.append(f"{len(rows)} masks have {why}: they overlap nothing, as for COCOeval ({shown})")
    return rles
