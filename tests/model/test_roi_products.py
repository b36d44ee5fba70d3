"""RoIAlign by products, and its gradient, are torchvision's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import roi_align

from contrastmask.model import roi_products
from contrastmask.model.roi_align import PyramidRoIAlign
from contrastmask.model.roi_products import RoIAlign, align_rois

SCALE, HEIGHT, WIDTH = 0.25, 13, 17


def random_rois(count: int) -> Tensor:
    """Of two images of 68x52 pixels; some lie partly outside."""
    corner = torch.rand(count, 2) * 90 - 20
    image = torch.randint(2, (count, 1)).float()
    return torch.cat([image, corner, corner + torch.rand(count, 2) * 60], dim=1)


SPECIAL = {
    "whole image": [0, 0, 0, 68, 52],
    "past every side": [1, -30, -30, 98, 82],
    "outside": [0, 200, 200, 240, 230],
    "outside, before": [0, -90, -90, -40, -50],
    "samples upon the border": [1, 58, 42, 86, 70],
    "one pixel": [0, 13, 9, 14, 10],
    "last corner": [1, 66, 50, 68, 52],
    "no extent": [0, 20, 20, 20, 20],
    "no width": [0, 20, 20, 20, 40],
    "corners changed": [1, 40, 30, 10, 5],
    "far too large": [0, -3000, -2000, 4000, 5000],
}
CASES = {name: torch.tensor([roi]).float() for name, roi in SPECIAL.items()}
CASES["all of these"] = torch.tensor(list(SPECIAL.values())).float()
CASES["none"] = torch.zeros(0, 5)


def gradients(rois: Tensor, size: int, dtype: torch.dtype, channels: int = 3) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    feature = torch.randn(2, channels, HEIGHT, WIDTH, dtype=dtype, requires_grad=True)
    rois = rois.to(dtype)
    expected = roi_align(feature, rois, size, SCALE, 0, aligned=True)
    found = RoIAlign.apply(feature, rois, size, SCALE)
    assert (found - expected).norm() <= (1e-12 if dtype == torch.float64 else 2e-6) * max(expected.norm(), 1)
    wanted = torch.randn_like(expected)
    return torch.autograd.grad(found, feature, wanted)[0], torch.autograd.grad(expected, feature, wanted)[0]


@pytest.fixture(params=["over the whole map", "in windows"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of working, whatever the size of the map."""
    monkeypatch.setattr(roi_products, "LEAST_WINDOWED", 0 if request.param == "in windows" else 1 << 60)
    monkeypatch.setattr(roi_products, "LEAST_VALUES", 0)
    monkeypatch.setattr(roi_products, "AT_ONCE", 5 * 7 * 3 * WIDTH)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [1, 7, 14])
@pytest.mark.parametrize("case", CASES)
def test_gradient_of_special_rois(case: str, size: int) -> None:
    found, expected = gradients(CASES[case], size, torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10 * max(float(expected.abs().max()), 1))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("size", [2, 7, 28])
def test_gradient_of_many_rois(size: int, dtype: torch.dtype, near: float) -> None:
    torch.manual_seed(1)
    found, expected = gradients(random_rois(200), size, dtype)
    assert (found - expected).norm() <= near * expected.norm()


@pytest.mark.usefixtures("way")
def test_gradient_that_is_not_contiguous() -> None:
    torch.manual_seed(2)
    rois = random_rois(9)
    feature = torch.randn(2, 5, HEIGHT, WIDTH).to(memory_format=torch.channels_last).requires_grad_()
    wanted = torch.randn(7, 7, 5, 9).permute(3, 2, 0, 1)
    for given in (wanted, torch.ones(()).expand(9, 5, 7, 7)):
        (found,) = torch.autograd.grad(RoIAlign.apply(feature, rois, 7, SCALE), feature, given)
        expected = roi_align(feature, rois, 7, SCALE, 0, aligned=True)
        (expected,) = torch.autograd.grad(expected, feature, given)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("way")
def test_the_result_may_be_changed_in_place() -> None:
    feature = torch.randn(2, 5, HEIGHT, WIDTH, requires_grad=True)
    changed, plain = (RoIAlign.apply(feature, CASES["whole image"], 7, SCALE) for _ in range(2))
    changed = torch.autograd.grad(torch.relu_(changed).sum(), feature)[0]
    assert torch.equal(changed, torch.autograd.grad(torch.relu(plain).sum(), feature)[0])


@pytest.mark.usefixtures("way")
def test_pyramid_in_training() -> None:
    """Losses' gradients over all levels and images, one of them without boxes."""
    torch.manual_seed(3)
    maps = [torch.randn(3, 4, 512 // s, 640 // s, requires_grad=True) for s in (4, 8, 16, 32)]
    boxes = [torch.rand(40, 2) * 200, torch.rand(30, 2) * 250]
    boxes = [torch.cat([corner, corner + 8 + torch.rand(len(corner), 1) ** 2 * 500], dim=1) for corner in boxes]
    boxes = [boxes[0], torch.zeros(0, 4), boxes[1]]
    pooled = PyramidRoIAlign()(maps, boxes, 7)
    found = torch.autograd.grad(pooled.square().sum(), maps)
    doubles = [m.detach().double().requires_grad_() for m in maps]
    level = PyramidRoIAlign().levels(torch.cat(boxes))
    assert level.unique().tolist() == [0, 1, 2, 3]
    rois = torch.cat([torch.cat([b.new_full((len(b), 1), i), b], dim=1) for i, b in enumerate(boxes)]).double()
    for number, (double, gradient) in enumerate(zip(doubles, found, strict=True)):
        wanted = roi_align(double, rois[level == number], 7, 0.25 / 2**number, 0, aligned=True)
        (expected,) = torch.autograd.grad(wanted.square().sum(), double)
        assert (gradient - expected).norm() <= 1e-5 * expected.norm()


def test_where_it_is_taken() -> None:
    """On a CPU in float32 and for more than a few cells; elsewhere torchvision's own."""
    feature, rois = torch.randn(2, 40, HEIGHT, WIDTH), CASES["all of these"]
    found, expected = align_rois(feature, rois, 7, SCALE), roi_align(feature, rois, 7, SCALE, 0, aligned=True)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(found, expected)
    assert (found - expected).norm() <= 2e-6 * expected.norm()
    assert torch.equal(align_rois(feature, rois[:2], 7, SCALE), expected[:2])
    assert found.grad_fn is None
    feature.requires_grad_()
    assert align_rois(feature, rois, 7, SCALE).grad_fn.name() == "RoIAlignBackward"
    with torch.no_grad():
        assert align_rois(feature, rois, 7, SCALE).grad_fn is None
    few, half = align_rois(feature, rois[:2], 7, SCALE), align_rois(feature.bfloat16(), rois, 7, SCALE)
    with torch.autocast("cpu", torch.bfloat16):
        automatic = align_rois(feature, rois, 7, SCALE)
    for other in (few, half, automatic):
        assert other.dtype == torch.float32
        assert other.grad_fn.name() != "RoIAlignBackward"  # torchvision's names differ from one version to the next
