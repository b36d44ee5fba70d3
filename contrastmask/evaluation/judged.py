"""What a detector's figures rest on, before there are any: a file is judged as it lies on the disk, and what its
reading mended may not count. Needs no torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from contrastmask.data.own_boxes import boxes_agree
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.evaluation.rules import RULES
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
    not the records' own.

    Args:
        records: of the whole validation file, by `reading`.
    """
    # then nothing was mended that the file has otherwise
    if not records.report.count("repaired") and reading.duplicates == "keep":
        return records, Report()
    sides = zip(records.heights.tolist(), records.widths.tolist(), strict=True)
    truth = read_truth(records.path, reading, dict(zip(records.image_ids.tolist(), sides, strict=True)))
    judged, usable = _judged(truth, records.class_names)
    report = Report()
    _count_fewer(records, truth, judged, usable, report)
    _count_others(records, truth, judged, report)
    return judged, report


def _count_fewer(records: Records, truth: Truth, judged: Judged, usable: np.ndarray, report: Report) -> None:
    """Objects and masks that the records have and the truth has not."""
    read = ~records.crowd
    if (~judged.crowd).sum() >= read.sum() and usable.sum() >= (read & records.has_mask).sum():
        return
    for rule in truth.tally(np.arange(len(truth.names)), ("box", "mask")).to_list():
        if rule["outcome"] in LOST:
            kinds = "" if len(rule["kinds"]) > 1 else f" for {rule['kinds'][0]} AP"
            reason = f"{rule['rule']}: {rule['outcome']}{kinds} {AS_IT_LIES}"
            report.add("warning", "annotation", reason, rule["examples"], remedy=MEND, count=rule["rows"])
    found = {name for name, is_usable in zip(truth.names, usable.tolist(), strict=True) if is_usable}
    lost = [id_ for id_ in records.ann_ids[read & records.has_mask].tolist() if id_ not in found]
    if not report:
        report.add("warning", "annotation", f"mask is there as mended alone: none {AS_IT_LIES}", lost, remedy=MEND)


def _count_others(records: Records, truth: Truth, judged: Judged, report: Report) -> None:
    """Objects whose box is another in the truth, and those that the reading leaves out."""
    told = Counter(truth.names)
    row_of = {name: row for row, name in enumerate(truth.names) if told[name] == 1}
    own = np.array([row_of.get(id_, -1) for id_ in records.ann_ids.tolist()], dtype=np.int64)
    a = np.flatnonzero((own >= 0) & ~records.crowd)
    a = a[truth.has_box[own[a]]]
    others = a[~boxes_agree(records, a, truth.boxes[own[a]])]
    reason = f"box is another as mended: the file's own counts {AS_IT_LIES}"
    report.add("warning", "annotation", reason, records.ann_ids[others], remedy=MEND)
    known = set(records.ann_ids.tolist())
    objects = [row for name, row in row_of.items() if name not in known and not judged.crowd[row]]
    reason = f"left out by the reading: an object {AS_IT_LIES}"
    report.add("warning", "annotation", reason, [truth.names[row] for row in objects], remedy=MEND)


def _judged(truth: Truth, names: list[str]) -> tuple[Judged, np.ndarray]:
    """The rows, and bool [R]: objects with a mask that can be found."""
    label = {name: number for number, name in enumerate(names)}
    own = np.array([label.get(category.name, -1) for category in truth.categories], dtype=np.int64)
    labels = own[truth.places] if len(own) else truth.places
    drawn = [truth.mask(row) for row in range(len(truth.names))]
    has_mask = np.array([mask is not None for mask, _ in drawn], dtype=bool)
    crowd = truth.crowd | truth.ignored | (labels < 0) | ~(truth.has_box | has_mask)
    counted = [not rule or RULES[rule].outcome == "counted" for _, rule in drawn]
    usable = has_mask & ~crowd & np.array(counted, dtype=bool)
    return Judged(labels, crowd, has_mask), usable
