"""The losses of a batch of crops: masks where there are any, and what boxes teach."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from contrastmask.losses.colour import lab
from contrastmask.losses.crops import (
    colour_similarity,
    mask_loss,
    outside_loss,
    pairwise_loss,
    projection_loss,
)
from contrastmask.model.crops.calibration import overlap, quality_loss
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.network import CropOutput
from contrastmask.model.crops.planes import mask_of
from contrastmask.model.crops.segmenter import box_cells


@dataclass(frozen=True)
class BoxLessons:
    """Weights of what is learnt from boxes alone, of objects with and without mask; 0 leaves a lesson out."""

    outside: float = 0.0  # nothing of the object outside its box
    projection: float = 0.0  # every row and column of the box holds some of it
    pairwise: float = 0.0  # neighbours of like colour share their side
    contrastive: float = 0.0  # foreground and background lie apart in the features
    ramp_epochs: float = 1.0  # epochs until all but the first have their full weight

    @property
    def any(self) -> bool:
        """Whether box-only objects teach anything."""
        return max(self.outside, self.projection, self.pairwise, self.contrastive) > 0


def loss_names(lessons: BoxLessons) -> list[str]:
    """Of what :func:`crop_losses` gives."""
    taught = [name for name in ("outside", "projection", "pairwise", "contrastive") if getattr(lessons, name)]
    return [f"loss_{name}" for name in ("mask", "quality", *taught)]


def crop_losses(
    said: CropOutput,
    batch: dict[str, Tensor],
    lessons: BoxLessons,
    ramp: float,
    contrast: CropContrast | None = None,
) -> dict[str, Tensor]:
    """The losses of a batch of :mod:`contrastmask.data.object_crops`, weighted.

    Args:
        ramp: 0..1, share of their weight that all lessons but ``outside`` have by now.
        contrast: of the contrastive lesson, where that has a weight.

    Returns:
        ``loss_mask`` over the objects with mask, predicted ones by their weights; ``loss_quality`` over those with a
        drawn one; and one entry a lesson that has a weight.
    """
    seen, cells = batch["has_mask"], said.logits.shape[-1]
    masks, logits = mask_of(batch["mask"]), said.logits
    losses = {"loss_mask": mask_loss(logits[seen], masks[seen], batch["weight"][seen])}
    true = seen & ~batch["predicted"]
    losses["loss_quality"] = quality_loss(said.quality[true], overlap(logits[true].detach(), masks[true]))
    if not lessons.any:
        return losses
    inside = box_cells(batch["box"].float(), cells)
    if lessons.outside:
        losses["loss_outside"] = lessons.outside * outside_loss(said.logits, inside)
    if lessons.projection:
        losses["loss_projection"] = ramp * lessons.projection * projection_loss(said.logits, inside)
    if lessons.pairwise:
        colours = lab(F.interpolate(batch["crop"].float(), size=(cells, cells), mode="area"))
        likeness = colour_similarity(colours, box_cells(batch["image"].float(), cells))
        losses["loss_pairwise"] = ramp * lessons.pairwise * pairwise_loss(said.logits, likeness, inside)
    if contrast is not None:
        losses["loss_contrastive"] = ramp * lessons.contrastive * contrast(said, masks, true, inside)
    return losses
