"""What a detector's figures rest on, before there are any: a file is judged as it lies on the disk, and what its
reading mended may not count. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth

AS_IT_LIES = "in a detector's figures, which take the file as it lies there"
MEND = "what was mended in reading is no truth: mend the file itself"
LOST = ("left out", "ignored", "missed")


@dataclass(frozen=True, eq=False)
class Judged:
    """The rows of a truth as records have theirs: labels int64 [R], -1 of other classes; crowd bool [R], neither right
    nor wrong; has_mask bool [R]."""

    labels: np.ndarray
    crowd: np.ndarray
    has_mask: np.ndarray


def judged_as(records: Records, reading: Reading) -> tuple[Records | Judged, Report]:
    """The objects that COCOeval would find in the file of the records, and a warning for each reason why these are
    fewer than the records' own.

    Args:
        records: of the whole validation file, by `reading`.
    """
    if not records.report.count("repaired"):  # then nothing was mended that the file has otherwise
        return records, Report()
    sides = zip(records.heights.tolist(), records.widths.tolist(), strict=True)
    truth = read_truth(records.path, reading, dict(zip(records.image_ids.tolist(), sides, strict=True)))
    judged, usable = _judged(truth, records.class_names)
    read, report = ~records.crowd, Report()
    if (~judged.crowd).sum() >= read.sum() and usable.sum() >= (read & records.has_mask).sum():
        return judged, report
    for rule in truth.tally(np.arange(len(truth.names)), ("box", "mask")).to_list():
        if rule["outcome"] in LOST:
            kinds = "" if len(rule["kinds"]) > 1 else f" for {rule['kinds'][0]} AP"
            reason = f"{rule['rule']}: {rule['outcome']}{kinds} {AS_IT_LIES}"
            report.add("warning", "annotation", reason, rule["examples"], remedy=MEND, count=rule["rows"])
    found = {name for name, is_usable in zip(truth.names, usable.tolist(), strict=True) if is_usable}
    lost = [id_ for id_ in records.ann_ids[read & records.has_mask].tolist() if id_ not in found]
    if not report:
        report.add("warning", "annotation", f"mask is there as mended alone: none {AS_IT_LIES}", lost, remedy=MEND)
    return judged, report


def _judged(truth: Truth, names: list[str]) -> tuple[Judged, np.ndarray]:
    """The rows, and bool [R]: objects with a mask that can be found."""
    label = {name: number for number, name in enumerate(names)}
    own = np.array([label.get(category.name, -1) for category in truth.categories], dtype=np.int64)
    labels = own[truth.places] if len(own) else truth.places
    drawn = [truth.mask(row) for row in range(len(truth.names))]
    has_mask = np.array([mask is not None for mask, _ in drawn], dtype=bool)
    crowd = truth.crowd | truth.ignored | (labels < 0) | ~(truth.has_box | has_mask)
    usable = has_mask & ~crowd & np.array([not rule for _, rule in drawn], dtype=bool)
    return Judged(labels, crowd, has_mask), usable
