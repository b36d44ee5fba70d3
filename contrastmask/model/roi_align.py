"""RoIAlign over a feature pyramid with aligned (half-pixel) sampling.

torchvision's MultiScaleRoIAlign cannot be told ``aligned`` (0.34 standard deviations of the features, and 0 to 2 of
100 detections survive), and infers the pyramid's scales from the first batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from contrastmask.model.roi_products import align_rois


class PyramidRoIAlign(nn.Module):
    """Pool each RoI from the level that fits its size: floor(log2(sqrt(area) / finest + 1e-6)), P2..P5.

    Args:
        strides: of the levels used, finest first.
        finest: side in pixels below twice which a RoI belongs to the finest level (56 in the method).
    """

    def __init__(self, strides: tuple[int, ...] = (4, 8, 16, 32), finest: float = 56.0) -> None:
        super().__init__()
        self.strides = strides
        self.finest = finest

    def levels(self, boxes: Tensor) -> Tensor:
        """Level index ``[R]`` in 0..len(strides)-1 of ``boxes [R, 4]``; -1 of one that is not finite."""
        side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clamp(min=0).sqrt()
        level = torch.log2(side / self.finest + 1e-6).floor().clamp(0, len(self.strides) - 1)
        return torch.where(torch.isfinite(boxes).all(dim=1), level, -1.0).long()

    def forward(self, features: list[Tensor], boxes: list[Tensor], size: int) -> Tensor:
        """Pool the RoIs of all images.

        Args:
            features: pyramid maps ``[N, C, H/s, W/s]``, finest first; levels beyond ``strides`` are ignored.
            boxes: for each of the N images ``[r, 4]`` xyxy in network-input pixels.
            size: S, cells on a side.

        Returns:
            ``[R, C, S, S]`` float32, images one after the other.

        Raises:
            FloatingPointError: a box is not finite. torchvision would take it for an address.
        """
        image = torch.cat([b.new_full((len(b), 1), i) for i, b in enumerate(boxes)])
        flat = torch.cat(boxes)
        rois = torch.cat([image, flat], dim=1)
        level = self.levels(flat)
        order = torch.argsort(level)
        # a list of counts, not a search at every level: a GPU is waited for once
        counts = (level[:, None] == torch.arange(len(self.strides), device=level.device)).sum(dim=0).tolist()
        if sum(counts) != len(flat):
            raise FloatingPointError("a box is not finite")
        levels = zip(features, self.strides, rois[order].split(counts), strict=False)
        pooled = [align_rois(feature, chosen, size, 1.0 / stride) for feature, stride, chosen in levels]
        return torch.cat(pooled)[torch.argsort(order)]
