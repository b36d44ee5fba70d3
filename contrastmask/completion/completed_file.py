"""The completed annotation file and the summary beside it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pycocotools import mask as coco_mask

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.polygons import polygons_of
from contrastmask.data.annotations import load_annotations
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.evaluation.mask_scores import score_masks
from contrastmask.files.whole_file import write_whole

PREDICTED, CONFIDENCE = "segmentation_predicted", "segmentation_confidence"  # what a new mask carries beside itself


def write_completed(
    options: CompletionOptions,
    records: Records,
    content: dict[str, Any],
    wanted: dict[int, str],
    pieces: list[dict[str, Any]],
) -> dict[str, Any]:
    """Put the new masks into the file's content, write it and a summary beside it, each whole or not at all.

    Args:
        content: the input file; its annotations are changed in place. wanted: annotation id → class name of those
            without a mask. pieces: ``{"masks": [[annotation id, counts, confidence], …], "unreadable": [image, …]}``.

    Returns:
        the summary, as :func:`contrastmask.completion.complete.complete` describes it.

    Raises:
        DataError: the file of true masks is of other annotations.
    """
    position = {ann_id: a for a, ann_id in enumerate(records.ann_ids.tolist())}
    found: dict[int, tuple[dict[str, Any], float]] = {}
    for ann_id, counts, confidence in (mask for piece in pieces for mask in piece["masks"]):
        image = records.image_of(position[ann_id])
        found[ann_id] = (
            {"size": [int(records.heights[image]), int(records.widths[image])], "counts": counts},
            confidence,
        )
    left: dict[str, list[int]] = {}
    completed: list[int] = []
    for row in content["annotations"]:
        if not isinstance(row, dict) or row.get("id") not in wanted:
            continue
        ann_id = row["id"]
        if ann_id not in position:
            reason = "unusable record (python -m contrastmask.check says why)"
        elif ann_id not in found:
            reason = "image cannot be read"
        elif coco_mask.area(found[ann_id][0]) == 0:
            reason = "empty mask"
        elif found[ann_id][1] < options.min_confidence:
            reason = "less confident than asked"
        else:
            rle, confidence = found[ann_id]
            row["segmentation"] = rle if options.form == "rle" else polygons_of(coco_mask.decode(rle))
            row[PREDICTED], row[CONFIDENCE] = True, confidence
            completed.append(ann_id)
            continue
        left.setdefault(reason, []).append(ann_id)
    unreadable = [records.file_name(i) for piece in pieces for i in piece["unreadable"]]
    per_class = _per_class(wanted, completed, found)
    summary: dict[str, Any] = {
        "output": options.output.name, "completed": len(completed), "left": left, "unreadable": unreadable,
        "per_class": per_class,
        "check": score_masks(records, found) if options.check else {},
    }  # fmt: skip
    if options.truth is not None:
        truth = load_annotations(options.truth, options.images, Reading(repair=options.repair))
        new = {ann_id: found[ann_id] for ann_id in completed}
        if not set(new) & set(truth.ann_ids.tolist()):
            raise DataError(f"{options.truth} has none of the {len(new)} completed annotations' ids")
        summary["truth"] = score_masks(truth, new)
    write_whole(options.output.with_suffix(".summary.json"), json.dumps(summary, indent=1) + "\n")
    write_whole(options.output, json.dumps(content))
    return summary


def _per_class(wanted: dict[int, str], completed: list[int], found: dict[int, Any]) -> dict[str, dict[str, Any]]:
    asked, got, total = Counter(wanted.values()), Counter(), Counter()
    for ann_id in completed:
        got[wanted[ann_id]] += 1
        total[wanted[ann_id]] += found[ann_id][1]
    return {
        name: {"without_mask": n, "completed": got[name], "confidence": total[name] / got[name] if got[name] else None}
        for name, n in sorted(asked.items())
    }
