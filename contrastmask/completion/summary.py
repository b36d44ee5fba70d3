"""What a completion did, as numbers that add up to the rows of the file."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.plan import Plan
from contrastmask.completion.sieve import SIFTED
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import DataError
from contrastmask.evaluation.mask_scores import score_masks

Found = dict[int, tuple[dict[str, Any], float]]  # position in the records → (COCO run lengths, confidence)


def summarise(
    options: CompletionOptions,
    records: Records,
    plan: Plan,
    rows: list[Any],
    found: Found,
    completed: list[int],
    report: Report,
) -> dict[str, Any]:
    """The summary of a completion, ready for JSON.

    Args:
        rows: the file's list `annotations`. found: all masks that were made. completed: positions in the records of
            those that were written. report: what reading the file and its pictures found.

    Returns:
        ``rows`` of the file = ``completed`` + the sum of ``kept`` (why no mask was needed → rows) + the rows listed in
        ``left`` (why there is none → their annotation ids, as the file has them) and ``left_rows`` (the same rows by
        place, from 0); ``replaced``: what stood where masks were written, if something did; ``per_class`` (``below``:
        masks that the thresholds left out); ``check`` and, with a file of true masks, ``truth``
        (:func:`score_masks`); ``records``: the report.

    Raises:
        DataError: the file of true masks is of other annotations.
    """
    judged = {a: found[a] for a in np.flatnonzero(plan.judged).tolist() if a in found}
    summary: dict[str, Any] = {
        "output": options.output.name,
        "rows": plan.count,
        "completed": len(completed),
        "kept": dict(plan.kept),
        "left": {reason: [_id(rows[place]) for place in places] for reason, places in plan.left.items()},
        "left_rows": plan.left,
        "replaced": dict(plan.replaced),
        "per_class": _per_class(records, plan, found, completed),
        "check": score_masks(records, judged) if options.check else {},
        "records": report.to_dict(),
    }
    if options.truth is not None:
        summary["truth"] = _against_truth(options, records, {a: found[a] for a in completed})
    return summary


def _id(row: Any) -> Any:
    return row.get("id") if isinstance(row, dict) else None


def _per_class(records: Records, plan: Plan, found: Found, completed: list[int]) -> dict[str, dict[str, Any]]:
    got, total = Counter(), Counter()
    for a, label in zip(completed, records.labels[completed].tolist(), strict=True):
        got[label] += 1
        total[label] += found[a][1]
    number = {name: label for label, name in enumerate(records.class_names)}
    sifted = np.isin(records.rows, [place for reason in SIFTED for place in plan.left.get(reason, [])])
    below = np.bincount(records.labels[sifted], minlength=len(records.class_names)).tolist()
    return {
        name: {
            "without_mask": lacking,
            "completed": got[number.get(name)],
            "below": below[number[name]] if name in number else 0,
            "confidence": total[number[name]] / got[number[name]] if got[number.get(name)] else None,
        }
        for name, lacking in sorted(plan.without_mask.items())
    }


def _against_truth(options: CompletionOptions, records: Records, new: Found) -> dict[str, Any]:
    """Scores of the new masks by those of the same objects of another file: the rows of the same image, class and id
    or, as a repair gives out ids, of the same image, class and box."""
    truth = load_annotations(options.truth, options.images, options.reading)
    position: dict[Any, int] = {}
    for b, key in enumerate(_keys(truth, by_box=options.repair)):
        position.setdefault(key, b)
    keys = _keys(records, by_box=options.repair)
    partner = {position[keys[a]]: mask for a, mask in new.items() if keys[a] in position}
    if new and not partner:
        kind = "boxes" if options.repair else "ids"
        raise DataError(f"{options.truth} has none of the {len(new)} completed annotations' {kind}, images and classes")
    return score_masks(truth, partner)


def _keys(records: Records, *, by_box: bool) -> list[tuple[int, str, Any]]:
    images = records.image_ids[records.images_of(np.arange(len(records.rows)))].tolist()
    names = (records.class_names[label] for label in records.labels.tolist())
    last = map(tuple, records.boxes.tolist()) if by_box else records.ann_ids.tolist()
    return list(zip(images, names, last, strict=True))
