"""How sure a predicted mask is of itself."""

from __future__ import annotations

import torch
from torch import Tensor


def mask_confidence(mask_probs: Tensor) -> Tensor:
    """How sure a mask is of itself: the overlap that it expects with the truth.

    With p the probabilities and m = [p >= 0.5], sum(p m) / sum(max(p, m)): 1 for a mask of certain cells, lower the
    more cells are undecided, on either side of the threshold; 0 for an empty mask.

    Args:
        mask_probs: ``[N, S, S]`` in 0..1.

    Returns:
        ``[N]`` in 0..1.
    """
    inside = (mask_probs >= 0.5).to(mask_probs.dtype)
    both, either = (mask_probs * inside).sum(dim=(1, 2)), torch.maximum(mask_probs, inside).sum(dim=(1, 2))
    return both / either.clamp(min=1e-9)
