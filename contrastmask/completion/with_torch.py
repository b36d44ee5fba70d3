"""A completion's masks by PyTorch: images read by worker processes, segmented in groups, finished elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from contrastmask.completion.freed_memory import keep_freed_memory
from contrastmask.completion.pieces import piece_of
from contrastmask.completion.side_by_side import images_at_once, side_by_side
from contrastmask.data.batches.dataset import Batch, CocoDataset, collate
from contrastmask.data.batches.workers import worker_start
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.prediction.predictor import Predictor


class _Pictures(CocoDataset):
    """A file's pictures without those that cannot be read: who misses one in its batch tells why."""

    def _tell(self, error: DataError) -> None:
        pass


def segmented(
    predictor: Predictor,
    records: Records,
    groups: Sequence[list[int]],
    chosen: np.ndarray,
    labels: np.ndarray,
    num_workers: int,
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Of every group of images, in their order, once the network has had it, what makes a piece of it
    (:func:`contrastmask.completion.pieces.piece_of`) in any thread.

    Args:
        chosen: bool ``[A]``, rows of the records to segment. labels: int64 ``[K]``, the model's of the file's classes.
        num_workers: processes that read images.
    """
    dataset = _Pictures(records, predictor.given_transform, train=False, on_bad="skip")
    loader = DataLoader(
        dataset,
        batch_sampler=list(groups),
        num_workers=num_workers,
        collate_fn=collate,
        worker_init_fn=worker_start(),
    )
    if not predictor.finds_boxes and predictor.device.type == "cpu":
        keep_freed_memory()
    work = partial(_segment, predictor, records, chosen, torch.from_numpy(labels))
    yield from side_by_side(work, zip(groups, loader, strict=True), images_at_once(predictor))


@torch.inference_mode()
def _segment(
    predictor: Predictor, records: Records, chosen: np.ndarray, labels: Tensor, given: tuple[list[int], Batch]
) -> Callable[[], dict[str, Any]]:
    group, (images, targets) = given
    if not images:
        return partial(piece_of, records, group, [])
    keep = [torch.from_numpy(chosen[target["positions"].numpy()]) for target in targets]
    finish = predictor.begin_resized(
        images,
        [t["original_size"] for t in targets],
        [t["boxes"][k] for t, k in zip(targets, keep, strict=True)],
        [labels[t["labels"][k]] for t, k in zip(targets, keep, strict=True)],
        beside=[t["boxes"][~k] for t, k in zip(targets, keep, strict=True)],
    )
    rows = [target["positions"][kept].numpy() for target, kept in zip(targets, keep, strict=True)]
    places = [t["index"] for t in targets]
    return lambda: piece_of(records, group, zip(places, rows, finish(), strict=True))
