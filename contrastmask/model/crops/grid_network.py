"""The network of the crop branch for inference on a CPU: the same function, of the layers of ``grid_layers.py``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from contrastmask.model.crops.grid_layers import GridConv, NormRelu, add_upwards
from contrastmask.model.crops.network import CropNetwork, CropOutput, mask_signs
from contrastmask.model.crops.timm_body import TimmBody
from contrastmask.model.folding import folded
from contrastmask.model.winograd import grid_first

# crops that go through together at the largest level, at the next one (a multiple of it), and below (what is asked for,
# best twice as many again): more of them leave a processor's cache, fewer read the weights more often
LARGEST, NEXT = 8, 16


class GridNetwork(nn.Module):
    """A :class:`contrastmask.model.crops.network.CropNetwork` with the weights that it has now, its BatchNorm in its
    convolutions: the same logits but for float32's rounding (1e-5), in two thirds of the time.

    Args:
        network: on a CPU, in float32, of a kind that :meth:`takes` says yes to.
    """

    @staticmethod
    def takes(network: CropNetwork) -> bool:
        """Whether there is such a form: of torchvision's bodies, in one group of channels."""
        return not isinstance(network.body, TimmBody) and all(
            conv.groups == 1 for conv in network.body.modules() if isinstance(conv, nn.Conv2d)
        )

    def __init__(self, network: CropNetwork) -> None:
        super().__init__()
        self.cam, body = network.cam, network.body
        both = torch.cat([body["conv1"].weight, network.planes.weight], dim=1)
        for name, value in zip(("stem", "stem_bias"), folded(both, body["bn1"]), strict=True):
            self.register_buffer(name, value.detach())
        self.stages = nn.ModuleList(nn.Sequential(*map(_Block, body[f"layer{stage}"])) for stage in range(1, 5))
        self.laterals = nn.ModuleList(GridConv.of(conv.weight, None, 1) for conv in network.laterals)
        for number, conv in enumerate(network.laterals):
            self.register_buffer(f"bias{number}", conv.bias.detach())
        self.upward = nn.ModuleList(
            nn.Sequential(GridConv.of(conv.weight, None, 1), NormRelu(norm)) for conv, norm, _ in network.upward
        )
        self.logits = GridConv.of(network.logits.weight, network.logits.bias, 1)
        self.quality = network.quality

    @torch.no_grad()
    def forward(self, crops: Tensor, planes: Tensor) -> CropOutput:
        """Masks of ``crops [N, 3, S, S]``, told of boxes by ``planes [N, 2 or 3, S, S]``; features are not kept."""
        largest, next_ones = [], []
        for part in torch.cat([crops, planes], dim=1).split(NEXT):
            seen = [self._stem(few) for few in part.split(LARGEST)]
            largest += [level for level, _ in seen]
            next_ones.append(self.stages[0](torch.cat([pooled for _, pooled in seen], dim=2)))
        top, values = self._below(torch.cat(next_ones, dim=2))
        largest = iter(largest)
        found = [
            self._largest(next(largest), few.contiguous())
            for level, below in zip(next_ones, values.split(NEXT, dim=2), strict=True)
            for few in self._up(1, below.contiguous(), level).split(LARGEST, dim=2)
        ]
        logits, inside = (torch.cat(parts) for parts in zip(*found, strict=True))
        quality = self.quality(mask_signs(top, inside, logits.sigmoid()))[:, 0]
        return CropOutput(logits, quality, None)

    def _stem(self, told: Tensor) -> tuple[Tensor, Tensor]:
        """The largest level ``[S/2, S/2, n, C]`` of some of the crops, and what the first stage is given."""
        level = told.contiguous(memory_format=torch.channels_last)
        level = F.conv2d(level, self.stem, self.stem_bias, stride=2, padding=3).relu_()
        return grid_first(level), grid_first(F.max_pool2d(level, 3, stride=2, padding=1))

    def _below(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """What the first stage's level needs of those below it, and the mean of the top ``[N, C']``."""
        levels = []
        for stage in self.stages[1:]:
            values = stage(values)
            levels.append(values)
        values = self.laterals[4](values).add_(self.bias4)
        for number in (3, 2):
            values = self._up(number, values, levels[number - 2])
        return levels[-1].mean(dim=(0, 1)), values

    def _up(self, number: int, values: Tensor, level: Tensor) -> Tensor:
        """A step upwards; biases of laterals go with the smaller level, as what is the same everywhere stays so."""
        larger = self.laterals[number](level)
        return self.upward[3 - number](add_upwards(values.add_(getattr(self, f"bias{number}")), larger))

    def _largest(self, level: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[n, G, G]`` and the features' mean inside the masks ``[n, C]`` of some of the crops."""
        values = self._up(0, values, level)
        logits = self.logits(values)[..., 0].permute(2, 0, 1).contiguous()
        inside = torch.bmm(logits.sigmoid().flatten(1)[:, None], values.flatten(0, 1).transpose(0, 1))
        return logits, inside[:, 0] / logits[0].numel()


class _Block(nn.Module):
    """A residual block of torchvision."""

    def __init__(self, block: BasicBlock | Bottleneck) -> None:
        super().__init__()
        pairs = [
            (getattr(block, f"conv{n}"), getattr(block, f"bn{n}")) for n in (1, 2, 3) if hasattr(block, f"conv{n}")
        ]
        self.convolutions = nn.ModuleList(_with_norm(*pair) for pair in pairs)
        self.beside = None if block.downsample is None else _with_norm(*block.downsample)

    def forward(self, x: Tensor) -> Tensor:
        """``[S, S, N, C]`` to ``[S', S', N, C']``."""
        values = x
        for convolution in self.convolutions[:-1]:
            values = convolution(values).relu_()
        values = self.convolutions[-1](values)
        return values.add_(x if self.beside is None else self.beside(x)).relu_()


def _with_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> GridConv:
    return GridConv.of(*folded(conv.weight, norm), conv.stride[0])
