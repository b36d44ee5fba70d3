"""The hourglass: its shape is the public configuration's, and every parameter takes part."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from contrastmask.model.hourglass import Hourglass
from contrastmask.model.mask_head import MaskHead


@pytest.mark.parametrize(
    ("blocks", "layers"), [((1, 1), 10), ((1, 2, 2), 20), ((2, 2, 2, 2), 32), ((2, 2, 2, 2, 2, 4), 52)]
)
def test_depth_is_what_its_name_says(blocks: tuple[int, ...], layers: int) -> None:
    """Convolutions on the longest way, shortcuts and copies aside: Hourglass-10, -20, -32, -52."""
    model = Hourglass(8, 16, blocks)
    names = [name for name, part in model.named_modules() if isinstance(part, nn.Conv2d)]
    longest = [n for n in names if ".shortcut." not in n and ".copy." not in n]
    assert len(longest) == layers


def test_widths_are_those_of_the_public_configuration() -> None:
    model = Hourglass(256, 128, (2, 2, 2, 2, 2, 4))
    widths, level = [], model.levels
    while not isinstance(level, nn.Sequential):
        widths.append(level.copy[0].one[0].out_channels)
        last, level = level, level.inner
    widths.append(last.down[0].one[0].out_channels)
    assert widths == [128, 128, 192, 192, 192, 256]
    assert model.entry[0].out_channels == 64


@pytest.mark.parametrize("size", [1, 5, 14, 16])
def test_size_stays_and_everything_is_in_the_graph(size: int) -> None:
    model = Hourglass(6, 8, (1, 2, 2))
    x = torch.randn(3, 6, size, size)
    out = model(x)
    assert out.shape == (3, 8, size, size)
    out.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert model(x[:0]).shape == (0, 8, size, size)


def test_bad_shapes_are_refused() -> None:
    for channels, blocks in ((7, (1, 1)), (8, (1,)), (8, (1, 0))):
        with pytest.raises(ValueError, match="even width"):
            Hourglass(4, channels, blocks)
    with pytest.raises(ValueError, match="hourglass"):
        MaskHead(4, kind="unet")


def test_the_mask_head_takes_it_and_a_deeper_stack() -> None:
    x = torch.randn(2, 6, 14, 14)
    assert MaskHead(6, channels=8, kind="hourglass")(x).shape == (2, 28, 28)
    assert MaskHead(6, channels=8, depth=0, kind="fcn_norm")(x).shape == (2, 28, 28)
    deep = MaskHead(6, channels=8, depth=1, extra=2)
    assert len(deep.convs) == 3
    assert deep(x).shape == (2, 28, 28)


def test_the_scale_of_the_pyramid_does_not_matter_to_a_head_with_norm() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 14, 14)
    normed, plain = (MaskHead(6, channels=8, kind=kind) for kind in ("fcn_norm", "fcn"))
    assert torch.allclose(normed(x), normed(100 * x), atol=1e-3)
    assert float((plain(100 * x) - plain(x)).abs().max()) > 1
    assert normed(x[:0]).shape == (0, 28, 28)
    normed(x).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in normed.convs.parameters())
