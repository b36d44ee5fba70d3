"""The masks of a file beside a model's: a copy of the file in which each says how suspect it is, and a sheet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rich.console import Console

from contrastmask.audit.measures import Found, measure
from contrastmask.audit.models_masks import identity_of, predict_masks
from contrastmask.audit.options import AuditOptions
from contrastmask.audit.other_class import other_classes
from contrastmask.audit.sheet import sheet
from contrastmask.audit.verdicts import Verdict, verdicts_of
from contrastmask.completion.learnt import learnt_classes
from contrastmask.completion.readable import require_some_read
from contrastmask.completion.source_file import SourceFile
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.images.looking_ahead import joined, look_ahead
from contrastmask.data.reading import RULES
from contrastmask.data.records import Records
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.journal import Journal
from contrastmask.files.lock import held
from contrastmask.files.whole_file import write_whole
from contrastmask.prediction.predictor import Predictor

SUSPICION, REASON, MODEL = "suspicion", "reason", "predicted"
SUSPECT = 0.5


def audit(options: AuditOptions, predictor: Predictor, console: Console | None = None) -> dict[str, Any]:
    """Write ``options.output`` and the sheet beside it.

    The output is the file, row by row as it was; under ``attributes`` of a mask that was judged stand ``suspicion``
    (0..1, a rank), ``reason`` (text, may be empty) and ``predicted`` (the model's mask, run lengths).

    Returns:
        ``judged`` masks, their mean ``overlap`` (percent) with the model's, ``suspect``: those of a suspicion of at
        least one half; ``reasons`` of the likeliest wrong ten as [suspicion, class, annotation id, image, reason];
        ``unreadable`` image files; ``unmarked``: ids of rows whose ``attributes`` are of another form than an object;
        ``learnt``: classes whose masks in the file the model learnt from, None where that is not known.

    Raises:
        DataError: the file cannot be used or changed meanwhile, has no mask to judge, none of its images can be read,
            or another process audits it.
        CheckpointError: a class is unknown to the model. ConfigError: an unknown class name in ``classes``.
    """
    console = console or Console()
    with held(options.output):
        source = SourceFile(options.annotations)
        records = load_annotations(options.annotations, options.images, options.reading)
        chosen = _chosen(options, records)
        images = np.unique(records.images_of(np.flatnonzero(chosen))).tolist()
        pictures = joined(look_ahead(records, {0: images}, (), options.annotations).values())
        for line in records.report.merge(pictures).lines("warning", "dropped", "repaired"):
            console.print(line, markup=False, soft_wrap=True)
        journal = Journal(options.journal, _identity(options, predictor, source))
        pieces = predict_masks(options, predictor, records, chosen, journal, console)
        journal.sync()
        require_some_read(options.annotations, records, pieces, [journal])
        found = _found(records, pieces)
        measures = measure(records, found)
        ask = options.other_classes and predictor.finds_boxes
        other = other_classes(predictor, records, measures.positions, console) if ask else {}
        verdicts = verdicts_of(records, measures, found, other)
        summary = _write(options, records, source, verdicts, [i for piece in pieces for i in piece["unreadable"]])
        names = [records.class_names[n] for n in np.unique(records.labels[chosen])]
        summary["learnt"] = learnt_classes(predictor, options.annotations, names)
        journal.close(remove=True)
    return summary


def _chosen(options: AuditOptions, records: Records) -> np.ndarray:
    names = records.class_names
    if unknown := sorted(set(options.classes or ()) - set(names)):
        raise ConfigError(f"classes: {', '.join(unknown)} unknown; {options.annotations} has {', '.join(names)}")
    asked = [n for n, name in enumerate(names) if options.classes is None or name in options.classes]
    chosen = records.has_mask & ~records.crowd & np.isin(records.labels, asked)
    if not chosen.any():
        made = "; predicted=true judges masks that a model made" if records.predicted.any() else ""
        raise DataError(f"{options.annotations} has no mask to judge{made}")
    return chosen


def _identity(options: AuditOptions, predictor: Predictor, source: SourceFile) -> dict[str, Any]:
    names = ("predicted", "batch_size", *RULES)
    return {
        "journal": "audit 1",
        "annotations": source.digest,
        "classes": None if options.classes is None else sorted(options.classes),
        **{name: getattr(options, name) for name in names},
        "image_rules": vars(options.image_rules),
        **identity_of(predictor),
    }


def _found(records: Records, pieces: list[dict[str, Any]]) -> Found:
    position = {place: a for a, place in enumerate(records.rows.tolist())}
    found = {}
    for piece in pieces:
        for place, counts, sure in piece["masks"]:
            image = records.image_of(a := position[place])
            found[a] = ({"size": [int(records.heights[image]), int(records.widths[image])], "counts": counts}, sure)
    return found


def _write(
    options: AuditOptions, records: Records, source: SourceFile, verdicts: list[Verdict], unreadable: list[int]
) -> dict[str, Any]:
    content = source.content()
    unmarked = _mark(content["annotations"], verdicts)
    write_whole(options.sheet, sheet(records, verdicts, options.shown, options.annotations.name))
    write_whole(options.output, json.dumps(content))
    overlaps = [verdict.overlap for verdict in verdicts]
    return {
        "judged": len(verdicts),
        "overlap": 100 * sum(overlaps) / len(overlaps) if overlaps else None,
        "suspect": sum(verdict.suspicion >= SUSPECT for verdict in verdicts),
        "reasons": [
            [v.suspicion, records.class_names[records.labels[v.position]], int(records.ann_ids[v.position]),
             records.file_name(records.image_of(v.position)), v.reason]
            for v in verdicts[:10]
        ],
        "unreadable": [records.file_name(i) for i in unreadable],
        "unmarked": unmarked,
    }  # fmt: skip


def _mark(rows: list[Any], verdicts: list[Verdict]) -> list[Any]:
    """Write the verdicts into their rows, and take those of an earlier audit out of all others."""
    for row in rows:
        if isinstance(row, dict) and isinstance(inner := row.get("attributes"), dict) and SUSPICION in inner:
            row["attributes"] = {k: v for k, v in inner.items() if k not in (SUSPICION, REASON, MODEL)}
    unmarked = []
    for verdict in verdicts:
        row = rows[verdict.place]
        inner = row.get("attributes")
        if inner is not None and not isinstance(inner, dict):  # another tool's: not ours to change
            unmarked.append(row.get("id"))
            continue
        marks = {SUSPICION: round(verdict.suspicion, 4), REASON: verdict.reason, MODEL: verdict.model}
        row["attributes"] = {**(inner or {}), **marks}
    return unmarked
