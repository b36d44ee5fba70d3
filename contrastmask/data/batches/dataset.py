"""Checked records → samples → batches of lists.

A sample is `(image, target)`: image uint8 RGB [3, h, w] in the network frame (resized, perhaps mirrored); target, for
the N objects of the image that are not crowds:

    boxes          float32 [N, 4]   xyxy, network frame
    labels         int64 [N]        0..K-1
    has_mask       bool [N]         whether the record may show a mask (after the split)
    masks          uint8 [M, h, w]  {0, 1}, M = has_mask.sum(), in object order; training only, absent in evaluation
    ann_ids        int64 [N]        COCO annotation ids
    positions      int64 [N]        where each stands in the records' columns
    image_id       int              COCO image id
    original_size  (H, W)           pixels of the image file
    index          int              position in the data set

A batch is `(images, targets)`, two lists of equal length.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from contrastmask.data.batches.sampler import Key
from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.data.training_images import training_images
from contrastmask.errors import ConfigError, DataError
from contrastmask.spoken import SpokenWarning

Target = dict[str, Any]
Sample = tuple[Tensor, Target]
Batch = tuple[list[Tensor], list[Target]]


class CocoDataset(Dataset):
    """Samples of a set of records; see the module's docstring for their form.

    Training uses the images of `training_images`, decodes the masks that the records may show and augments by a
    generator seeded from (seed, epoch, draw, index) alone. Evaluation uses every image and decodes no mask. Crowd
    objects are left out of both: plain background in training, the evaluator's affair in evaluation.

    Args:
        transform: `TrainTransform`, `TestTransform` or their like: (image, target, generator) → (image, target).
        seed: not negative; used in training only.
        on_bad: what an unreadable image does: "error" raises; "skip" warns once with its path, notes it in
            `skipped_files` and gives None, which `collate` leaves out.

    Attributes:
        images: int64 [I'] position in `records` of every sample.
        left_out: reason → number of images left out of training.
    """

    def __init__(
        self,
        records: Records,
        transform: Callable[[tv_tensors.Image, Target, torch.Generator], tuple[tv_tensors.Image, Target]],
        *,
        train: bool,
        seed: int = 0,
        on_bad: Literal["error", "skip"] = "error",
    ) -> None:
        if on_bad not in ("error", "skip"):
            raise ConfigError(f"on_bad must be 'error' or 'skip', got {on_bad!r}")
        self.records, self.transform, self.train, self.seed, self.on_bad = records, transform, train, seed, on_bad
        if train:
            self.images, self.left_out = training_images(records)
        else:
            self.images, self.left_out = np.arange(len(records.image_ids)), {}
        # Shared memory: workers are other processes, and what they skip must be known here.
        self._skipped = torch.zeros(len(records.image_ids), dtype=torch.uint8)
        if on_bad == "skip":
            self._skipped.share_memory_()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def wide(self) -> np.ndarray:
        """bool [I'], width > height: the aspect group of every sample."""
        return self.records.widths[self.images] > self.records.heights[self.images]

    @property
    def skipped_files(self) -> list[Path]:
        """Image files that could not be read so far, by this process and its workers."""
        return [self._name(position) for position in self._skipped.nonzero().flatten().tolist()]

    def _name(self, position: int) -> Path:
        try:
            return self.records.file_path(position)
        except DataError:  # perhaps that is why it was skipped
            return self.records.image_root / self.records.file_name(position)

    def __getitem__(self, key: Key | int) -> Sample | None:
        """The sample of a key (training) or of a position (evaluation; in training the first draw of epoch 0).

        Raises:
            DataError: unreadable image with on_bad="error", or a segmentation that cannot be decoded.
        """
        key = key if isinstance(key, Key) else Key(0, 0, int(key))
        position = int(self.images[key.index])
        pixels = self.pixels(position)
        if pixels is None:
            return None
        target = self._target(position)
        target["index"] = key.index
        generator = torch.Generator()
        if self.train:
            generator.manual_seed(_augmentation_seed(self.seed, key))
        image, target = self.transform(tv_tensors.Image(pixels), target, generator)
        return _plain(image).contiguous(), {name: _plain(value) for name, value in target.items()}

    def pixels(self, position: int) -> Tensor | None:
        """uint8 [3, H, W] of an image of the records; None where it is skipped.

        Raises:
            DataError: unreadable, with on_bad="error".
        """
        try:
            return read_image_of(self.records, position)
        except DataError as error:
            if self.on_bad == "error":
                raise
            if not self._skipped[position]:
                self._skipped[position] = 1
                self._tell(error)
            return None

    def _tell(self, error: DataError) -> None:
        """Say, once, why an image is skipped."""
        warnings.warn(f"skipped, data.on_bad=skip: {error}", SpokenWarning, stacklevel=3)

    def _target(self, position: int) -> Target:
        records = self.records
        rows = np.arange(records.offsets[position], records.offsets[position + 1])
        rows = rows[~records.crowd[rows]]
        size = int(records.heights[position]), int(records.widths[position])
        has_mask = records.has_mask[rows]
        target: Target = {
            "boxes": tv_tensors.BoundingBoxes(torch.from_numpy(records.boxes[rows]), format="XYXY", canvas_size=size),
            "labels": torch.from_numpy(records.labels[rows]),
            "has_mask": torch.from_numpy(has_mask),
            "ann_ids": torch.from_numpy(records.ann_ids[rows]),
            "positions": torch.from_numpy(rows),
            "image_id": int(records.image_ids[position]),
            "original_size": size,
        }
        if self.train:
            masks = np.zeros((int(has_mask.sum()), *size), dtype=np.uint8)
            for slot, row in enumerate(rows[has_mask]):
                masks[slot] = records.mask(int(row))
            target["masks"] = tv_tensors.Mask(torch.from_numpy(masks))
        return target


def _augmentation_seed(seed: int, key: Key) -> int:
    # SeedSequence hashes: neighbouring (epoch, draw, index) give unrelated generators.
    return int(np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)[0])


def _plain(value: Any) -> Any:
    return value.as_subclass(Tensor) if isinstance(value, tv_tensors.TVTensor) else value


def collate(samples: Sequence[Sample | None]) -> Batch:
    """Two lists. Skipped samples (None) are left out, so with on_bad="skip" a batch may be smaller, even `([], [])`."""
    kept = [sample for sample in samples if sample is not None]
    return [image for image, _ in kept], [target for _, target in kept]
