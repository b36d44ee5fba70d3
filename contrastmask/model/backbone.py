"""ResNet / ResNeXt bodies of torchvision under its feature pyramid.

Images float32 [N, 3, H, W], normalised, H and W multiples of 32 -> P2..P6: five maps [N, C, H/s, W/s], s = 4..64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.resnet import ResNet
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from contrastmask.model.folding import FoldingBasicBlock, FoldingBottleneck
from contrastmask.model.stage_layout import stage_output
from contrastmask.model.winograd import is_plain
from contrastmask.model.winograd_maps import MapConv

_BLOCKS = {
    18: (FoldingBasicBlock, [2, 2, 2, 2]),
    50: (FoldingBottleneck, [3, 4, 6, 3]),
    101: (FoldingBottleneck, [3, 4, 23, 3]),
}
STRIDES = (4, 8, 16, 32, 64)


def residual_network(depth: int, *, groups: int = 1, width_per_group: int = 64) -> tuple[ResNet, list[int]]:
    """A residual network of torchvision without weights, and the channels of its four stages.

    Raises:
        ValueError: an unknown depth, or groups or a width of their own without bottleneck blocks.
    """
    if depth not in _BLOCKS:
        raise ValueError(f"no residual network of depth {depth}; choose one of {sorted(_BLOCKS)}")
    block, layers = _BLOCKS[depth]
    if block is FoldingBasicBlock and (groups, width_per_group) != (1, 64):
        raise ValueError("groups, and a width other than 64, need bottleneck blocks: depth 50 or 101")
    network = ResNet(block, layers, groups=groups, width_per_group=width_per_group)
    return network, [64 * 2**i * block.expansion for i in range(4)]


class ResNetFPN(nn.Module):
    """A residual network of stride-in-the-3x3 blocks ('pytorch' style) and a five-level feature pyramid.

    Args:
        depth: 18, 50 or 101.
        groups, width_per_group: 1, 64 for a ResNet; 32, 4 for a ResNeXt 32x4d.
        channels: width of the pyramid (256 in the method).
        frozen_stages: -1 trains everything; 0 freezes the stem (conv1, bn1); n also freezes layer1..layern.
        norm_eval: keep every BatchNorm in eval mode during training (running statistics used, affine still trained
            outside the frozen part). Right for pretrained bodies; a body trained from scratch wants False.
    """

    def __init__(
        self,
        depth: int = 50,
        *,
        groups: int = 1,
        width_per_group: int = 64,
        channels: int = 256,
        frozen_stages: int = 1,
        norm_eval: bool = True,
    ) -> None:
        super().__init__()
        resnet, widths = residual_network(depth, groups=groups, width_per_group=width_per_group)
        self.body = IntermediateLayerGetter(resnet, {f"layer{i}": str(i - 1) for i in range(1, 5)})
        self.fpn = FeaturePyramidNetwork(widths, channels, extra_blocks=LastLevelMaxPool())
        for module in self.fpn.modules():
            if isinstance(module, nn.Conv2d):  # the released initialisation; torchvision's is Kaiming with a=1
                nn.init.xavier_uniform_(module.weight)
        for block in self.fpn.layer_blocks:
            block[0] = MapConv.of(block[0])
        self.channels = channels
        self.norm_eval = norm_eval
        self._freeze(frozen_stages)
        self.train()

    def _freeze(self, stages: int) -> None:
        self.frozen: list[str] = []
        if stages >= 0:
            self.frozen = ["conv1", "bn1", *(f"layer{i}" for i in range(1, stages + 1))]
        for name in self.frozen:
            self.body[name].requires_grad_(False)

    def train(self, mode: bool = True) -> ResNetFPN:
        """Switch modes; BatchNorm of frozen stages, and all of it under ``norm_eval``, stays in eval mode."""
        super().train(mode)
        quiet = self.body.values() if self.norm_eval else [self.body[name] for name in self.frozen]
        for part in quiet:
            for module in part.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return P2..P6 of ``images [N, 3, H, W]``; in float32 on a CPU with their channels last in memory, which its
        convolutions, their blocks and RoIAlign are quicker with."""
        maps = images.contiguous(memory_format=torch.channels_last) if is_plain(images) else images
        levels = {}
        for name, module in self.body.items():
            level = self.body.return_layers.get(name)
            maps = module(maps) if level is None else stage_output(module, maps)
            if level is not None:
                levels[level] = maps
        return list(self.fpn(levels).values())
