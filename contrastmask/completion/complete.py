"""Masks for the annotations that have none: each from its own box and class, everything else in the file untouched.

Images go through the model in fixed groups, and every group's masks are kept in a journal as soon as they are there: a
killed run, started again, goes on at the next group and writes the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import DataLoader

from contrastmask.completion.completed_file import write_completed
from contrastmask.completion.confidence import mask_confidence
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.annotations import load_annotations
from contrastmask.data.dataset import Batch, CocoDataset, collate
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.files.journal import Journal
from contrastmask.prediction.predictor import Predictor


def complete(options: CompletionOptions, predictor: Predictor, console: Console | None = None) -> dict[str, Any]:
    """Write ``options.output``, and a summary beside it.

    A new mask has ``segmentation`` and, beside it, ``"segmentation_predicted": true`` and ``segmentation_confidence``
    in 0..1 (:func:`contrastmask.completion.confidence.mask_confidence`). All else stays: ids, order, fields, ``area``,
    ``bbox``.

    Returns:
        the summary: ``completed`` and ``left`` (lists of annotation ids by reason), ``per_class``, ``check`` and
        ``truth`` (:func:`score_masks`), ``unreadable`` image files.

    Raises:
        DataError: the file cannot be used, or a journal beside the output is of another run.
        CheckpointError: a class to complete is unknown to the model.
        ConfigError: an unknown class name in ``classes``.
    """
    console = console or Console()
    records = load_annotations(
        options.annotations, options.images, Reading(repair=options.repair, predicted_masks="use")
    )
    content = json.loads(options.annotations.read_bytes())
    wanted, chosen = _wanted(options, records, content["annotations"])
    labels = _labels(options, predictor, records, chosen)
    journal = Journal(options.journal, _identity(options, predictor))
    dataset = CocoDataset(records, predictor.transform, train=False, on_bad="skip")
    images = np.unique([records.image_of(a) for a in np.flatnonzero(chosen).tolist()]).astype(int).tolist()
    groups = [images[i : i + options.batch_size] for i in range(0, len(images), options.batch_size)]
    rest = [number for number in range(len(groups)) if number not in journal.pieces]
    loader = DataLoader(
        dataset, batch_sampler=[groups[n] for n in rest], num_workers=options.num_workers, collate_fn=collate
    )
    objects = [sum(int(chosen[records.offsets[i] : records.offsets[i + 1]].sum()) for i in group) for group in groups]
    done = sum(objects[n] for n in journal.pieces)
    if journal.pieces:
        console.print(f"going on after {len(journal.pieces)} of {len(groups)} groups of images")
    for number, batch in _progress(zip(rest, loader, strict=True), console, objects, done):
        journal.add(number, _segment(predictor, records, batch, groups[number], chosen, labels))
    pieces = [journal.pieces[number] for number in range(len(groups))]
    summary = write_completed(options, records, content, wanted, pieces)
    journal.close(remove=True)
    return summary


def _wanted(
    options: CompletionOptions, records: Records, annotations: list[dict[str, Any]]
) -> tuple[dict[int, str], np.ndarray]:
    """Annotation id → class name of those without a mask; bool [A] of the records to predict."""
    asked = set(options.classes or records.class_names)
    if unknown := sorted(asked - set(records.class_names)):
        raise ConfigError(
            f"classes: {', '.join(unknown)} unknown; {options.annotations} has {', '.join(records.class_names)}"
        )
    names = {category.id: category.name for category in records.categories}
    wanted = {
        row["id"]: names[row["category_id"]]
        for row in annotations
        if isinstance(row, dict)
        and not row.get("segmentation")
        and not row.get("iscrowd")
        and names.get(row.get("category_id")) in asked
    }
    chosen = np.isin(records.ann_ids, np.fromiter(wanted, dtype=np.int64, count=len(wanted)))
    if options.check:
        labels = [label for label, name in enumerate(records.class_names) if name in asked]
        chosen |= records.has_mask & np.isin(records.labels, labels)
    return wanted, chosen & ~records.crowd


def _labels(options: CompletionOptions, predictor: Predictor, records: Records, chosen: np.ndarray) -> Tensor:
    """The model's label of each of the file's classes, -1 where it has none."""
    needed = [records.class_names[label] for label in np.unique(records.labels[chosen]).tolist()]
    missing = [name for name in needed if name not in predictor.class_names]
    if missing:
        raise CheckpointError(
            f"{predictor.path} does not know {', '.join(missing)} of {options.annotations}; it has "
            f"{', '.join(predictor.class_names)}. classes=[…] completes some classes only"
        )
    known = {name: label for label, name in enumerate(predictor.class_names)}
    return torch.tensor([known.get(name, -1) for name in records.class_names])


def _identity(options: CompletionOptions, predictor: Predictor) -> dict[str, Any]:
    return {
        "journal": 1,
        "annotations": _digest(options.annotations),
        "checkpoint": _digest(predictor.path),
        "classes": None if options.classes is None else sorted(options.classes),
        "check": options.check,
        "batch_size": options.batch_size,
        "overwrite": options.overwrite,
        "sides": [predictor.transform.short_side, predictor.transform.long_side],
        "precision": predictor.precision,
        "device": predictor.device.type,
    }


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 24):
            digest.update(part)
    return digest.hexdigest()


@torch.inference_mode()
def _segment(
    predictor: Predictor, records: Records, batch: Batch, group: list[int], chosen: np.ndarray, labels: Tensor
) -> dict[str, Any]:
    """``{"masks": [[annotation id, counts, confidence], …], "unreadable": [image position, …]}``."""
    images, targets = batch
    seen = {target["index"] for target in targets}
    piece: dict[str, Any] = {"masks": [], "unreadable": [i for i in group if i not in seen]}
    if not images:
        return piece
    ids = set(records.ann_ids[chosen].tolist())
    keep = [torch.tensor([int(i) in ids for i in t["ann_ids"]], dtype=torch.bool) for t in targets]
    found = predictor.segment_resized(
        images,
        [t["original_size"] for t in targets],
        [t["boxes"][k] for t, k in zip(targets, keep, strict=True)],
        [labels[t["labels"][k]] for t, k in zip(targets, keep, strict=True)],
    )
    for target, kept, result in zip(targets, keep, found, strict=True):
        confidence = mask_confidence(torch.from_numpy(result["mask_probs"])).tolist()
        for ann_id, rle, sure in zip(target["ann_ids"][kept].tolist(), result["rles"], confidence, strict=True):
            piece["masks"].append([ann_id, rle["counts"], round(sure, 6)])
    return piece


def _progress(
    work: Iterator[tuple[int, Batch]], console: Console, objects: list[int], done: int
) -> Iterator[tuple[int, Batch]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TextColumn("{task.fields[rate]}"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("objects", total=sum(objects), completed=done, rate="")
        for number, batch in work:
            yield number, batch
            speed = progress.tasks[0].speed
            progress.update(task, advance=objects[number], rate=f"{speed:.1f}/s" if speed else "")
