"""The losses of the two detection stages and of the masks, in float32, as the released model takes them.

R sampled RoIs, P positive ones among them, K classes (label K = background), A anchors of the whole batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def rpn_losses(
    objectness: Tensor, deltas: Tensor, wanted: Tensor, positive: Tensor, negative: Tensor
) -> dict[str, Tensor]:
    """Binary cross entropy and L1 over the sampled anchors, both divided by their number.

    Args:
        objectness: logits ``[A]`` of every anchor of the batch.
        deltas, wanted: predicted and true deltas ``[P, 4]`` of the positive anchors only.
        positive, negative: bool ``[A]``, the anchors drawn for the loss.

    Returns:
        ``loss_rpn_cls`` and ``loss_rpn_box``, scalars. torchvision takes smooth L1 with beta 1/9.
    """
    sampled = positive | negative
    count = sampled.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(objectness.float(), positive.float(), reduction="none")
    # where, not a product: an unsampled anchor with an infinite logit must not turn the sum into NaN
    loss_cls = torch.where(sampled, entropy, 0.0).sum() / count
    loss_box = F.l1_loss(deltas.float(), wanted, reduction="sum") / count
    return {"loss_rpn_cls": loss_cls, "loss_rpn_box": loss_box}


def box_losses(logits: Tensor, deltas: Tensor, labels: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Cross entropy over all sampled RoIs and L1 over the positive ones, both divided by the number of RoIs.

    Args:
        logits: class logits ``[R, K + 1]``, background last.
        deltas: class-specific ``[R, 4K]`` or class-agnostic ``[R, 4]``.
        labels: ``[R]`` in 0..K.
        wanted: true deltas ``[R, 4]``; rows of background are not read.

    Returns:
        ``loss_cls`` and ``loss_box``, scalars; 0 with the graph attached where there is no RoI.
    """
    classes = logits.shape[1] - 1
    count = max(len(labels), 1)
    loss_cls = F.cross_entropy(logits.float(), labels, reduction="sum") / count
    positive = torch.where(labels < classes)[0]
    per_class = deltas.float().unflatten(1, (-1, 4))
    column = labels[positive] if per_class.shape[1] > 1 else torch.zeros_like(positive)
    loss_box = F.l1_loss(per_class[positive, column], wanted[positive], reduction="sum") / count
    return {"loss_cls": loss_cls, "loss_box": loss_box}


def mask_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross entropy of ``logits [M, S, S]`` against ``targets [M, S, S]``; 0 in the graph where M = 0."""
    if logits.numel() == 0:
        return logits.float().sum()
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float())
