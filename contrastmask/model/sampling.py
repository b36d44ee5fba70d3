"""Which RoIs a training step sees: proposals matched to objects, then drawn.

G objects, Q proposals, n <= ``batch`` sampled RoIs of one image, P positive ones of a batch, K classes; boxes xyxy in
network-input pixels.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.ops import box_iou

from contrastmask.model.boxes import MaxIoUMatcher


class SampledRoIs(NamedTuple):
    """RoIs of one image: the positive ones first, each part in the order of its index."""

    boxes: Tensor  # [n, 4]
    labels: Tensor  # [n] in 0..K, K = background
    objects: Tensor  # [n] index of the matched object, 0 for background
    is_object: Tensor  # [n] bool: the RoI is an object's own box, not a proposal
    positives: int  # the first `positives` rows are foreground


class Positives(NamedTuple):
    """The positive RoIs of a batch, images one after the other."""

    rows: Tensor  # [P] index into the sampled RoIs
    boxes: list[Tensor]  # per image [p, 4]
    labels: Tensor  # [P] in 0..K-1
    has_mask: Tensor  # [P] bool
    in_mask_loss: list[Tensor]  # per image, rows of its boxes
    masks: Tensor  # [P, 28, 28] bool, empty where has_mask is false

    def mask_rows(self) -> Tensor:
        """``[M]``: ``in_mask_loss`` as rows of all positives."""
        starts = accumulate((len(b) for b in self.boxes[:-1]), initial=0)
        return torch.cat([rows + start for rows, start in zip(self.in_mask_loss, starts, strict=True)])


class RoISampler(nn.Module):
    """Match proposals to objects by IoU and draw a batch of them.

    Each object's own box is added in front of the proposals and belongs to that object whatever the overlaps are
    (torchvision appends it and matches it by IoU, so that of two equal boxes the first takes both).

    Args:
        batch: RoIs drawn per image; positive_fraction: the most of them that are positive.
        iou: threshold between foreground and background; an object's best proposal counts only if it reaches it too.
    """

    def __init__(self, batch: int = 512, positive_fraction: float = 0.25, iou: float = 0.5) -> None:
        super().__init__()
        self.matcher = MaxIoUMatcher(iou, iou, iou)
        self.draw = BalancedPositiveNegativeSampler(batch, positive_fraction)

    def assign(self, proposals: Tensor, boxes: Tensor) -> Tensor:
        """Index of the object that each of G + Q candidates belongs to ``[G + Q]``, or -1 for background."""
        own = torch.arange(len(boxes), device=boxes.device)
        if len(boxes) == 0 or len(proposals) == 0:
            return torch.cat([own, own.new_full((len(proposals),), -1)])
        return torch.cat([own, self.matcher(box_iou(boxes, proposals))])

    def forward(self, proposals: Tensor, target: dict[str, Tensor], classes: int) -> SampledRoIs:
        """Draw RoIs of one image from ``proposals [Q, 4]`` and ``target`` (``boxes [G, 4]``, ``labels [G]``)."""
        boxes = target["boxes"].to(proposals.dtype)
        assigned = self.assign(proposals, boxes)
        positive, negative = self.draw([(assigned >= 0).long()])
        positive, negative = torch.where(positive[0])[0], torch.where(negative[0])[0]
        chosen = torch.cat([positive, negative])
        objects = assigned[chosen].clamp(min=0)
        labels = torch.full_like(objects, classes)
        labels[: len(positive)] = target["labels"][objects[: len(positive)]]
        candidates = torch.cat([boxes, proposals])
        return SampledRoIs(candidates[chosen], labels, objects, chosen < len(boxes), len(positive))
