"""The order of work of the released code, inside our detector: what the inference benchmark calls a plain twin.

Direct convolutions, every proposal's box refined, an activation map of every class for every proposal, the attention's
weights of all detections in memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.postprocess import DetectedBoxes
from contrastmask.model.roi_heads import RoIHeads


@contextmanager
def released_order() -> Iterator[None]:
    """Within it detectors work in that order; the results are the same within rounding."""
    with ExitStack() as changes:
        changes.enter_context(patch("contrastmask.model.winograd.pays", lambda *_: False))
        changes.enter_context(patch.object(ContrastiveHead, "enhance", _enhance))
        changes.enter_context(patch.object(RoIHeads, "detect", _detect))
        yield


def _enhance(self: ContrastiveHead, encoded: Tensor) -> Tensor:
    pixels = encoded.flatten(2).transpose(1, 2)
    unit = F.normalize(pixels.float(), dim=2).to(pixels.dtype)
    return (torch.bmm(unit, unit.transpose(1, 2)).softmax(dim=2) @ pixels).transpose(1, 2).reshape(encoded.shape)


def _detect(
    self: RoIHeads, features: list[Tensor], proposals: list[Tensor], sizes: list[tuple[int, int]]
) -> list[tuple[DetectedBoxes, Tensor]]:
    logits, deltas, cls_map = self.box_head(self.align(features, proposals, self.BOX_SIZE))
    cams = torch.einsum("rchw,kc->rkhw", cls_map.float(), self.box_head.fc_cls.weight.float())
    counts = [len(p) for p in proposals]
    results = []
    parts = zip(proposals, logits.split(counts), deltas.split(counts), cams.split(counts), sizes, strict=True)
    for boxes, image_logits, image_deltas, image_cams, size in parts:
        decoded = self.coder.decode_single(image_deltas, boxes).unflatten(1, (-1, 4))
        found = self.selection(image_logits.float().softmax(dim=1), decoded, size)
        results.append((found, image_cams[found.proposals, found.labels]))
    return results
