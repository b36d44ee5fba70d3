"""What a network says of the objects of an image, as plain arrays and COCO run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.model.confidence import mask_confidence
from contrastmask.model.masks import encode_masks


def plain_objects(
    found: dict[str, Tensor], size: tuple[int, int], class_names: Sequence[str], *, masks: bool
) -> dict[str, Any]:
    """The entries of :meth:`contrastmask.Predictor.predict`, of one image of ``size`` (H, W).

    Args:
        found: of :meth:`contrastmask.model.detector.Detector.segment` and its like, on any device.
        masks: whether to decode ``masks``.

    Raises:
        FloatingPointError: a probability or a box is not finite.
    """
    host = {name: value.float() if value.is_floating_point() else value for name, value in found.items()}
    host = {name: value.cpu() for name, value in host.items()}
    # what a crop branch says of its masks is fitted to the overlap that they have
    if "confidence" not in host:
        host["confidence"] = mask_confidence(host["mask_probs"].double()).float()
    rles = encode_masks(host["mask_probs"], host.get("windows", host["boxes"]), size)
    plain: dict[str, Any] = {name: value.numpy() for name, value in host.items()}
    # a crop branch takes objects of classes that it does not know: -1
    plain["names"] = ["" if i < 0 else class_names[i] for i in plain["labels"].tolist()]
    plain["rles"] = rles
    if masks:
        shown = [coco_mask.decode(rle).astype(bool) for rle in rles]
        plain["masks"] = np.stack(shown) if shown else np.zeros((0, *size), dtype=bool)
    return plain
