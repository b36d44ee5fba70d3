"""The completed annotation file and the summary beside it.

A new mask is ``segmentation`` (run lengths or polygons) with the mask's ``area`` in pixels and two marks,
``segmentation_predicted: true`` and ``segmentation_confidence`` in 0..1 (``confidence`` of
:meth:`contrastmask.prediction.predictor.Predictor.predict`), which stand under ``attributes``, too: datumaro, and CVAT
with it, keeps what is there alone. The sieve's figures (:mod:`contrastmask.completion.sieve`) are attributes. All
else stays: rows and their order, ids, fields, ``bbox``, every other mask.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from rich.console import Console
from rich.progress import track

from contrastmask.completion.boxes_apart import rows_apart
from contrastmask.completion.image_sizes import settle_sizes
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.pieces import of_pieces
from contrastmask.completion.plan import Plan
from contrastmask.completion.polygons import polygons_of_many
from contrastmask.completion.run_lengths import settle_run_lengths
from contrastmask.completion.sieve import CONFIDENCE, Sieve, distributions, figures_of
from contrastmask.completion.source_file import SourceFile
from contrastmask.completion.summary import Found, summarise
from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.data.annotations.reviewed import REVIEW
from contrastmask.data.records import Records
from contrastmask.files.whole_file import write_whole


def write_completed(
    options: CompletionOptions,
    records: Records,
    plan: Plan,
    source: SourceFile,
    pieces: list[dict[str, Any]],
    sieve: Sieve,
    learnt: list[str] | None,
    console: Console,
) -> dict[str, Any]:
    """Put the new masks into the file's content, write it and a summary beside it, each whole or not at all.

    Args:
        pieces: ``{"masks": [[place in the file, counts, confidence], …], "unreadable": [image position, …]}``.
        learnt: classes whose masks in the file the model learnt from; None where that is not known.

    Returns:
        the summary (:func:`contrastmask.completion.summary.summarise`), ``check_learnt``: those of ``learnt`` that
        ``check`` has; ``boxes_apart``, completed rows whose box is not one in pixels
        (:func:`contrastmask.completion.boxes_apart.rows_apart`); ``image_sizes``, images whose size in the file was not
        their masks'; ``unreadable``, file names of images, and, with ``form="polygons"``, ``run_lengths``
        (:func:`contrastmask.completion.run_lengths.settle_run_lengths`).

    Raises:
        DataError: the file changed meanwhile, the file of true masks is of other annotations, or the disk is full.
    """
    content = source.content()
    rows = content["annotations"]
    found = _found(records, plan.count, pieces)
    wanted = np.flatnonzero(plan.wanted)
    figures = figures_of(records, {a: found[a] for a in wanted.tolist() if a in found})
    completed, seen = [], []
    for a in _shown(wanted[np.argsort(records.rows[wanted])].tolist(), "writing", console):
        place = int(records.rows[a])
        if a not in found:
            plan.leave("image cannot be read", [place])
            continue
        if (area := int(coco_mask.area(found[a][0]))) == 0:
            plan.leave("empty mask", [place])
            continue
        seen.append(a)
        if (reason := sieve.reason(int(records.labels[a]), figures[a])) is not None:
            plan.leave(reason, [place])
        else:
            complete_row(rows[place], found[a][0], area, figures[a], options)
            completed.append(a)
    report = records.report.merge(of_pieces(pieces))
    summary = summarise(options, records, plan, rows, found, completed, report)
    if summary["check"]:
        summary["check_learnt"] = learnt and [name for name in learnt if name in summary["check"]]
    summary["sieve"] = distributions(records.labels[seen], [figures[a] for a in seen], records.class_names)
    if options.form == "polygons":
        outlines = polygons_of_many(found[a][0] for a in completed)
        places = records.rows[completed].tolist()
        for place, polygons in zip(_shown(places, "outlines", console), outlines, strict=True):
            rows[place]["segmentation"] = polygons
        summary["run_lengths"] = settle_run_lengths(rows, records, options.form_all)
    images = np.unique(records.images_of(np.array(completed, dtype=np.int64))).tolist()
    summary["boxes_apart"] = rows_apart(rows, records, completed)
    summary["image_sizes"] = settle_sizes(content["images"], records, images)
    summary["unreadable"] = [records.file_name(i) for piece in pieces for i in piece["unreadable"]]
    write_whole(options.summary, json.dumps(summary, indent=1) + "\n")
    write_whole(options.output, json.dumps(content))
    return summary


def _shown(work: list[int], what: str, console: Console) -> Iterable[int]:
    return track(work, what, console=console, transient=True)


def _found(records: Records, count: int, pieces: list[dict[str, Any]]) -> Found:
    position = np.zeros(count, dtype=np.int64)
    position[records.rows] = np.arange(len(records.rows))
    masks = [mask for piece in pieces for mask in piece["masks"]]
    positions = position[[place for place, _, _ in masks]] if masks else position[:0]
    images = records.images_of(positions)
    sizes = np.stack([records.heights[images], records.widths[images]], axis=1).tolist()
    return {
        a: ({"size": size, "counts": counts}, sure)
        for a, size, (_, counts, sure) in zip(positions.tolist(), sizes, masks, strict=True)
    }


def complete_row(
    row: dict[str, Any], rle: dict[str, Any], area: int, figures: dict[str, Any], options: CompletionOptions
) -> None:
    """Write a mask's run lengths and what is known of it into a row of the file, in place.

    What was said of another mask goes.
    """
    row["segmentation"] = rle
    row["area"] = area
    row.update({PREDICTED: True, CONFIDENCE: figures[CONFIDENCE]})
    row.pop(REVIEW, None)
    attributes = row.get("attributes")
    if attributes is None or isinstance(attributes, dict):
        row["attributes"] = {**(attributes or {}), PREDICTED: True, **figures}
        row["attributes"].pop(REVIEW, None)
    else:  # another form is another tool's: not ours to change
        row.update(figures)
    if options.as_score:
        row["score"] = figures[CONFIDENCE]
