"""Detectors without configuration: at full size for the golden figures, tiny for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from contrastmask.model.backbone import STRIDES, ResNetFPN
from contrastmask.model.box_head import CAMBoxHead
from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.detector import Detector
from contrastmask.model.mask_head import MaskHead
from contrastmask.model.postprocess import BoxSelection
from contrastmask.model.roi_align import PyramidRoIAlign
from contrastmask.model.roi_heads import RoIHeads
from contrastmask.model.rpn import GridAnchors, ProposalNetwork
from contrastmask.model.sampling import RoISampler

BACKBONES: dict[str, dict[str, int]] = {
    "r18": {"depth": 18},
    "r50": {"depth": 50},
    "r101": {"depth": 101},
    "x50": {"depth": 50, "groups": 32, "width_per_group": 4},
    "x101": {"depth": 101, "groups": 32, "width_per_group": 4},
}


def build(
    backbone: str = "r50",
    classes: int = 80,
    *,
    channels: int = 256,
    encoder_depth: int = 8,
    mask_depth: int = 4,
    cam: bool = True,
    contrastive: bool = True,
    enhance: bool = True,
    mask_rois: str = "objects",
    class_agnostic: bool = False,
    head: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    rpn: dict[str, Any] | None = None,
    rois: int = 512,
    selection: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    trains: str = "all",
) -> Detector:
    """The detector that ``assemble.build_detector`` makes of the default settings, in training mode.

    Args:
        backbone: a name of ``BACKBONES``; classes: K.
        channels: width of pyramid and heads; encoder_depth, mask_depth: convolutions of these heads.
        cam, contrastive, enhance, mask_rois, class_agnostic: the switches of the configuration.
        head, body, rpn, selection, options: further arguments of the mask head, the backbone, the proposal network, the
            choice of detections and the contrastive loss; rois: sampled per image; trains: the detector's own argument.
    """
    network = ProposalNetwork(channels, GridAnchors(8.0, (0.5, 1.0, 2.0), STRIDES), **(rpn or {}))
    contrastive_head = None
    if contrastive or enhance:
        projection = channels if contrastive else 0
        contrastive_head = ContrastiveHead(channels, channels=channels, depth=encoder_depth, projection=projection)
    heads = RoIHeads(
        PyramidRoIAlign(STRIDES[:4]),
        RoISampler(rois),
        CAMBoxHead(channels, classes, channels=channels, class_agnostic=class_agnostic),
        BoxSelection(**(selection or {})),
        MaskHead(
            channels,
            enhanced_channels=channels if enhance else 0,
            channels=channels,
            depth=mask_depth,
            **(head or {}),
        ),
        contrastive_head,
        contrastive=ContrastiveOptions(**(options or {})) if contrastive else None,
        use_cam=cam,
        mask_rois=mask_rois,
    )
    features = ResNetFPN(**BACKBONES[backbone], channels=channels, **(body or {}))
    return Detector(features, network, heads, trains=trains)


def tiny(classes: int = 5, **changes: Any) -> Detector:
    """A detector of 16 channels on an r18 body that trains from scratch: a step on two 64-pixel images is quick."""
    small = {
        "channels": 16,
        "encoder_depth": 2,
        "mask_depth": 1,
        "body": {"frozen_stages": -1, "norm_eval": False},
        "rpn": {"batch": 32, "pre_nms_train": 50, "pre_nms_test": 30, "post_nms": 40},
        "rois": 24,
        "selection": {"score": 0.0, "limit": 6},
    }
    return build("r18", classes, **(small | changes))


def scene(
    size: tuple[int, int] = (64, 96),
    boxes: tuple[tuple[float, float, float, float], ...] = ((4, 6, 40, 50), (50, 10, 90, 60)),
    labels: tuple[int, ...] = (0, 3),
    has_mask: tuple[bool, ...] = (True, False),
    seed: int = 0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """A random uint8 image ``[3, h, w]`` and its target; the mask of a box is its left upper triangle."""
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    masks = torch.zeros((sum(has_mask), *size), dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    masked = (box for box, has in zip(boxes, has_mask, strict=True) if has)
    for mask, (x1, y1, x2, y2) in zip(masks, masked, strict=True):
        u, v = (x - x1) / (x2 - x1), (y - y1) / (y2 - y1)
        mask[:] = (u > 0) & (v > 0) & (u + v < 1)
    target = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "has_mask": torch.tensor(has_mask, dtype=torch.bool),
        "masks": masks,
    }
    return image, target
