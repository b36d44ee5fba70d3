"""From class scores and decoded boxes to the detections of one image.

Q proposals, K classes, D detections; boxes xyxy in network-input pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from contrastmask.model.boxes import clip_boxes


class DetectedBoxes(NamedTuple):
    """Detections of one image, best first."""

    boxes: Tensor  # [D, 4]
    scores: Tensor  # [D]
    labels: Tensor  # [D] in 0..K-1
    proposals: Tensor  # [D] index of the proposal each was decoded from


class BoxSelection(nn.Module):
    """Score threshold, NMS per class, the best over all classes.

    torchvision's own step forgets which proposal a detection came from (the CAM is read there) and drops boxes under
    0.01 px, which the released model keeps.

    Args:
        score: a class's probability must exceed it; nms: IoU threshold within a class; limit: detections kept.
    """

    def __init__(self, score: float = 0.05, nms: float = 0.5, limit: int = 100) -> None:
        super().__init__()
        self.score, self.nms, self.limit = score, nms, limit

    def forward(self, scores: Tensor, boxes: Tensor, size: tuple[int, int]) -> DetectedBoxes:
        """Select.

        Args:
            scores: class probabilities ``[Q, K + 1]``, background last.
            boxes: decoded boxes ``[Q, K, 4]``, or ``[Q, 1, 4]`` from a class-agnostic regressor.
            size: height and width to clip to.
        """
        proposals, labels = torch.where(scores[:, :-1] > self.score)
        found = scores[proposals, labels]
        column = labels if boxes.shape[1] > 1 else torch.zeros_like(labels)
        chosen = clip_boxes(boxes[proposals, column], size)
        keep = class_nms(chosen, found, labels, self.nms)[: self.limit]
        return DetectedBoxes(chosen[keep], found[keep], labels[keep], proposals[keep])


def class_nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float, at_once: int = 10_000) -> Tensor:
    """NMS within each class: indices of the boxes kept, best first.

    Classes are kept apart by shifting their boxes, as the released model does on every device. It rounds IoUs at the
    threshold (by 1e-4 for the last classes of COCO), which torchvision does on a GPU but not on a CPU: there one
    detection of a hundred may be another one.

    Args:
        boxes: ``[N, 4]`` xyxy; scores: ``[N]``; labels: ``[N]``; threshold: IoU beyond which the lesser box goes.
        at_once: from this number of boxes on, class by class: the comparison of all pairs grows with the square.
    """
    if len(boxes) == 0:
        return labels
    shifted = boxes + (labels.to(boxes) * (boxes.max() + 1))[:, None]
    if len(boxes) < at_once:
        return nms(shifted, scores, threshold)
    kept = torch.zeros_like(labels, dtype=torch.bool)
    for label in labels.unique():
        rows = torch.where(labels == label)[0]
        kept[rows[nms(shifted[rows], scores[rows], threshold)]] = True
    kept = torch.where(kept)[0]
    return kept[scores[kept].argsort(descending=True, stable=True)]
