"""What is exported, each a plain graph of tensors: nothing in it depends on data but sizes."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.detector import Detector
from contrastmask.model.roi_align import PyramidRoIAlign


class CropGraph(nn.Module):
    """The crop branch: crops in, mask logits and confidence out.

    ``crops`` uint8 ``[N, 3, S, S]``, ``boxes`` float32 ``[N, 4]`` in shares of the crops, ``near`` float32
    ``[N, S, S]`` → ``logits`` ``[N, S/2, S/2]``, ``confidence`` ``[N]`` in 0..1, calibrated.
    """

    takes = ("crops", "boxes", "near")
    gives = ("logits", "confidence")

    def __init__(self, segmenter: CropSegmenter) -> None:
        super().__init__()
        self.segmenter = segmenter.eval()

    def forward(self, crops: Tensor, boxes: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        said = self.segmenter(crops, boxes, near)
        return said.logits, self.segmenter.calibration(said.quality)


class PyramidGraph(nn.Module):
    """The detector's backbone: one image in, its feature pyramid out.

    ``image`` uint8 ``[3, H, W]``, resized and padded right and below to a multiple of the detector's divisor, ``size``
    int64 ``[2]``, height and width without the padding → ``p2`` … ``p5``, each float32 ``[1, C, H/s, W/s]``.
    """

    takes = ("image", "size")
    gives = ("p2", "p3", "p4", "p5")

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.backbone = detector.backbone.eval()
        self.register_buffer("mean", detector.mean.clone())
        self.register_buffer("std", detector.std.clone())

    def forward(self, image: Tensor, size: Tensor) -> tuple[Tensor, ...]:
        down = torch.arange(image.shape[1], device=image.device)[:, None] < size[0]
        across = torch.arange(image.shape[2], device=image.device)[None] < size[1]
        # padding is zero after normalisation
        canvas = torch.where(down & across, (image.float() - self.mean) / self.std, 0.0)
        return tuple(self.backbone(canvas[None])[:4])


class MasksGraph(nn.Module):
    """The detector's heads: a feature pyramid, boxes and labels in, masks out.

    ``p2`` … ``p5`` of :class:`PyramidGraph`, ``boxes`` float32 ``[N, 4]`` xyxy in pixels of the network input,
    ``labels`` int64 ``[N]`` → ``logits`` ``[N, 28, 28]`` of the boxes, ``cams`` ``[N, 7, 7]``.
    """

    takes = ("p2", "p3", "p4", "p5", "boxes", "labels")
    gives = ("logits", "cams")

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.heads = copy.deepcopy(detector.roi_heads).eval()
        self.heads.align = EveryLevelAlign(self.heads.align.strides, self.heads.align.finest)
        if (head := self.heads.contrastive_head) is not None:
            head.mix = partial(_plain_mix, 1 / head.temperature)

    def forward(
        self, p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor, boxes: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        features = [p2, p3, p4, p5]
        cams = self.heads.cams_of(features, [boxes], [labels])
        return self.heads.mask_logits(features, [boxes], cams).float(), cams


class EveryLevelAlign(PyramidRoIAlign):
    """The same values without sorting boxes by level, which depends on data: each level pools all boxes, those of other
    levels as boxes of one cell, and the right one is taken."""

    def forward(self, features: list[Tensor], boxes: list[Tensor], size: int) -> Tensor:
        (flat,) = boxes
        level, pooled = self.levels(flat), None
        for number, (feature, stride) in enumerate(zip(features, self.strides, strict=True)):
            mine = level == number
            small = torch.tensor([0.0, 0.0, stride, stride], device=flat.device).expand_as(flat)
            rois = torch.cat([torch.zeros_like(flat[:, :1]), torch.where(mine[:, None], flat, small)], dim=1)
            found = roi_align(feature, rois, size, 1.0 / stride, sampling_ratio=0, aligned=True)
            pooled = found if pooled is None else torch.where(mine[:, None, None, None], found, pooled)
        return pooled


def _plain_mix(scale: float, unit: Tensor, pixels: Tensor) -> Tensor:
    """What :meth:`ContrastiveHead.mix` computes, in operators that every runtime has."""
    return torch.bmm((torch.bmm(unit, unit.transpose(1, 2)) * scale).softmax(dim=2), pixels)
