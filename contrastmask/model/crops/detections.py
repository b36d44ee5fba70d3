"""Detections whose masks come from crops of the image: boxes, labels, scores and their order are the detector's own.

The crop branch has learnt with the boxes of people, one an object. A detector says many boxes, several of one object
and most of none: what is told to lie near a detection is what it most likely shows.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou, nms

from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.detector import Detector

LIKELY = 0.3  # score from which a detection counts as an object beside others
SAME = 0.5  # IoU from which two boxes count as one object, whatever their classes


@torch.no_grad()
def detect_with_crops(
    detector: Detector,
    crops: CropSegmenter,
    images: list[Tensor],
    original_sizes: list[tuple[int, int]],
    pixels: list[Tensor],
) -> list[dict[str, Tensor]]:
    """Detect in the network inputs, segment in the images themselves.

    Args:
        images, original_sizes: as :meth:`Detector.predict` takes them.
        pixels: uint8 ``[3, H, W]``, the same images as they were.

    Returns:
        per image ``boxes``, ``scores``, ``labels`` and ``cams`` as :meth:`Detector.predict` gives them, bit for bit,
        and ``mask_probs``, ``windows`` and ``confidence`` as :meth:`CropSegmenter.segment` does for these boxes.
    """
    found = detector.predict(images, original_sizes, masks=False)
    boxes, labels = [part["boxes"] for part in found], [part["labels"] for part in found]
    others = [others_near(part["boxes"], part["scores"]) for part in found]
    cams = [part["cams"] for part in found] if crops.network.cam else None
    masks = crops.segment(pixels, original_sizes, boxes, labels, others=others, cams=cams)
    taken = ("mask_probs", "windows", "confidence")
    return [{**part, **{name: mask[name] for name in taken}} for part, mask in zip(found, masks, strict=True)]


def others_near(boxes: Tensor, scores: Tensor) -> Tensor:
    """Which detections are taken for other objects beside each.

    Args:
        boxes: ``[N, 4]``; scores: ``[N]``.

    Returns:
        bool ``[N, N]``: column j is a likely object, said once, and not that of row i.
    """
    if len(boxes) == 0:
        return torch.zeros((0, 0), dtype=torch.bool, device=boxes.device)
    boxes = boxes.float()
    objects = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    objects[nms(boxes, scores.float(), SAME)] = True
    objects &= scores >= LIKELY
    # boxes without area have no IoU
    same = box_iou(boxes, boxes).nan_to_num(0) >= SAME
    same.fill_diagonal_(True)
    return objects & ~same
