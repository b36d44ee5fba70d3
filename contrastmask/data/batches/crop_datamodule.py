"""Loaders of the crop branch: training by objects, evaluation by images at their own size."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, default_collate

from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.batches.detector_cams import DetectorCams
from contrastmask.data.batches.object_crops import (
    CropOptions,
    ObjectCrops,
    held_out,
)
from contrastmask.data.batches.sampler import GroupedBatchSampler, Key
from contrastmask.data.batches.transforms import AsItIs
from contrastmask.data.learnable import require_usable, usable
from contrastmask.spoken import say


class CropDataModule(CocoDataModule):
    """A :class:`CocoDataModule` whose training batches are objects (:mod:`contrastmask.data.batches.object_crops`).

    Args:
        crops: how objects are cut out.
        box_only: box-only objects in a batch, beside ``batch_size`` objects with drawn masks.
        predicted: objects with predicted masks in a batch, beside those, where the reading uses such masks.
        held_out: 0..1, share of the objects with masks that no step sees: how good masks are is measured on them.
        least_steps: small sets are passed over more often, so that ``epochs`` epochs have about so many steps in all.
        epochs: of the training.
        cams: a detector whose class activation maps objects come with; None: they come without.
        others: of :class:`CocoDataModule`.
    """

    def __init__(
        self,
        *args: Any,
        crops: CropOptions,
        box_only: int,
        predicted: int,
        held_out: float,
        least_steps: int,
        epochs: int,
        cams: DetectorCams | None = None,
        **others: Any,
    ) -> None:
        super().__init__(*args, **others)
        self.crops, self.held_out = crops, held_out
        self.box_only, self.predicted = box_only, predicted
        self.least_steps, self.epochs = least_steps, epochs
        self.test_transform, self.cams = AsItIs(), cams
        self._known_cams: np.ndarray | None = None
        self._parts: tuple[np.ndarray, np.ndarray] | None = None

    def train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]]:
        """Batches of this process: objects with drawn masks, then box-only ones, then those with predicted masks.

        Raises:
            DataError: no object has a drawn mask.
        """
        records, epoch = self.train_records, self._epoch()
        samplers, parts = [self._train_sampler(epoch)], [self._objects(self._rows()[0])]
        for count, chosen in (
            (self.box_only, ~records.has_mask),
            (self.predicted, records.has_mask & records.predicted),
        ):
            objects = self._objects(usable(records, chosen))
            if count and len(objects):
                passes = math.ceil(len(samplers[0]) * count * self._shard()[1] / len(objects))
                wide = np.zeros(len(objects), bool)
                samplers.append(GroupedBatchSampler(wide, count, repeats=passes, **self._sampling(epoch)))
                parts.append(objects)
        return self._loader(_Joined(parts), _Together(samplers, [len(part) for part in parts]), None)

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """The batch; of objects, whose pixels are whole numbers and whose boxes were clipped to images, it is fit."""
        return batch if isinstance(batch, dict) else super().on_before_batch_transfer(batch, dataloader_idx)

    def held_out_batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """The objects that training never sees, as they are; all of them on every process."""
        apart = self._objects(self._rows()[1], varied=False)
        for start in range(0, len(apart), self.batch_size):
            places = range(start, min(start + self.batch_size, len(apart)))
            samples = [apart.sample(Key(0, 0, place)) for place in places]
            if read := [sample for sample in samples if sample is not None]:
                yield default_collate(read)

    def _objects(self, rows: np.ndarray, *, varied: bool = True) -> ObjectCrops:
        cams, pixels = self._cams(), self.train_dataset.pixels
        return ObjectCrops(
            self.train_records, rows, self.crops, seed=self.seed, varied=varied, cams=cams, pixels=pixels
        )

    def _cams(self) -> np.ndarray | None:
        """Of all training objects, found once: they depend on the boxes alone, not on how a crop is varied. Each
        process looks at its share of the images, so all of them must come here."""
        if self.cams is not None and self._known_cams is None:
            records = self.train_records
            rows, strategy, shard = usable(records, ~records.crowd), self.trainer.strategy, self._shard()
            say(f"class activation maps of {len(rows)} objects by {self.cams.path}, once before the training")
            shared = {"shard": shard, "gather": strategy.all_gather} if shard[1] > 1 else {}
            pixels, device = self.train_dataset.pixels, strategy.root_device
            self._known_cams = self.cams.of_records(records, rows, device, pixels=pixels, **shared)
        return self._known_cams

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        if self._parts is None:
            records = self.train_records
            self._parts = held_out(records, require_usable(records), self.held_out, self.seed)
        return self._parts

    def _train_sampler(self, epoch: int) -> GroupedBatchSampler:
        masked = len(self._rows()[0])
        steps = math.ceil(self.least_steps / self.epochs)
        passes = max(self.repeats, round(steps * self.batch_size * self._shard()[1] / masked))
        return GroupedBatchSampler(np.zeros(masked, bool), self.batch_size, repeats=passes, **self._sampling(epoch))


class _Joined(ConcatDataset):
    """Sets of crops under one numbering of keys."""

    def __getitem__(self, key: Key) -> dict[str, Any]:
        part = bisect_right(self.cumulative_sizes, key.index)
        before = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][key._replace(index=key.index - before)]


class _Together:
    """The batches of several samplers side by side; the first one's number of batches decides.

    Args:
        sizes: objects of each, which the keys of the next ones come after.
    """

    def __init__(self, samplers: Sequence[GroupedBatchSampler], sizes: Sequence[int]) -> None:
        self.samplers, self.offsets = samplers, [0, *accumulate(sizes)][:-1]

    @property
    def sampler(self) -> _Together:
        """Itself: Lightning looks for `set_epoch` on a batch sampler's `sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the 0-based epoch of all."""
        for sampler in self.samplers:
            sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.samplers[0])

    def __iter__(self) -> Iterator[list[Key]]:
        for parts in zip(*self.samplers, strict=False):
            yield [
                key._replace(index=key.index + offset)
                for keys, offset in zip(parts, self.offsets, strict=True)
                for key in keys
            ]
