"""Body and pyramid: shapes, frozen parts, BatchNorm's modes, RoIAlign's levels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from contrastmask.model import backbone, stage_layout
from contrastmask.model.backbone import ResNetFPN
from contrastmask.model.roi_align import PyramidRoIAlign


def norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]


def test_five_levels() -> None:
    levels = ResNetFPN(18, channels=8)(torch.zeros(2, 3, 64, 96))
    assert [tuple(x.shape) for x in levels] == [(2, 8, 64 // s, 96 // s) for s in (4, 8, 16, 32)] + [(2, 8, 1, 2)]


def test_channels_lie_last_on_a_cpu_and_nothing_else_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, images = ResNetFPN(50, channels=128).eval(), torch.randn(2, 3, 160, 192)
    with torch.no_grad():
        ours = model(images)
        for module in (backbone, stage_layout):
            monkeypatch.setattr(module, "is_plain", lambda _: False)
        plain = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            half = model(images)
    assert all(level.is_contiguous(memory_format=torch.channels_last) for level in ours[:4])
    assert not any(level.is_contiguous(memory_format=torch.channels_last) for level in [plain[2], half[2]])
    for one, other in zip(ours, plain, strict=True):
        assert (one - other).norm() <= 1e-5 * other.norm()


def test_the_pretrained_body_is_frozen_as_released() -> None:
    """204 of 237 parameter tensors of the whole detector are trained; 33 of the body are not."""
    with torch.device("meta"):
        model = ResNetFPN(50)
    assert sum(not p.requires_grad for p in model.parameters()) == 33
    assert sum(p.numel() for p in model.parameters() if not p.requires_grad) == 39_287_265 - 39_061_921
    assert all(not p.requires_grad for p in model.body.layer1.parameters())
    assert all(p.requires_grad for p in model.body.layer2.parameters())
    model.train()
    assert not any(n.training for n in norms(model))
    assert all(n.weight.requires_grad for n in norms(model.body.layer3))


@pytest.mark.parametrize(("stages", "still"), [(-1, 0), (0, 1), (1, 5)])
def test_a_body_from_scratch_normalises_by_its_batches(stages: int, still: int) -> None:
    model = ResNetFPN(18, channels=8, frozen_stages=stages, norm_eval=False).eval().train()
    assert sum(not n.training for n in norms(model)) == still
    assert not any(n.training for n in norms(model.eval()))


def test_what_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="18, 50, 101"):
        ResNetFPN(34)
    with pytest.raises(ValueError, match="bottleneck"):
        ResNetFPN(18, groups=32)


def test_levels_of_rois() -> None:
    sides = torch.tensor([0.0, 10, 111.9, 112, 223.9, 224, 448, 5000])
    boxes = torch.stack([sides * 0, sides * 0, sides, sides], dim=1)
    assert PyramidRoIAlign().levels(boxes).tolist() == [0, 0, 0, 1, 1, 2, 3, 3]


def test_rois_keep_their_order_over_levels_and_images() -> None:
    # level i of image n is filled with 10 n + i
    maps = [torch.tensor([0.0, 10.0])[:, None, None, None] + torch.full((2, 1, 512 // s, 512 // s), float(i))
            for i, s in enumerate((4, 8, 16, 32))]  # fmt: skip
    sides = (448.0, 20.0, 224.0, 112.0)
    boxes = [torch.tensor([[0.0, 0.0, s, s] for s in sides]), torch.tensor([[0.0, 0.0, 112.0, 112.0]])]
    pooled = PyramidRoIAlign()(maps, boxes, 7)
    assert pooled.shape == (5, 1, 7, 7)
    assert pooled.mean(dim=(1, 2, 3)).tolist() == pytest.approx([3, 0, 2, 1, 11])
    assert PyramidRoIAlign()(maps, [torch.zeros(0, 4)] * 2, 7).shape == (0, 1, 7, 7)
