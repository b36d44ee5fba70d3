"""The class-agnostic mask head: RoI features, plus the enhanced map, plus the class activation map, to one mask.

M RoIs, C channels; 14x14 features give 28x28 logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.losses.cam import minmax_normalize
from contrastmask.model.hourglass import Hourglass
from contrastmask.model.layers import ConvStack, NormStack, kaiming


class MaskHead(nn.Module):
    """Fusion by addition (the paper's figure shows a concatenation, which its authors call a mistake), then an FCN.

    Args:
        in_channels: width of the pyramid.
        enhanced_channels: width of the contrastive encoder, or 0 for a head without enhanced features.
        channels: width of the head.
        kind: ``"fcn"``, a stack of ``depth`` 3x3 convolutions (4) and ``extra`` further ones; ``"fcn_norm"``, the same
            with GroupNorm after each; ``"hourglass"``, in their place an
            :class:`~contrastmask.model.hourglass.Hourglass` of these ``blocks``.
        logits_std: of the last layer's first weights, so that every logit starts near 0 whatever the features are
            (0.001 in Detectron2); None for Kaiming's, as released, which start a trained pyramid at losses of 2 to 10.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        enhanced_channels: int = 0,
        channels: int = 256,
        depth: int = 4,
        kind: str = "fcn",
        extra: int = 0,
        blocks: Sequence[int] = (1, 2, 2),
        logits_std: float | None = None,
    ) -> None:
        super().__init__()
        if kind not in ("fcn", "fcn_norm", "hourglass"):
            raise ValueError(f"a mask head is 'fcn', 'fcn_norm' or 'hourglass', not {kind!r}")
        self.fuse = kaiming(nn.Conv2d(enhanced_channels, in_channels, 1)) if enhanced_channels else None
        if kind == "hourglass":
            self.convs, width = Hourglass(in_channels, channels, blocks), channels
        else:
            stack = NormStack if kind == "fcn_norm" else ConvStack
            self.convs = stack(depth + extra, in_channels, channels)
            width = channels if depth + extra else in_channels
        self.upsample = kaiming(nn.ConvTranspose2d(width, channels, 2, stride=2))
        self.logits = kaiming(nn.Conv2d(channels, 1, 1))
        if logits_std is not None:
            nn.init.normal_(self.logits.weight, std=logits_std)

    def forward(self, x: Tensor, enhanced: Tensor | None = None, cam: Tensor | None = None) -> Tensor:
        """Predict masks.

        Args:
            x: RoI features ``[M, C, 14, 14]``.
            enhanced: ``[M, C', 28, 28]`` from the contrastive head; given exactly if the head was built for it.
            cam: class activation maps ``[M, 14, 14]``, any range, or None for a head without this prior. Normalised
                here to [0, 1] per RoI (a flat map to zeros); the released code's shift by 1e-4 before the
                normalisation cancels in it.

        Returns:
            logits ``[M, 28, 28]``.
        """
        if (enhanced is None) != (self.fuse is None):
            raise ValueError("enhanced features must be given exactly where the mask head was built to fuse them")
        if self.fuse is not None:
            # halving bilinearly is the mean of each 2x2 block
            x = x + self.fuse(F.avg_pool2d(enhanced, 2))
        if cam is not None:
            x = x + minmax_normalize(cam)[:, None].to(x.dtype)
        x = self.convs(x)
        return self.logits(F.relu(self.upsample(x), inplace=True))[:, 0]
