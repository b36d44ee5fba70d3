"""The validation objects that a finished run's features are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from contrastmask.data.dataset import CocoDataset
from contrastmask.model.masks import mask_targets
from contrastmask.predictor import Predictor


@dataclass(frozen=True)
class ImageObjects:
    """The G objects of an image that have a mask, crowds aside.

    Attributes:
        image: network input ``[3, h, w]``; boxes ``[G, 4]`` in its pixels; labels ``[G]`` of the predictor.
        masks: uint8 ``[G, H, W]``; own_boxes ``[G, 4]`` in their pixels.
    """

    image: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor
    own_boxes: Tensor

    def inside(self, size: int) -> Tensor:
        """Which cells of the boxes lie in the masks: bool ``[G, size, size]``."""
        return mask_targets(self.masks, self.own_boxes, torch.arange(len(self.masks)), size)


def objects_of(predictor: Predictor, dataset: CocoDataset) -> Iterator[ImageObjects]:
    """Image by image; those without such an object are left out."""
    records = dataset.records
    for index in range(len(dataset)):
        rows = [a for a in range(int(records.offsets[index]), int(records.offsets[index + 1]))
                if records.has_mask[a] and not records.crowd[a]]  # fmt: skip
        if not rows:
            continue
        image, target = dataset[index]
        height, width = target["original_size"]
        scale = torch.tensor([image.shape[2] / width, image.shape[1] / height] * 2)
        boxes = torch.from_numpy(records.boxes[rows]).float()
        labels = torch.tensor([predictor.label(records.class_names[k]) for k in records.labels[rows].tolist()])
        masks = torch.from_numpy(np.stack([records.mask(a) for a in rows]))
        yield ImageObjects(image, boxes * scale, labels, masks, boxes)
