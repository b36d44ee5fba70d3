"""The IoU that masks of unseen objects have, from what the network says of its own masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Calibration(nn.Module):
    """sigmoid(slope · q + shift) of logits q: Platt's scaling, with an IoU in the place of a class.

    The order of the masks stays as it is. The two numbers are buffers: a checkpoint has them; 1 and 0 until
    :meth:`fit`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, quality: Tensor) -> Tensor:
        """``[N]`` logits → ``[N]`` in 0..1."""
        return (self.slope * quality.float() + self.shift).sigmoid()

    @torch.no_grad()
    def fit(self, quality: Tensor, overlaps: Tensor) -> None:
        """Take what fits N objects best that the network has not learnt from.

        Cross-entropy, which is least where the mean is right, by Newton's steps; a weak pull towards 1 and 0 lets few
        objects change little.

        Args:
            quality: ``[N]`` logits; overlaps: ``[N]``, the IoU of mask and truth, 0..1.
        """
        if len(quality) == 0:
            return
        inputs = torch.stack([quality.double(), torch.ones_like(quality, dtype=torch.double)], dim=1)
        start = inputs.new_tensor([1.0, 0.0])
        found, pull = start.clone(), 2.0
        for _ in range(30):
            said = (inputs @ found).sigmoid()
            slope = inputs.T @ (said - overlaps.double()) + pull * (found - start)
            curvature = inputs.T @ (inputs * (said * (1 - said))[:, None]) + pull * torch.eye(2).to(inputs)
            found = found - torch.linalg.solve(curvature, slope)
        self.slope.fill_(max(float(found[0]), 0.05))
        self.shift.fill_(float(found[1]))


def overlap(logits: Tensor, masks: Tensor) -> Tensor:
    """``[N]``, IoU of ``logits > 0`` and ``masks > 0.5``, both ``[N, S, S]``; 0 where both are empty."""
    mine, true = logits > 0, masks > 0.5
    return (mine & true).sum(dim=(1, 2)) / (mine | true).sum(dim=(1, 2)).clamp(min=1)


def quality_loss(quality: Tensor, overlaps: Tensor) -> Tensor:
    """Mean squared error of the expected IoU, ``sigmoid(quality)``, to the one that the masks have, ``[N]`` each."""
    return F.mse_loss(quality.sigmoid(), overlaps) if len(quality) else quality.sum() * 0
