"""The network of the crop branch: a body, and its levels added up to half of the crop's size.

N crops of side S, a multiple of 32: float32 ``[N, 3, S, S]``, normalised, and the planes of
:mod:`contrastmask.model.crops.planes` → mask logits ``[N, S/2, S/2]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter

from contrastmask.model.backbone import residual_network
from contrastmask.model.confidence import mask_confidence
from contrastmask.model.crops.timm_body import TimmBody
from contrastmask.model.stage_layout import stage_output

PLANES = 2  # what the network is told beside the colours, contrastmask.model.crops.planes; one more with a CAM
# the stem at S/2, then layer1 … layer4 at S/4 … S/32
_LEVELS = ("relu", "layer1", "layer2", "layer3", "layer4")


class CropOutput(NamedTuple):
    """What the network says of N crops."""

    logits: Tensor  # [N, S/2, S/2], of a cell being the object's
    quality: Tensor  # [N], logit of the mask's expected IoU; its gradient reaches its own layers alone
    features: Tensor | None  # [N, C, S/2, S/2], what the logits are made of; None where nothing is learnt from them


class CropNetwork(nn.Module):
    """A body, a lateral 1x1 convolution from each of five levels, one 3x3 convolution a step upwards.

    A body whose first level is at S/4 gets a convolution of the pixels themselves beside it, for the level at S/2.

    Args:
        depth, groups, width_per_group: the body, as :class:`contrastmask.model.backbone.ResNetFPN` has it.
        timm: name of a body of timm instead, :class:`contrastmask.model.crops.timm_body.TimmBody`.
        cam: a third plane, the class activation map of a detector.
        channels: C, width of the upward path; a multiple of 8.
        norm_eval: the body's BatchNorm keeps its running statistics (right for pretrained bodies).

    Raises:
        ConfigError: timm is not installed, or has no such body for crops.
    """

    def __init__(
        self,
        depth: int = 18,
        *,
        groups: int = 1,
        width_per_group: int = 64,
        timm: str | None = None,
        cam: bool = False,
        channels: int = 64,
        norm_eval: bool = True,
    ) -> None:
        super().__init__()
        self.cam, told = cam, PLANES + cam
        if timm is None:
            resnet, widths = residual_network(depth, groups=groups, width_per_group=width_per_group)
            widths = [64, *widths]
            self.body = IntermediateLayerGetter(resnet, {"layer4": "4"})  # all layers up to this one
            # zero at first: the pretrained body sees what it was trained to see
            self.planes = nn.Conv2d(told, 64, 7, stride=2, padding=3, bias=False)
            nn.init.zeros_(self.planes.weight)
        else:
            self.body, self.fine = TimmBody(timm, told), None
            widths = self.body.widths
            if len(widths) == 4:
                self.fine = _steps(3 + told, channels, stride=2)
                widths = [channels, *widths]
        self.laterals = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.upward = nn.ModuleList(_steps(channels, channels) for _ in range(4))
        self.logits = nn.Conv2d(channels, 1, 1)
        self.quality = nn.Sequential(nn.Linear(widths[-1] + channels + 3, channels), nn.ReLU(), nn.Linear(channels, 1))
        self.norm_eval = norm_eval
        self.train()

    def train(self, mode: bool = True) -> CropNetwork:
        """Switch modes; under ``norm_eval`` the body's BatchNorm stays in eval mode."""
        super().train(mode)
        if self.norm_eval:
            for module in self.body.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, crops: Tensor, planes: Tensor) -> CropOutput:
        """Masks of ``crops [N, 3, S, S]``, told of boxes by ``planes [N, 2 or 3, S, S]``."""
        levels = self._levels(crops, planes)
        features = self.laterals[-1](levels[-1])
        for lateral, level, convolution in zip(
            reversed(self.laterals[:-1]), reversed(levels[:-1]), self.upward, strict=True
        ):
            larger = F.interpolate(features, size=level.shape[-2:], mode="bilinear", align_corners=False)
            features = convolution(larger + lateral(level))
        logits = self.logits(features)[:, 0].float()
        with torch.autocast(logits.device.type, enabled=False):
            quality = self._quality(levels[-1], features, logits)
        return CropOutput(logits, quality, features)

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the body that weights of its own are given for."""
        return (value for name, value in self.body.named_parameters() if ".planes." not in name)

    def _levels(self, crops: Tensor, planes: Tensor) -> list[Tensor]:
        if isinstance(self.body, TimmBody):
            told = torch.cat([crops, planes], dim=1).contiguous(memory_format=torch.channels_last)
            levels = self.body(told)
            return levels if self.fine is None else [self.fine(told), *levels]
        values, levels = crops.contiguous(memory_format=torch.channels_last), []
        for name, module in self.body.items():
            values = stage_output(module, values) if name.startswith("layer") else module(values)
            if name == "conv1":
                values = values + self.planes(planes.contiguous(memory_format=torch.channels_last))
            if name in _LEVELS:
                levels.append(values)
        return levels

    def _quality(self, top: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        top, features, probs = top.detach().float(), features.detach().float(), logits.detach().sigmoid()
        inside = (features * probs[:, None]).mean(dim=(2, 3))
        return self.quality(mask_signs(top.mean(dim=(2, 3)), inside, probs))[:, 0]


def mask_signs(top: Tensor, inside: Tensor, probs: Tensor) -> Tensor:
    """What a mask's quality is told by: the object, its mask, and how decided and large the mask is.

    Args:
        top: ``[N, C']``, mean of the body's last level. inside: ``[N, C]``, mean over all cells of the features times
            the probability of the mask. probs: ``[N, G, G]``.

    Returns:
        ``[N, C' + C + 3]``.
    """
    size, undecided = probs.mean(dim=(1, 2)), (4 * probs * (1 - probs)).mean(dim=(1, 2))
    about = torch.stack([size, undecided, mask_confidence(probs)], dim=1)
    return torch.cat([top, inside / size[:, None].clamp(min=1e-3), about], dim=1)


def _steps(inputs: int, channels: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(8, channels), nn.ReLU())
