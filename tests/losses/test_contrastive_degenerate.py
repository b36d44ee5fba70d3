"""The contrastive loss where there is nothing, or nothing sensible, to compare: finite, and in the graph."""

from __future__ import annotations

import pytest
import torch

from contrastmask.losses.contrastive import FORMULAS, contrastive_loss, info_nce
from contrastmask.losses.pixel_sets import PixelSets, pixel_sets, sample_keys
from tests.losses.recipes_masks import make_fuzz


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _empty(rois: int) -> PixelSets:
    nothing = torch.zeros(rois, 28, 28, dtype=torch.bool)
    return PixelSets(*[nothing] * 6, torch.zeros(rois, dtype=torch.bool))


def _from(mask: torch.Tensor, cam: torch.Tensor, has_mask: bool) -> PixelSets:
    return sample_keys(pixel_sets(cam.expand(2, 28, 28), mask.expand(2, 28, 28), torch.tensor([has_mask] * 2)))


CAM = torch.rand(28, 28, generator=_generator(8))
ZERO, FULL = torch.zeros(28, 28, dtype=torch.bool), torch.ones(28, 28, dtype=torch.bool)
NOTHING_KEPT = {
    "no roi": _empty(0),
    "all dropped": _empty(2),
    "flat cam": _from(ZERO, 0 * CAM + 0.37, False),
    "flat cam and empty mask": _from(ZERO, 0 * CAM, True),
    "empty mask": _from(ZERO, CAM, True),
    "full mask": _from(FULL, CAM, True),
}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("case", NOTHING_KEPT)
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_nothing_kept_is_a_zero_in_the_graph(case: str, formula: str, scale: float) -> None:
    sampled = NOTHING_KEPT[case]
    rois = len(sampled.keep)
    projected = (scale * torch.randn(rois, 8, 28, 28, generator=_generator(12))).requires_grad_()
    loss = contrastive_loss(projected, sampled, formula=formula)
    loss.backward()
    assert loss.shape == ()
    assert float(loss.detach()) == 0
    assert torch.equal(projected.grad, torch.zeros_like(projected))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_term_without_positives_or_negatives_is_zero(formula: str) -> None:
    some, none = torch.arange(6) < 3, torch.zeros(6, dtype=torch.bool)
    for positive, negative, count in ((some, none, 6), (none, some, 6), (none, none, 6), (none[:0], none[:0], 0)):
        keys = torch.randn(6, 4, generator=_generator(9))[:count].requires_grad_()
        query = torch.ones(4, requires_grad=True)
        loss = info_nce(query, keys, positive, negative, 0.3, formula)
        loss.backward()
        assert float(loss.detach()) == 0
        assert torch.equal(keys.grad, torch.zeros_like(keys))
        assert torch.equal(query.grad, torch.zeros(4))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 300.7])
@pytest.mark.parametrize("background", [0.0, 1.0])
def test_a_collapsed_projector_stays_bounded(formula: str, dtype: torch.dtype, scale: float, background: float) -> None:
    """Keys equal to their query up to rounding: one value for all pixels, or one for each side of the outline."""
    masks, cams, has_mask = (torch.from_numpy(x) for x in make_fuzz(seed=11, count=4))
    sampled = sample_keys(pixel_sets(cams, masks, torch.ones_like(has_mask)), generator=_generator())
    assert sampled.keep.all()
    front, back = scale * torch.randn(2, 64, 1, 1, generator=_generator(10))
    back = torch.lerp(front, back, background)
    projected = torch.where(masks[:, None], front, back).to(dtype).requires_grad_()
    loss = contrastive_loss(projected, sampled, formula=formula)
    loss.backward()
    # cosines in -1..1 (1.1 with rounding) give less than this for the 500 or so keys of a term
    assert abs(float(loss.detach())) < 4 * (2.2 / 0.3 + 7)
    assert projected.grad.isfinite().all()
    assert scale * projected.grad.float().norm() < 1e5
