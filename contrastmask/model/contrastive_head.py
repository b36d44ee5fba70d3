"""The contrastive branch: an encoder of RoI pixels, a projector for the loss, an enhanced map for the mask head.

R RoIs, C channels, S = 28 cells on a side, D dimensions of the projected space.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.layers import ConvStack, kaiming
from contrastmask.model.normed import normed


class ContrastiveHead(nn.Module):
    """Encoder, projector and non-local enhancement of RoI features (which the caller has detached).

    Args:
        in_channels: width of the pyramid; channels: width of the encoder; depth: its 3x3 convolutions (8).
        projection: D, or 0 for a head without a projector (no contrastive loss, enhancement only).
        temperature: of the enhanced map's softmax, above 0. The released 1 makes no weight more than e times another
            (the encoder ends in a ReLU, so cosines lie in 0..1): near to a mean over the whole RoI.
        centred: take each channel's mean over the RoI away from the enhanced map (the released model does not): the
            mask head is then told where the RoI's pixels differ, and nothing that holds for the object as a whole.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        channels: int = 256,
        depth: int = 8,
        projection: int = 256,
        temperature: float = 1.0,
        centred: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.centred = centred
        self.encoder = ConvStack(depth, in_channels, channels)
        self.projector = Projector(channels, projection) if projection else None

    def encode(self, x: Tensor) -> Tensor:
        """Encode detached RoI features ``[R, C, S, S]``; same shape."""
        return self.encoder(x)

    def project(self, encoded: Tensor) -> Tensor:
        """Project every pixel: ``[R, C, S, S]`` to ``[R, D, S, S]``, not normalised. R must not be 0 in training."""
        if self.projector is None:
            raise RuntimeError("this contrastive head was built without a projector")
        return self.projector(encoded)

    def enhance(self, encoded: Tensor) -> Tensor:
        """Replace each pixel by a mean of all the RoI's pixels, weighted by a softmax over cosine similarities.

        No residual, no weights of its own: Y = softmax(F'^T F' / temperature) F, F' = F normalised over channels; where
        the head is centred, less its mean over the RoI.

        Args:
            encoded: F, ``[R, C, S, S]``.

        Returns:
            Y, ``[R, C, S, S]``.
        """
        pixels = encoded.flatten(2).transpose(1, 2)
        # at least float32: in half precision lengths overflow; float64 stays
        wide = torch.promote_types(pixels.dtype, torch.float32)
        unit = F.normalize(pixels.to(wide), dim=2).to(pixels.dtype)
        mixed = self.mix(unit, pixels)
        if self.centred:
            mixed = mixed - mixed.mean(dim=1, keepdim=True)
        return mixed.transpose(1, 2).reshape(encoded.shape)

    def mix(self, unit: Tensor, pixels: Tensor) -> Tensor:
        """``softmax(unit unit^T / temperature) pixels`` of ``[R, N, C]`` each."""
        if torch.is_grad_enabled() or pixels.device.type != "cpu" or self.temperature != 1:
            # on a CPU, with an axis of one head, torch keeps no weights (2.5 MB a RoI) for the backward pass
            headed = torch.is_grad_enabled() and pixels.device.type == "cpu" and not torch.compiler.is_compiling()
            if headed:
                # and contiguous: with channels apart in memory it would take its plain way
                unit, pixels = unit.contiguous()[:, None], pixels.contiguous()[:, None]
            mixed = F.scaled_dot_product_attention(unit, unit, pixels, scale=1 / self.temperature)
            return mixed[:, 0] if headed else mixed
        return _means_of_similar(unit, pixels)


def _means_of_similar(unit: Tensor, pixels: Tensor, at_once: int = 4) -> Tensor:
    """The same attention at temperature 1, few RoIs at a time, so that the weights (2.5 MB a RoI) stay in the cache.

    Cosines need no shift by their maximum before the exponential. (torch has no fused kernel for 3-dimensional input on
    a CPU, and its fused one for 4-dimensional input is no faster than its plain one here.)

    Args:
        unit: ``[R, N, C]``, rows of length 1 or 0; pixels: ``[R, N, C]``.

    Returns:
        ``[R, N, C]``.
    """
    mixed = torch.empty_like(pixels)
    for part, values, target in zip(unit.split(at_once), pixels.split(at_once), mixed.split(at_once), strict=True):
        weights = torch.bmm(part, part.transpose(1, 2)).exp_()
        total = weights.sum(dim=2, keepdim=True, dtype=torch.promote_types(weights.dtype, torch.float32))
        target.copy_(torch.bmm(weights, values) / total)
    return mixed


class Projector(nn.Module):
    """Two 1x1 convolutions with BatchNorm (statistics per process, not synchronised) and ReLU, then a linear layer."""

    def __init__(self, channels: int, projection: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(kaiming(nn.Conv2d(channels, channels, 1, bias=False)) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))
        self.linear = nn.Linear(channels, projection)

    def forward(self, x: Tensor) -> Tensor:
        """``[R, C, S, S]`` to ``[R, D, S, S]``."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = normed(x, conv, norm)
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
