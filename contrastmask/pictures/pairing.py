"""Which detection found which object, by their boxes."""

from __future__ import annotations

import numpy as np

BOX_IOU = 0.5


def found_objects(
    boxes: np.ndarray, labels: np.ndarray, truth_boxes: np.ndarray, truth_labels: np.ndarray
) -> list[int]:
    """The object that each detection found, as AP counts it: of those of its class that are still free the one with
    the greatest IoU, at least 0.5; -1 for none.

    Args:
        boxes: ``[D, 4]`` xyxy of the detections, the best first; labels: ``[D]``.
        truth_boxes: ``[N, 4]`` of the objects; truth_labels: ``[N]``.
    """
    free = np.ones(len(truth_boxes), dtype=bool)
    found = []
    for box, label in zip(boxes, labels, strict=True):
        overlap = np.where(free & (truth_labels == label), box_iou(truth_boxes, box), 0.0)
        best = int(overlap.argmax()) if len(overlap) else -1
        if best >= 0 and overlap[best] < BOX_IOU:
            best = -1
        if best >= 0:
            free[best] = False
        found.append(best)
    return found


def box_iou(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """float64 ``[N]``: intersection over union of xyxy boxes ``[N, 4]`` with ``box [4]``."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    inside = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return inside / np.maximum(areas - inside, 1e-9)
