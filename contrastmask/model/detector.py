"""The whole model: images in, losses or detections out. Needs torch and torchvision, no configuration, no trainer."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from contrastmask.model.backbone import ResNetFPN
from contrastmask.model.roi_heads import RoIHeads
from contrastmask.model.rpn import ProposalNetwork

Size = tuple[int, int]


class Extracted(NamedTuple):
    """Images after the backbone, for more than one question about them."""

    batch: ImageList
    features: list[Tensor]  # P2..P6, each [N, C, H/s, W/s]


class Detector(nn.Module):
    """Mask R-CNN with a class-agnostic mask head, CAM prior and contrastive branch.

    Args:
        backbone, rpn, roi_heads: the parts.
        mean, std: of the RGB channels, in units of 0..255.
        divisor: batches are padded right and below with zeros, after normalisation, to a multiple of it.
        trains: ``"all"``, or ``"masks"``: the mask and the contrastive head alone, on a detector that stays as it is,
            in its boxes, scores and CAMs. Proposals are then those of test, and the losses those of the two heads.
        mask_limit: masks of an image, those of its best detections; None: of all.
        mask_score: the least score, 0..1, of a detection with a mask.

    Raises:
        ValueError: unknown ``trains``.
    """

    def __init__(
        self,
        backbone: ResNetFPN,
        rpn: ProposalNetwork,
        roi_heads: RoIHeads,
        *,
        mean: tuple[float, float, float] = (123.675, 116.28, 103.53),
        std: tuple[float, float, float] = (58.395, 57.12, 57.375),
        divisor: int = 32,
        trains: str = "all",
        mask_limit: int | None = None,
        mask_score: float = 0.0,
    ) -> None:
        super().__init__()
        if trains not in ("all", "masks"):
            raise ValueError(f"trains is 'all' or 'masks', not {trains!r}")
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads
        self.divisor, self.mask_limit, self.mask_score = divisor, mask_limit, mask_score
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.given = [backbone, rpn, roi_heads.box_head] if trains == "masks" else []
        for part in self.given:
            part.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Detector:
        """Switch modes; parts that are not trained stay in eval mode."""
        super().train(mode)
        for part in self.given:
            part.eval()
        return self

    def batch(self, images: list[Tensor]) -> ImageList:
        """Normalise uint8 ``[3, h, w]`` images and pad them into one float32 canvas."""
        sizes = [tuple(image.shape[-2:]) for image in images]
        height, width = (math.ceil(max(side) / self.divisor) * self.divisor for side in zip(*sizes, strict=True))
        canvas = self.mean.new_zeros((len(images), 3, height, width))
        for row, image in zip(canvas, images, strict=True):
            row[:, : image.shape[1], : image.shape[2]] = (image.float() - self.mean) / self.std
        return ImageList(canvas, sizes)

    def extract(self, images: list[Tensor] | Extracted) -> Extracted:
        """Run the backbone over uint8 ``[3, h, w]`` images, or return what was extracted before."""
        if isinstance(images, Extracted):
            return images
        batch = self.batch(images)
        return Extracted(batch, self.backbone(batch.tensors))

    def forward(
        self,
        images: list[Tensor],
        targets: list[dict[str, Tensor]],
        *,
        contrastive_weight: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """The losses of one training step; every trainable parameter is in their graph.

        Args:
            images: uint8 ``[3, h, w]`` each, any sizes.
            targets: per image ``boxes [G, 4]`` xyxy in the image's own pixels, ``labels [G]``, ``has_mask [G]`` bool,
                ``masks [G', h, w]`` uint8 for the objects that have one, in their order. G may be 0.
            contrastive_weight: factor of the contrastive loss (0.1 times the ramp).
            generator: randomness of the pixel draw.

        Returns:
            ``loss_rpn_cls``, ``loss_rpn_box``, ``loss_cls``, ``loss_box`` (these four where the detector is trained),
            ``loss_mask`` and, where the branch is built in, ``loss_contrastive``; float32 scalars, their sum is the
            total.

        Raises:
            RuntimeError: called in eval mode.
            FloatingPointError: a predicted box is not a number.
        """
        if not self.training:
            raise RuntimeError("losses need training mode; use predict() or segment() for inference")
        batch, features = self.extract(images)
        proposals, losses = self.rpn(batch, features, targets)
        losses |= self.roi_heads.losses(
            features, proposals, targets, contrastive_weight=contrastive_weight, generator=generator
        )
        return losses

    def _masked(self, scores: Tensor) -> int:
        """How many of an image's detections, best first, get a mask."""
        count = int((scores >= self.mask_score).sum()) if self.mask_score > 0 else len(scores)
        return count if self.mask_limit is None else min(count, self.mask_limit)

    @torch.no_grad()
    def predict(
        self, images: list[Tensor] | Extracted, original_sizes: list[Size], *, masks: bool = True
    ) -> list[dict[str, Tensor]]:
        """Detect and segment.

        Args:
            images: uint8 ``[3, h, w]`` network inputs, or what :meth:`extract` made of them; original_sizes: height and
                width of the images as they were.
            masks: False: detect alone, without ``mask_probs``.

        Returns:
            per image ``boxes [D, 4]`` xyxy in original pixels, ``scores [D]``, ``labels [D]``, ``mask_probs
            [D, 28, 28]`` (of the box; 0 where a detection gets none), ``cams [D, 7, 7]``, all float32 but the labels,
            best first.
        """
        batch, features = self.extract(images)
        proposals, _ = self.rpn(batch, features)
        found = self.roi_heads.detect(features, proposals, batch.image_sizes)
        boxes = [f.boxes for f, _ in found]
        cams = [c for _, c in found]
        probs: list[Tensor | None] = [None] * len(boxes)
        if masks:
            counts = [self._masked(f.scores) for f, _ in found]
            some, told = zip(*((b[:n], c[:n]) for b, c, n in zip(boxes, cams, counts, strict=True)), strict=True)
            drawn = self.roi_heads.masks(features, list(some), torch.cat(told)).split(counts)
            probs = [F.pad(p, (0, 0, 0, 0, 0, len(b) - len(p))) for p, b in zip(drawn, boxes, strict=True)]
        results = []
        for (detected, cam), prob, size, original in zip(found, probs, batch.image_sizes, original_sizes, strict=True):
            results.append(_result(detected.boxes, detected.scores, detected.labels, prob, cam, size, original))
        return results

    @torch.no_grad()
    def segment(
        self, images: list[Tensor] | Extracted, original_sizes: list[Size], boxes: list[Tensor], labels: list[Tensor]
    ) -> list[dict[str, Tensor]]:
        """Masks for given boxes of given classes; no detection step.

        Args:
            images, original_sizes: as in :meth:`predict`.
            boxes: per image ``[D, 4]`` xyxy in pixels of the network input; labels: per image ``[D]`` in 0..K-1.

        Returns:
            as :meth:`predict`, boxes in the order given; a score is the mean probability of the mask's foreground
            (0 where it is empty).
        """
        batch, features = self.extract(images)
        boxes = [b.to(self.mean.dtype) for b in boxes]
        counts = [len(b) for b in boxes]
        cams = self.roi_heads.cams_of(features, boxes, labels)
        probs = self.roi_heads.masks(features, boxes, cams)
        inside = probs >= 0.5
        scores = (probs * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
        parts = zip(boxes, scores.split(counts), labels, probs.split(counts), cams.split(counts), strict=True)
        return [
            _result(*part, size, original)
            for part, size, original in zip(parts, batch.image_sizes, original_sizes, strict=True)
        ]

    @torch.no_grad()
    def cams(self, images: list[Tensor] | Extracted, boxes: list[Tensor], labels: list[Tensor]) -> list[Tensor]:
        """Class activation maps of given boxes and classes: per image ``[D, 7, 7]``, unnormalised.

        Args:
            images, boxes, labels: as in :meth:`segment`, boxes in pixels of the network input.
        """
        _, features = self.extract(images)
        boxes = [b.to(self.mean.dtype) for b in boxes]
        return list(self.roi_heads.cams_of(features, boxes, labels).split([len(b) for b in boxes]))

    @torch.no_grad()
    def explain(
        self, images: list[Tensor] | Extracted, boxes: list[Tensor], labels: list[Tensor]
    ) -> list[dict[str, Tensor | None]]:
        """What the mask head is steered by, for looking at.

        Args:
            images, boxes, labels: as in :meth:`segment`, boxes in pixels of the network input.

        Returns:
            per image ``cams [D, 7, 7]`` and ``similarity [D, 28, 28]``, the cosine of each projected pixel with the
            foreground query of all these boxes (None without contrastive projector).
        """
        _, features = self.extract(images)
        boxes = [b.to(self.mean.dtype) for b in boxes]
        counts = [len(b) for b in boxes]
        cams = self.roi_heads.cams_of(features, boxes, labels)
        probs = self.roi_heads.masks(features, boxes, cams)
        similarity = self.roi_heads.foreground_similarity(features, boxes, probs)
        similar = [None] * len(counts) if similarity is None else similarity.split(counts)
        return [{"cams": c, "similarity": s} for c, s in zip(cams.split(counts), similar, strict=True)]


def _result(
    boxes: Tensor, scores: Tensor, labels: Tensor, probs: Tensor | None, cams: Tensor, size: Size, original: Size
) -> dict[str, Tensor]:
    (height, width), (original_height, original_width) = size, original
    scale_x, scale_y = width / original_width, height / original_height
    scale = boxes.new_tensor([scale_x, scale_y, scale_x, scale_y])
    masks = {} if probs is None else {"mask_probs": probs}
    return {"boxes": boxes / scale, "scores": scores, "labels": labels, **masks, "cams": cams}
