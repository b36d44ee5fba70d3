from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from contrastmask.losses.cam import minmax_normalize, upsample_cam
from tests.losses.plain import normalize
from tests.losses.recipes_masks import smooth_cams

GOLDEN = Path(__file__).parents[1] / "golden"


def _maps(count: int = 5, side: int = 7) -> torch.Tensor:
    return torch.randn(count, side, side, generator=torch.Generator().manual_seed(3)) * 40 + 7


def test_each_row_is_stretched_to_its_own_range() -> None:
    maps = _maps()
    out = minmax_normalize(maps)
    assert torch.equal(out.amin((1, 2)), torch.zeros(5))
    assert torch.equal(out.amax((1, 2)), torch.ones(5))
    np.testing.assert_array_equal(out.numpy(), np.stack([normalize(m) for m in maps.numpy()]))
    torch.testing.assert_close(minmax_normalize(1e-6 * maps - 3e-6), out, rtol=0, atol=1e-5)


def test_gradient_passes_through_minimum_and_maximum() -> None:
    maps = _maps().double().requires_grad_()
    weights = torch.randn(5, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    assert torch.autograd.gradcheck(minmax_normalize, maps)
    (minmax_normalize(maps) * weights).sum().backward()
    # neither a shift nor a stretch of the map moves the result
    torch.testing.assert_close(maps.grad.sum((1, 2)), torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close((maps.grad * maps.detach()).sum((1, 2)), torch.zeros(5).double(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.37, -1e30, 1e-30])
def test_a_flat_map_becomes_zeros_with_zero_gradient(value: float) -> None:
    maps = _maps(3)
    maps[1] = value
    maps.requires_grad_()
    out = minmax_normalize(maps)
    out.square().sum().backward()
    assert torch.equal(out[1], torch.zeros(7, 7))
    assert torch.equal(maps.grad[1], torch.zeros(7, 7))
    assert maps.grad.isfinite().all()
    assert maps.grad[0].abs().sum() > 0
    np.testing.assert_array_equal(out[0].detach().numpy(), normalize(maps[0].detach().numpy()))


def test_a_flat_map_stays_flat_through_the_enlargement() -> None:
    constants = torch.randn(3000, generator=torch.Generator().manual_seed(5)) * torch.logspace(-3, 3, 3000)
    enlarged = upsample_cam(constants[:, None, None].expand(-1, 7, 7), 28)
    assert (enlarged.amax((1, 2)) > enlarged.amin((1, 2))).any()  # rounding has made some of them uneven
    assert minmax_normalize(enlarged).count_nonzero() == 0


def test_a_slight_but_real_structure_is_not_flat() -> None:
    maps = torch.full((1, 7, 7), 100.0)
    maps[0, 3, 3] += 0.01
    assert minmax_normalize(maps)[0, 3, 3] == 1


def test_enlarged_step_by_step() -> None:
    random = np.random.RandomState(9)
    expected = smooth_cams(random, 4)
    cam = torch.from_numpy(np.random.RandomState(9).randn(4, 7, 7)).float()
    torch.testing.assert_close(upsample_cam(cam, 28), torch.from_numpy(expected), rtol=0, atol=1e-6)
    assert torch.equal(upsample_cam(upsample_cam(cam, 14), 28), upsample_cam(cam, 28))
    at_once = F.interpolate(cam[:, None], size=(28, 28), mode="bilinear", align_corners=False)[:, 0]
    assert (at_once - upsample_cam(cam, 28)).abs().max() > 0.05
    assert upsample_cam(cam, 20).shape == (4, 20, 20)
    assert torch.equal(upsample_cam(cam, 7), cam)
    assert upsample_cam(cam[:0], 28).shape == (0, 28, 28)
    assert minmax_normalize(cam[:0]).shape == (0, 7, 7)


def test_shrinking_and_other_shapes_are_refused() -> None:
    for cam, size in ((torch.zeros(2, 7, 7), 6), (torch.zeros(2, 7, 8), 14), (torch.zeros(7, 7), 14)):
        with pytest.raises(ValueError, match="can be enlarged only"):
            upsample_cam(cam, size)


def test_float32_inside_autocast() -> None:
    cam = _maps()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = minmax_normalize(upsample_cam(cam, 14))
        from_half = minmax_normalize(upsample_cam(cam.bfloat16(), 14))
    assert torch.equal(inside, minmax_normalize(upsample_cam(cam, 14)))
    assert from_half.dtype == torch.float32
    assert torch.equal(from_half, minmax_normalize(upsample_cam(cam.bfloat16().float(), 14)))


@pytest.mark.parity
def test_goldens() -> None:
    golden = {name: torch.from_numpy(array) for name, array in np.load(GOLDEN / "cam.npz").items()}
    torch.testing.assert_close(upsample_cam(golden["cams7"], 28), golden["cams28"], rtol=0, atol=5e-7)
    normalized = minmax_normalize(upsample_cam(golden["mask_cams7"], 14))
    torch.testing.assert_close(normalized, golden["mask_cams14_normalized"], rtol=0, atol=5e-5)
