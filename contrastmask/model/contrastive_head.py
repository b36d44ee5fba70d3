"""The contrastive branch: an encoder of RoI pixels, a projector for the loss, an enhanced map for the mask head.

R RoIs, C channels, S = 28 cells on a side, D dimensions of the projected space.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.layers import ConvStack, kaiming


class ContrastiveHead(nn.Module):
    """Encoder, projector and non-local enhancement of RoI features (which the caller has detached).

    Args:
        in_channels: width of the pyramid; channels: width of the encoder; depth: its 3x3 convolutions (8).
        projection: D, or 0 for a head without a projector (no contrastive loss, enhancement only).
    """

    def __init__(self, in_channels: int, *, channels: int = 256, depth: int = 8, projection: int = 256) -> None:
        super().__init__()
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

        No temperature, no residual, no weights of its own: Y = softmax(F'^T F') F, F' = F normalised over channels.

        Args:
            encoded: F, ``[R, C, S, S]``.

        Returns:
            Y, ``[R, C, S, S]``.
        """
        pixels = encoded.flatten(2).transpose(1, 2)
        unit = F.normalize(pixels.float(), dim=2).to(pixels.dtype)
        mixed = F.scaled_dot_product_attention(unit, unit, pixels, scale=1.0)
        return mixed.transpose(1, 2).reshape(encoded.shape)


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
            x = F.relu(norm(conv(x)), inplace=True)
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
