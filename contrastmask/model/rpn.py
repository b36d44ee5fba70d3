"""Region proposals: torchvision's network with the released model's anchors, matching and losses.

N images, L levels, A anchors per image over all levels; boxes xyxy in network-input pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead, concat_box_prediction_layers

from contrastmask.losses.detection import rpn_losses
from contrastmask.model.boxes import MaxIoUMatcher, TwoSidedCoder
from contrastmask.model.winograd_maps import MapConv


class GridAnchors(AnchorGenerator):
    """One anchor scale per level, not rounded, at fixed strides, always float32.

    torchvision rounds the base anchors (up to 0.49 px: 830 of 1000 proposals move), takes image // grid for the stride
    (61 instead of 64 on P6 of an 800-pixel side) and follows the features' dtype (bfloat16 anchors are 7 px off).
    """

    def __init__(self, scale: float, ratios: tuple[float, ...], strides: tuple[int, ...]) -> None:
        super().__init__(tuple((scale * s,) for s in strides), (tuple(ratios),) * len(strides))
        self.strides = strides

    def generate_anchors(
        self,
        scales: tuple[float, ...],
        aspect_ratios: tuple[float, ...],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Base anchors ``[len(ratios), 4]`` centred on 0; a ratio is height / width at constant area."""
        heights = torch.tensor([scales[0] * math.sqrt(r) for r in aspect_ratios], dtype=dtype, device=device)
        widths = torch.tensor([scales[0] / math.sqrt(r) for r in aspect_ratios], dtype=dtype, device=device)
        return torch.stack([-widths, -heights, widths, heights], dim=1) / 2

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """Return N times the same ``[A, 4]`` anchors of the padded canvas."""
        device = feature_maps[0].device
        self.set_cell_anchors(torch.float32, device)
        strides = [[torch.tensor(s, device=device)] * 2 for s in self.strides]
        anchors = torch.cat(self.grid_anchors([list(f.shape[-2:]) for f in feature_maps], strides))
        return [anchors] * len(image_list.image_sizes)

    def inside(self, size: tuple[int, int], feature_maps: list[Tensor]) -> Tensor:
        """Which anchors ``[A]`` start in a cell of an image's own padded area ``size`` (not of the batch's canvas)."""
        flags = []
        for stride, feature, count in zip(self.strides, feature_maps, self.num_anchors_per_location(), strict=True):
            rows = torch.arange(feature.shape[-2], device=feature.device) < math.ceil(size[0] / stride)
            cols = torch.arange(feature.shape[-1], device=feature.device) < math.ceil(size[1] / stride)
            flags.append((rows[:, None] & cols).flatten().repeat_interleave(count))
        return torch.cat(flags)


class ProposalNetwork(RegionProposalNetwork):
    """torchvision's RPN with L1 loss, MaxIoU matching and proposals that keep empty boxes (as the released model).

    Args:
        channels: width of the pyramid.
        anchors: the anchor generator.
        batch: anchors sampled per image for the loss; positive_fraction: the most of them that are positive.
        iou_high, iou_low, iou_best: positive from, negative below, and the least IoU of a box's best anchor.
        pre_nms_train, pre_nms_test: proposals per level before NMS; post_nms: per image after it.
        nms: IoU threshold of the NMS within a level.
        divisor: images are padded to multiples of it; anchors outside an image's own padded area are not trained.
    """

    def __init__(
        self,
        channels: int,
        anchors: GridAnchors,
        *,
        batch: int = 256,
        positive_fraction: float = 0.5,
        iou_high: float = 0.7,
        iou_low: float = 0.3,
        iou_best: float = 0.3,
        pre_nms_train: int = 2000,
        pre_nms_test: int = 1000,
        post_nms: int = 1000,
        nms: float = 0.7,
        divisor: int = 32,
    ) -> None:
        head = RPNHead(channels, anchors.num_anchors_per_location()[0])
        for block in head.conv:
            block[0] = MapConv.of(block[0])
        pre, post = {"training": pre_nms_train, "testing": pre_nms_test}, {"training": post_nms, "testing": post_nms}
        super().__init__(anchors, head, iou_high, iou_low, batch, positive_fraction, pre, post, nms)
        self.min_size = 0.0  # the released model drops no small box
        self.proposal_matcher = MaxIoUMatcher(iou_high, iou_low, iou_best)
        self.box_coder = TwoSidedCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.divisor = divisor

    def forward(
        self, images: ImageList, features: list[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Proposals of each image ``[<= post_nms, 4]``, best first, and in training mode the two RPN losses.

        Raises:
            FloatingPointError: a predicted box is not a number: the run has diverged. The choice of proposals would
                silently leave such boxes out.
        """
        objectness, deltas = self.head(features)
        anchors = self.anchor_generator(images, features)
        counts = [o.shape[1] * o.shape[2] * o.shape[3] for o in objectness]
        objectness, deltas = concat_box_prediction_layers(objectness, deltas)
        objectness, deltas = objectness.float(), deltas.float()
        with torch.no_grad():
            decoded = self.box_coder.decode(deltas, anchors).view(len(anchors), -1, 4)
            if decoded.isnan().any():
                raise FloatingPointError("the proposal network predicts boxes that are NaN: lower the learning rate")
            proposals, _ = self.filter_proposals(decoded, objectness, images.image_sizes, counts)
        if not self.training:
            return proposals, {}
        if targets is None:
            raise ValueError("targets are needed in training mode")
        return proposals, self._losses(objectness, deltas, anchors, images, features, targets)

    def _losses(
        self,
        objectness: Tensor,
        deltas: Tensor,
        anchors: list[Tensor],
        images: ImageList,
        features: list[Tensor],
        targets: list[dict[str, Tensor]],
    ) -> dict[str, Tensor]:
        labels, matched = [], []
        for image_anchors, size, target in zip(anchors, images.image_sizes, targets, strict=True):
            padded = tuple(math.ceil(side / self.divisor) * self.divisor for side in size)
            valid = torch.where(self.anchor_generator.inside(padded, features))[0]
            # an anchor outside plays no part in the matching either: its IoU with any box must not be a best one
            found, boxes = self.assign_targets_to_anchors([image_anchors[valid]], [target])
            image_labels = image_anchors.new_full((len(image_anchors),), -1.0)
            image_labels[valid] = found[0]
            image_matched = torch.zeros_like(image_anchors)
            image_matched[valid] = boxes[0]
            labels.append(image_labels)
            matched.append(image_matched)
        positive, negative = self.fg_bg_sampler(labels)
        positive, negative = torch.cat(positive).bool(), torch.cat(negative).bool()
        anchors, matched = torch.cat(anchors), torch.cat(matched)
        chosen = torch.where(positive)[0]
        wanted = self.box_coder.encode([matched[chosen]], [anchors[chosen]])[0]
        return rpn_losses(objectness.flatten(), deltas[chosen], wanted, positive, negative)
