"""Losses of the crop branch: from masks, and from boxes alone. N crops, grids of S x S cells; all means over the N.

The lessons of a box are those of BoxInst (Tian et al., CVPR 2021): each row and column of a tight box holds some of the
object and nothing outside does (equation 2), and neighbours of like colour share their side (equations 5 to 8).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_loss(logits: Tensor, masks: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy plus Dice (1 - 2 sum(p m) / (sum(p²) + sum(m²))), which weighs small masks like large ones.

    Args:
        logits: ``[N, S, S]``; masks: ``[N, S, S]`` in 0..1.
        weights: ``[N]`` in 0..1, how much each mask is believed: the mean is weighed by them; None: all the same. Where
            they sum to less than one mask, their sum is the loss.
    """
    if len(logits) == 0:
        return logits.sum() * 0
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(dim=(1, 2))
    losses = entropy + dice(logits.sigmoid().flatten(1), masks.flatten(1))
    return losses.mean() if weights is None else (losses * weights).sum() / weights.sum().clamp(min=1)


def dice(probs: Tensor, target: Tensor) -> Tensor:
    """``[N]``, 1 - 2 sum(p t) / (sum(p²) + sum(t²)) over the second axis of ``[N, L]``."""
    both = (probs * target).sum(dim=1)
    return 1 - (2 * both + 1e-5) / (probs.square().sum(dim=1) + target.square().sum(dim=1) + 1e-5)


def outside_loss(logits: Tensor, inside: Tensor) -> Tensor:
    """Outside its box there is nothing of the object: cross-entropy to background there.

    Args:
        inside: bool ``[N, S, S]``, cells of the box.
    """
    if len(logits) == 0:
        return logits.sum() * 0
    outside = (~inside).float()
    return ((F.softplus(logits) * outside).sum(dim=(1, 2)) / outside.sum(dim=(1, 2)).clamp(min=1)).mean()


def projection_loss(logits: Tensor, inside: Tensor) -> Tensor:
    """The mask's greatest probability in each row and column is the box's shadow: Dice on both axes.

    Args:
        inside: bool ``[N, S, S]``, cells of the box.
    """
    if len(logits) == 0:
        return logits.sum() * 0
    probs, box = logits.sigmoid(), inside.float()
    return sum(dice(probs.amax(dim=axis), box.amax(dim=axis)).mean() for axis in (1, 2))


def pairwise_loss(logits: Tensor, similarity: Tensor, inside: Tensor, threshold: float = 0.3) -> Tensor:
    """Pairs of neighbours of like colour inside the box: -log P(both are of one side), averaged over such pairs.

    Args:
        similarity: ``[N, 8, S, S]`` in 0..1, of :func:`colour_similarity`.
        inside: bool ``[N, S, S]``, cells of the box; a pair counts where its first cell is inside.
        threshold: pairs at least so alike count.
    """
    if len(logits) == 0:
        return logits.sum() * 0
    own_on, own_off = F.logsigmoid(logits)[:, None], F.logsigmoid(-logits)[:, None]
    on = neighbours(own_on, fill=0.0) + own_on
    off = neighbours(own_off, fill=0.0) + own_off
    same = torch.logaddexp(on, off)
    count = (similarity >= threshold) & inside[:, None]
    return -(same * count).sum() / count.sum().clamp(min=1)


def colour_similarity(colours: Tensor, valid: Tensor, sharpness: float = 0.5, dilation: int = 2) -> Tensor:
    """exp(-sharpness · |c_i - c_j|) of each cell and its eight neighbours, 0 where either is not valid.

    Args:
        colours: ``[N, 3, S, S]``, CIE Lab or any space whose distances are perceived ones, of about 0..100.
        valid: bool ``[N, S, S]``, cells that lie in the image.
        sharpness: per unit of distance; dilation: cells from a cell to its neighbours.
    """
    near = torch.stack([neighbours(colours[:, c : c + 1], dilation=dilation) for c in range(colours.shape[1])], dim=2)
    distance = (near - colours[:, None]).square().sum(dim=2).sqrt()
    both = neighbours(valid[:, None].float(), dilation=dilation) * valid[:, None]
    return torch.exp(-sharpness * distance) * both


def neighbours(values: Tensor, *, dilation: int = 2, fill: float = 0.0) -> Tensor:
    """``[N, 1, S, S]`` → ``[N, 8, S, S]``: the eight cells around each, ``fill`` beyond the grid."""
    size = values.shape[-1]
    padded = F.pad(values, [dilation] * 4, value=fill)
    steps = (0, dilation, 2 * dilation)
    return torch.cat(
        [padded[..., y : y + size, x : x + size] for y in steps for x in steps if (y, x) != (dilation, dilation)], dim=1
    )
