from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from contrastmask.losses.contrastive import FORMULAS, QUERIES, contrastive_loss, info_nce, ramp
from contrastmask.losses.pixel_sets import PixelSets, pixel_sets, sample_keys
from tests.losses import plain
from tests.losses.recipes_masks import INFO_CASES, make_fuzz, make_info

GOLDEN = Path(__file__).parents[1] / "golden"


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sampled(rois: int = 6, seed: int = 11) -> PixelSets:
    masks, cams, has_mask = (torch.from_numpy(x) for x in make_fuzz(seed=seed, count=rois))
    return sample_keys(pixel_sets(cams, masks, has_mask), generator=_generator(seed))


def _projected(rois: int, dims: int = 8, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(rois, dims, 28, 28, generator=_generator(12), dtype=torch.float64).to(dtype) + 0.5


def _twin(projected: torch.Tensor, sampled: PixelSets, formula: str, **temperatures: float) -> float:
    sets = {name: x.numpy() for name, x in sampled._asdict().items()}
    return plain.contrastive_loss(projected.detach().double().numpy(), sets, formula, **temperatures)


# ---------------------------------------------------------------------------------------------- values
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize(("positives", "negatives", "temperature"), [(1, 1, 0.3), (3, 9, 0.7), (20, 4, 0.3)])
def test_term_equals_the_plain_one(formula: str, positives: int, negatives: int, temperature: float) -> None:
    keys = torch.randn(40, 6, generator=_generator(1), dtype=torch.float64)
    query = torch.randn(6, generator=_generator(2), dtype=torch.float64)
    chosen = torch.randperm(40, generator=_generator(3))
    positive, negative = torch.zeros(2, 40, dtype=torch.bool)
    positive[chosen[:positives]] = True
    negative[chosen[-negatives:]] = True
    ours = info_nce(query, keys, positive, negative, temperature, formula)
    twin = plain.info_nce(query.numpy(), keys[positive].numpy(), keys[negative].numpy(), temperature, formula)
    assert float(ours) == pytest.approx(twin, rel=1e-12)
    half = info_nce(query.float(), keys.float(), positive, negative, temperature, formula)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(twin, rel=1e-5)


@pytest.mark.parametrize("formula", FORMULAS)
def test_loss_equals_the_plain_one(formula: str) -> None:
    sampled = _sampled(8)
    assert sampled.keep.sum() > 3
    sampled = sampled._replace(keep=sampled.keep & (torch.arange(8) != 3))
    sampled = sample_keys(sampled, 0.5, _generator())  # row 3 is dropped now: neither keys nor a share in the queries
    exact = _projected(8, dtype=torch.float64)
    twin = _twin(exact, sampled, formula)
    assert float(contrastive_loss(exact, sampled, formula=formula)) == pytest.approx(twin, rel=1e-12)
    assert float(contrastive_loss(exact.float(), sampled, formula=formula)) == pytest.approx(twin, rel=1e-5)
    exact[3] = 1e3
    assert float(contrastive_loss(exact, sampled, formula=formula)) == pytest.approx(twin, rel=1e-9)
    for swapped in ({"easy": 0.5}, {"hard": 0.5}):
        other = _twin(exact, sampled, formula, **swapped)
        ours = contrastive_loss(exact, sampled, formula=formula, **{f"temperature_{k}": v for k, v in swapped.items()})
        assert other != pytest.approx(twin, rel=1e-3)
        assert float(ours) == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("formula", FORMULAS)
def test_own_queries_are_the_mean_of_the_objects_by_themselves(formula: str) -> None:
    sampled, projected = _sampled(8), _projected(8, dtype=torch.float64)
    sampled = sample_keys(sampled._replace(keep=sampled.keep & (torch.arange(8) != 3)), 0.5, _generator())
    kept = sampled.keep.nonzero().flatten().tolist()
    assert 3 < len(kept) < 8
    rows = [_twin(projected[k : k + 1], PixelSets(*(part[k : k + 1] for part in sampled)), formula) for k in kept]
    ours = contrastive_loss(projected, sampled, formula=formula, query="own")
    assert float(ours) == pytest.approx(np.mean(rows), rel=1e-9)
    nothing = sampled._replace(keep=torch.zeros_like(sampled.keep))
    projected.requires_grad_(True)
    empty = contrastive_loss(projected, sample_keys(nothing), formula=formula, query="own")
    empty.backward()
    assert (float(empty.detach()), float(projected.grad.abs().sum())) == (0.0, 0.0)


@pytest.mark.parametrize("query", QUERIES)
def test_without_hard_keys_two_terms_are_left(query: str) -> None:
    sampled, projected = _sampled(8), _projected(8, dtype=torch.float64)
    hard = sampled._replace(easy_pos=torch.zeros_like(sampled.easy_pos))  # no easy positive: the easy terms are 0
    both, easy = (contrastive_loss(projected, sampled, query=query, hard_keys=h) for h in (True, False))
    assert float(both - easy) == pytest.approx(float(contrastive_loss(projected, hard, query=query)), rel=1e-9)
    assert float(easy) != pytest.approx(float(both), rel=1e-3)
    with pytest.raises(ValueError, match="shared, own"):
        contrastive_loss(projected, sampled, query="each")


def test_only_the_released_formula_can_be_negative() -> None:
    query = torch.tensor([1.0, 0.0])
    keys = torch.tensor([[3.0, 0.0], [-3.0, 0.0]])
    positive = torch.tensor([True, False])
    released, paper = (float(info_nce(query, keys, positive, ~positive, 0.3, formula)) for formula in FORMULAS)
    assert released < -2
    assert paper > 0


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_small_temperature_does_not_overflow(formula: str) -> None:
    keys = torch.randn(30, 4, generator=_generator(1), requires_grad=True)
    positive = torch.arange(30) < 10
    loss = info_nce(torch.ones(4), keys, positive, ~positive, 0.005, formula)
    loss.backward()
    assert loss.isfinite()
    assert keys.grad.isfinite().all()
    twin = plain.info_nce(
        np.ones(4), *(keys.detach().double().numpy()[m] for m in (positive, ~positive)), 0.005, formula
    )
    assert float(loss.detach()) == pytest.approx(twin, rel=1e-5)


def test_keys_close_together_and_far_from_the_origin() -> None:
    """A projector with a large bias: key and query are a thousandth of their length apart."""
    sampled = _sampled(4)
    projected = (_projected(4) + 1000.0).requires_grad_()
    exact = projected.detach().double().requires_grad_()
    ours, reference = (contrastive_loss(x, sampled, formula="released") for x in (projected, exact))
    ours.backward()
    reference.backward()
    assert float(reference.detach()) == pytest.approx(_twin(exact, sampled, "released"), rel=1e-9)
    assert float(ours.detach()) == pytest.approx(float(reference.detach()), rel=1e-4)
    difference = (projected.grad - exact.grad).norm() / exact.grad.norm()
    assert difference < 2e-3


def test_memory_layout_changes_nothing() -> None:
    sampled = _sampled(5)
    rows = _projected(5)
    pixel_major = rows.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    torch.testing.assert_close(contrastive_loss(rows, sampled), contrastive_loss(pixel_major, sampled))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    sampled = _sampled(5)
    projected = _projected(5, dtype=dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive_loss(projected, sampled)
        term = info_nce(projected[0, :, 0, 0], projected[0].flatten(1).T, *(s[0].flatten() for s in sampled[2:4]), 0.3)
    loss.backward()
    assert loss.dtype == term.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(_twin(projected, sampled, "released"), rel=1e-5)
    assert projected.grad.dtype == dtype
    assert projected.grad.isfinite().all()


# ---------------------------------------------------------------------------------------------- gradients
@pytest.mark.parametrize("formula", FORMULAS)
def test_gradients_of_the_term(formula: str) -> None:
    keys = torch.randn(12, 5, generator=_generator(4), dtype=torch.float64, requires_grad=True)
    query = torch.randn(5, generator=_generator(5), dtype=torch.float64, requires_grad=True)
    place = torch.arange(12)
    assert torch.autograd.gradcheck(
        lambda q, k: info_nce(q, k, place < 4, (place > 4) & (place < 10), 0.3, formula), (query, keys)
    )


@pytest.mark.parametrize("formula", FORMULAS)
def test_gradients_of_the_loss(formula: str) -> None:
    draw = torch.rand(4, 3, 5, 5, generator=_generator(6))
    sets = PixelSets(
        draw[0] > 0.5,
        draw[0] < 0.5,
        draw[1] > 0.7,
        draw[1] < 0.3,
        draw[2] > 0.7,
        draw[2] < 0.3,
        torch.tensor([True, False, True]),
    )
    sets = sample_keys(sets, 0.5, _generator())
    projected = torch.randn(3, 4, 5, 5, generator=_generator(7), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: contrastive_loss(x, sets, formula=formula), projected)


def test_gradients_reach_keys_and_queries_of_kept_rois_only() -> None:
    sampled = _sampled(6)
    sampled = sample_keys(sampled._replace(keep=torch.arange(6) != 2), 0.3, _generator())
    projected = _projected(6).requires_grad_()
    contrastive_loss(projected, sampled).backward()
    used = projected.grad.abs().amax(1) > 0
    named = (sampled.query_pos | sampled.query_neg | sampled.easy_pos | sampled.easy_neg) & sampled.keep[:, None, None]
    assert torch.equal(used, named)


def test_no_value_is_ever_read_by_the_host() -> None:
    with FakeTensorMode():
        projected = torch.empty(3, 8, 28, 28, requires_grad=True)
        sets = PixelSets(*[torch.empty(3, 28, 28, dtype=torch.bool)] * 6, torch.empty(3, dtype=torch.bool))
        for formula in FORMULAS:
            contrastive_loss(projected, sets, formula=formula).backward()
        assert projected.grad.shape == projected.shape


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="released, paper"):
        contrastive_loss(_projected(2), _sampled(2), formula="papr")
    with pytest.raises(ValueError, match="do not agree"):
        contrastive_loss(_projected(3), _sampled(2))


def test_ramp() -> None:
    assert [ramp(epoch) for epoch in range(7)] == [0.25, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert ramp(1, start=0.1, epochs=5) == 0.2
    assert ramp(0, start=1.0) == 1.0
    assert ramp(0, start=0.0, epochs=0) == 1.0


# ---------------------------------------------------------------------------------------------- goldens
@pytest.mark.parity
@pytest.mark.parametrize("case", range(len(INFO_CASES)))
def test_golden_terms(case: int) -> None:
    golden = np.load(GOLDEN / "infoloss.npz")
    inputs = [torch.from_numpy(x).requires_grad_() for x in make_info()[case]]
    queries, positives, negatives = inputs
    keys = torch.cat([positives, negatives])
    positive = torch.arange(len(keys)) < len(positives)
    loss = info_nce(queries.mean(0), keys, positive, ~positive, INFO_CASES[case][3], "released")
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(golden[f"loss{case}"][0]), rel=1e-5)
    for name, x in zip(("q", "pos", "neg"), inputs, strict=True):
        expected = torch.from_numpy(golden[f"grad_{name}{case}"]).view_as(x)
        assert (x.grad - expected).abs().max() <= 1e-4 * expected.abs().max(), name
