"""timm's networks as bodies of the crop branch, by name; nothing else of the program needs timm."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from contrastmask.errors import ConfigError

STRIDES = (2, 4, 8, 16, 32)  # of the levels that the crop branch adds up; a body may lack the first
_SIDE = 96  # px of the crop that a body is tried with: no windows of 7, 8 or 14 cells divide all its levels


class Colours(NamedTuple):
    """What a network's weights were trained to see: mean and deviation of the three channels, RGB of 0..255."""

    mean: list[float]
    std: list[float]


class Told(nn.Module):
    """A network's first convolution, and what the planes beside the pixels add to its result: nothing at first.

    Args:
        pixels: a convolution of three channels. planes: number of planes, the channels after the third.
    """

    def __init__(self, pixels: nn.Conv2d, planes: int) -> None:
        super().__init__()
        size, stride = pixels.kernel_size, pixels.stride
        padding = tuple(k // 2 if k > s else 0 for k, s in zip(size, stride, strict=True))
        self.pixels = pixels
        self.planes = nn.Conv2d(planes, pixels.out_channels, size, stride, padding, bias=False)
        nn.init.zeros_(self.planes.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.pixels(inputs[:, :3]) + self.planes(inputs[:, 3:])


class TimmBody(nn.Module):
    """The levels of a network of timm at strides 2 (where it has one), 4, 8, 16 and 32.

    ``[N, 3 + planes, S, S]``, S any multiple of 32 → ``[N, widths[i], S / strides[i], S / strides[i]]``, largest first.

    Args:
        name: timm's, with or without the tag of its weights: ``convnext_tiny``, ``resnet50.a1_in1k``.
        planes: channels after the three of the pixels.

    Attributes:
        net: the network without its classifier, its first convolutions inside a :class:`Told`.

    Raises:
        ConfigError: timm is not installed, has no such network, or the network has no such levels of such inputs.
    """

    def __init__(self, name: str, planes: int) -> None:
        super().__init__()
        self.net = create(name, features_only=True)
        info = self.net.feature_info
        last = {stride: place for place, stride in enumerate(info.reduction())}
        self.strides = [stride for stride in STRIDES if stride in last]
        if self.strides[-4:] != list(STRIDES[1:]):
            raise ConfigError(
                f"backbone.name={name} has levels at strides {', '.join(map(str, sorted(last)))} alone, the crop "
                "branch needs 4, 8, 16 and 32: take a convolutional network"
            )
        self._places = [last[stride] for stride in self.strides]
        self.widths = [info.channels()[place] for place in self._places]
        self._tell(name, planes)
        self._try(name, planes)

    def forward(self, inputs: Tensor) -> list[Tensor]:
        levels = self.net(inputs)
        return [levels[place] for place in self._places]

    def pretrained(self) -> dict[str, Tensor]:
        """What weights may be given for, by :func:`key_of` of the network's own names: all but what tells of planes."""
        kept = {}
        for name, value in self.net.state_dict().items():
            for place in self._told:
                name = name.replace(f"{place}.pixels.", f"{place}.")
            if not any(name.startswith(f"{place}.planes.") for place in self._told):
                kept[key_of(name)] = value
        return kept

    def _tell(self, name: str, planes: int) -> None:
        first = description(name).first_conv
        wanted = {key_of(n) for n in ((first,) if isinstance(first, str) else first or ())}
        found = {n: m for n, m in self.net.named_modules() if key_of(n) in wanted and isinstance(m, nn.Conv2d)}
        if not found or len(found) != len(wanted):
            raise ConfigError(f"backbone.name={name}: timm does not tell its first convolution; take another network")
        for place, module in found.items():
            above, _, leaf = place.rpartition(".")
            setattr(self.net.get_submodule(above), leaf, Told(module, planes))
        self._told = list(found)

    @torch.no_grad()
    def _try(self, name: str, planes: int) -> None:
        wanted = [(1, width, _SIDE // s, _SIDE // s) for width, s in zip(self.widths, self.strides, strict=True)]
        self.eval()
        try:
            found = [tuple(level.shape) for level in self(torch.zeros(1, 3 + planes, _SIDE, _SIDE))]
        except Exception as error:  # whatever a network says of a size that it does not take
            raise ConfigError(
                f"backbone.name={name} does not take crops of every size, which the crop branch needs: it stops at "
                f"{_SIDE} px ({str(error).splitlines()[0] if str(error) else type(error).__name__}); take a "
                "convolutional network"
            ) from error
        self.train()
        if found != wanted:
            raise ConfigError(
                f"backbone.name={name} makes of crops of {_SIDE} px levels {found}, the crop branch needs {wanted}: "
                "take another network"
            )


def key_of(name: str) -> str:
    """What is the same of a module's or tensor's name in a whole network and in the part of it that makes features."""
    return name.removeprefix("model.").replace(".", "_")


def create(name: str, **choices: Any) -> nn.Module:
    """``timm.create_model`` of a name that timm itself has: nothing of another's is fetched, nor its code run.

    Raises:
        ConfigError: timm is not installed, has no such network, or cannot make it so.
    """
    timm = _timm(name)
    if not timm.is_model(name):
        near = get_close_matches(name.split(".")[0], timm.list_models(), n=4, cutoff=0.5)
        said = f"; near it: {', '.join(near)}" if near else ""
        raise ConfigError(f"backbone.name={name}: timm {timm.__version__} has no such network{said}")
    try:
        return timm.create_model(name, **{"pretrained": False, **choices})
    except (RuntimeError, TypeError, ValueError, AssertionError, AttributeError) as error:
        if choices.get("pretrained"):
            raise
        raise ConfigError(f"backbone.name={name}: timm {timm.__version__} says: {error}") from error


def description(name: str) -> Any:
    """What timm tells of the weights of this name: ``mean``, ``std``, ``first_conv``, …

    Raises:
        ConfigError: timm is not installed, or tells nothing of it.
    """
    timm = _timm(name)
    found = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if found is None:
        create(name)  # says what is the matter
        raise ConfigError(f"backbone.name={name}: timm {timm.__version__} tells nothing of its weights")
    return found


def colours_of(name: str) -> Colours:
    """Mean and deviation of the pixels that this network's weights were trained with.

    Raises:
        ConfigError: timm is not installed, or has no such network.
    """
    found = description(name)
    return Colours(*([round(255 * float(v), 3) for v in part] for part in (found.mean, found.std)))


def _timm(name: str) -> Any:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"the body {name} is one of timm's, which is not installed: pip install 'contrastmask[timm]'"
        ) from error
    return timm
