"""The model's masks for objects of a file, kept in a journal as they come."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from rich.console import Console

from contrastmask.completion.complete import labels_of, network_of
from contrastmask.completion.finishing import finished
from contrastmask.completion.progress import progress
from contrastmask.completion.readable import keeping
from contrastmask.completion.source_file import digest
from contrastmask.completion.with_torch import segmented
from contrastmask.data.records import Records
from contrastmask.files.journal import Journal
from contrastmask.prediction.predictor import Predictor


class Work(Protocol):
    """Settings: ``annotations`` names the file in messages; ``batch_size`` images go through the model together."""

    annotations: Path
    batch_size: int
    num_workers: int


def predict_masks(
    options: Work, predictor: Predictor, records: Records, chosen: np.ndarray, journal: Journal, console: Console
) -> list[dict[str, Any]]:
    """A mask for every chosen object from its own box and class.

    Args:
        chosen: bool [A], of the records.

    Returns:
        of every group of images ``{"masks": [[place in the file, counts, confidence], …], "unreadable": [image
        position, …]}``, from the journal where it has it.

    Raises:
        CheckpointError: a class of a chosen object is unknown to the model.
    """
    labels = labels_of(options, predictor, records, chosen)
    of_image = np.bincount(records.images_of(np.flatnonzero(chosen)), minlength=len(records.image_ids))
    images = np.flatnonzero(of_image).tolist()
    groups = [images[i : i + options.batch_size] for i in range(0, len(images), options.batch_size)]
    rest = [number for number in range(len(groups)) if number not in journal.pieces]
    objects = [int(of_image[group].sum()) for group in groups]
    done = sum(objects[number] for number in journal.pieces)
    begun = segmented(predictor, records, [groups[n] for n in rest], chosen, labels, options.num_workers)
    with closing(finished(zip(rest, begun, strict=True), keeping(journal, records, console))) as pieces:
        for _ in progress(pieces, console, objects, done, sum(objects), "auditing"):
            pass
    return [journal.pieces[number] for number in range(len(groups))]


def identity_of(predictor: Predictor) -> dict[str, Any]:
    """What of a model decides its masks, for a journal."""
    return {"checkpoint": digest(Path(predictor.path)), "network": network_of(predictor)}
