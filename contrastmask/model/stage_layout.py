"""How the maps of a residual network lie in memory on a CPU."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from contrastmask.model.winograd import is_plain


def stage_output(stage: nn.Module, maps: Tensor) -> Tensor:
    """What a stage of a residual network makes of ``maps [N, C, H, W]``, whose channels are last in memory.

    In float32 on a CPU a stage whose maps have fewer cells than channels is given them in the default order: with
    channels last its convolutions reorder their weights, which are more than the maps, in every call.
    """
    if not is_plain(maps) or _cells(stage, maps) > stage[0].conv2.out_channels:
        return stage(maps)
    return stage(maps.contiguous()).contiguous(memory_format=torch.channels_last)


def _cells(stage: nn.Module, maps: Tensor) -> int:
    """Of the maps that the stage makes."""
    step = stage[0].stride
    return len(maps) * math.prod(math.ceil(side / step) for side in maps.shape[2:])
