"""Loaders of the crop branch: training by objects, evaluation by images at their own size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, default_collate

from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.batches.object_crops import (
    CropOptions,
    ObjectCrops,
    held_out,
    require_objects,
    usable,
)
from contrastmask.data.batches.sampler import GroupedBatchSampler, Key
from contrastmask.data.batches.transforms import AsItIs


class CropDataModule(CocoDataModule):
    """A :class:`CocoDataModule` whose training batches are objects (:mod:`contrastmask.data.batches.object_crops`).

    Args:
        crops: how objects are cut out.
        box_only: box-only objects in a batch, beside ``batch_size`` objects with masks.
        held_out: 0..1, share of the objects with masks that no step sees: how good masks are is measured on them.
        least_steps: small sets are passed over more often, so that ``epochs`` epochs have about so many steps in all.
        epochs: of the training.
        others: of :class:`CocoDataModule`.
    """

    def __init__(
        self,
        *args: Any,
        crops: CropOptions,
        box_only: int,
        held_out: float,
        least_steps: int,
        epochs: int,
        **others: Any,
    ) -> None:
        super().__init__(*args, **others)
        self.crops, self.box_only, self.held_out = crops, box_only, held_out
        self.least_steps, self.epochs = least_steps, epochs
        self.test_transform = AsItIs()
        self._parts: tuple[np.ndarray, np.ndarray] | None = None

    def train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]]:
        """Batches of this process: objects with masks, then box-only ones.

        Raises:
            DataError: no object has a mask.
        """
        sampler: Any = self._train_sampler(self._epoch())
        objects: Any = self._objects(self._rows()[0])
        if self.box_only:
            boxed = self._objects(usable(self.train_records, with_mask=False))
            if len(boxed):
                repeats = math.ceil(len(sampler) * self.box_only * self._shard()[1] / len(boxed))
                sampling = self._sampling(self._epoch())
                others = GroupedBatchSampler(np.zeros(len(boxed), bool), self.box_only, repeats=repeats, **sampling)
                sampler, objects = _Both(sampler, others, len(objects)), _Joined([objects, boxed])
        return self._loader(objects, sampler, None)

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """The batch; of objects, whose pixels are whole numbers and whose boxes were clipped to images, it is fit."""
        return batch if isinstance(batch, dict) else super().on_before_batch_transfer(batch, dataloader_idx)

    def held_out_batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """The objects that training never sees, as they are; all of them on every process."""
        apart = self._objects(self._rows()[1], varied=False)
        for start in range(0, len(apart), self.batch_size):
            places = range(start, min(start + self.batch_size, len(apart)))
            yield default_collate([apart[Key(0, 0, place)] for place in places])

    def _objects(self, rows: np.ndarray, *, varied: bool = True) -> ObjectCrops:
        return ObjectCrops(self.train_records, rows, self.crops, seed=self.seed, varied=varied)

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        if self._parts is None:
            records = self.train_records
            rows = require_objects(records, usable(records, with_mask=True))
            self._parts = held_out(records, rows, self.held_out, self.seed)
        return self._parts

    def _train_sampler(self, epoch: int) -> GroupedBatchSampler:
        masked = len(self._rows()[0])
        steps = math.ceil(self.least_steps / self.epochs)
        passes = max(self.repeats, round(steps * self.batch_size * self._shard()[1] / masked))
        return GroupedBatchSampler(np.zeros(masked, bool), self.batch_size, repeats=passes, **self._sampling(epoch))


class _Joined(ConcatDataset):
    """Two sets of crops under one numbering of keys."""

    def __getitem__(self, key: Key) -> dict[str, Any]:
        first, second = self.datasets
        return first[key] if key.index < len(first) else second[key._replace(index=key.index - len(first))]


class _Both:
    """The batches of two samplers side by side; the first one's number of batches decides."""

    def __init__(self, first: GroupedBatchSampler, second: GroupedBatchSampler, offset: int) -> None:
        self.first, self.second, self.offset = first, second, offset

    @property
    def sampler(self) -> _Both:
        """Itself: Lightning looks for `set_epoch` on a batch sampler's `sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the 0-based epoch of both."""
        self.first.set_epoch(epoch)
        self.second.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[list[Key]]:
        pairs = zip(iter(self.first), iter(self.second), strict=False)
        return (one + [key._replace(index=key.index + self.offset) for key in two] for one, two in pairs)
