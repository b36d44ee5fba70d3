"""Box arithmetic in which torchvision and the released model differ: delta clamps, and which anchor matches which box.

N boxes, A anchors or proposals, G ground-truth boxes; boxes are xyxy in network-input pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder, Matcher


class TwoSidedCoder(BoxCoder):
    """Box deltas as in torchvision, with log-size deltas clamped on both sides.

    torchvision clamps dw, dh at log(1000/16) from above only; the released model also clamps from below, so that a
    strongly negative delta leaves a box of 1.6 instead of 0.03 pixels. Decoding always runs in float32.
    """

    def decode_single(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """Decode ``rel_codes [N, 4k]`` against ``boxes [N, 4]``; returns ``[N, 4k]`` xyxy."""
        codes = rel_codes.float().clone()
        codes[:, 2::4].clamp_(min=-self.bbox_xform_clip * self.weights[2])
        codes[:, 3::4].clamp_(min=-self.bbox_xform_clip * self.weights[3])
        return super().decode_single(codes, boxes.float())


class MaxIoUMatcher(Matcher):
    """torchvision's matcher with MMDetection's rule for the best anchor of each ground-truth box.

    A ground-truth box keeps its best anchors (all ties) only where their IoU reaches ``min_pos_iou``, and takes them
    from any other box, the later box winning. torchvision keeps any best anchor, even at IoU 0.02, and leaves it with
    the box it overlaps most. Called with the IoU matrix ``[G, A]``, it returns for each column the row's index, or
    ``BELOW_LOW_THRESHOLD`` / ``BETWEEN_THRESHOLDS``.
    """

    def __init__(self, high_threshold: float, low_threshold: float, min_pos_iou: float) -> None:
        super().__init__(high_threshold, low_threshold, allow_low_quality_matches=True)
        self.min_pos_iou = min_pos_iou

    def set_low_quality_matches_(self, matches: Tensor, all_matches: Tensor, match_quality_matrix: Tensor) -> None:
        """Overwrite ``matches [A]`` in place (``all_matches`` is unused: the best box of a column plays no part)."""
        best = match_quality_matrix.amax(dim=1, keepdim=True)
        wins = (match_quality_matrix == best) & (best >= self.min_pos_iou)
        rows = torch.arange(1, len(wins) + 1, device=wins.device)[:, None]
        last_winner = (wins * rows).amax(dim=0)
        matches.copy_(torch.where(last_winner > 0, last_winner - 1, matches))


def clip_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Clip ``boxes [..., 4]`` xyxy to an image of ``size = (height, width)``."""
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)
