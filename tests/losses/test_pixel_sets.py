from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

from contrastmask.losses.cam import minmax_normalize, upsample_cam
from contrastmask.losses.pixel_sets import PixelSets, dilate_edges, mask_edges, pixel_sets, sample_keys
from tests.losses import plain
from tests.losses.recipes_masks import CONSTANT_MASK_ROWS, NAN_ROW, make_fuzz, make_sets

GOLDEN = Path(__file__).parents[1] / "golden"
RELEASED_STEP = Path(__file__).parents[3] / "shared" / "parity" / "train_fixed.npz"
SETS = PixelSets._fields[:6]
KEYS = PixelSets._fields[2:6]


def _tensors(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    masks, cams, has_mask = (torch.from_numpy(x) for x in case)
    return cams, masks, has_mask


def _bits(packed: np.ndarray) -> np.ndarray:
    return np.unpackbits(packed, axis=1).astype(bool).reshape(-1, 28, 28)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------------------------------------- the sets
@pytest.mark.parametrize("side", [2, 3, 9, 28])
def test_edges_and_their_dilation_equal_the_plain_ones(side: int) -> None:
    random = np.random.RandomState(side)
    masks = random.rand(40, side, side) > random.rand(40)[:, None, None]
    ours = mask_edges(torch.from_numpy(masks))
    np.testing.assert_array_equal(ours.numpy(), np.stack([plain.edges(m) for m in masks]))
    np.testing.assert_array_equal(dilate_edges(ours).numpy(), np.stack([plain.near(plain.edges(m)) for m in masks]))


@pytest.mark.parametrize("delta", [0.1, 0.25])
def test_sets_equal_the_plain_ones(delta: float) -> None:
    fuzz, odd = make_fuzz(seed=7, count=60), make_sets()
    masks, cams, has_mask = (np.concatenate([a, b]) for a, b in zip(fuzz, odd, strict=True))
    has_mask[:60:3] = False  # rows that both branches of the twin see
    ours = pixel_sets(*_tensors((masks, cams, has_mask)), delta=delta)
    for row in range(len(masks)):
        twin = plain.pixel_sets(cams[row], masks[row], has_mask[row], delta)
        for name in PixelSets._fields:
            np.testing.assert_array_equal(getattr(ours, name)[row].numpy(), twin[name], err_msg=f"{name} of {row}")


def test_a_mask_that_is_not_there_is_not_read() -> None:
    cams, masks, has_mask = _tensors(make_fuzz(count=40))
    other = torch.where(has_mask[:, None, None], masks, ~masks)
    for ours, theirs in zip(pixel_sets(cams, masks, has_mask), pixel_sets(cams, other, has_mask), strict=True):
        assert torch.equal(ours, theirs)


def test_min_pixels_is_inclusive() -> None:
    mask = torch.zeros(1, 28, 28, dtype=torch.bool)
    mask[:, 8:20, 8:20] = True
    cams, has_mask = torch.rand(1, 28, 28, generator=_generator()), torch.ones(1, dtype=torch.bool)
    sets = pixel_sets(cams, mask, has_mask)
    fewest = int(min(getattr(sets, name).sum() for name in KEYS))
    assert pixel_sets(cams, mask, has_mask, min_pixels=fewest).keep.all()
    assert not pixel_sets(cams, mask, has_mask, min_pixels=fewest + 1).keep.any()


def test_positive_and_negative_keys_are_disjoint() -> None:
    sets = pixel_sets(*_tensors(make_fuzz(count=60)), delta=0.5)
    assert not (sets.easy_pos & sets.easy_neg).any()
    assert not (sets.hard_pos & sets.hard_neg).any()


@pytest.mark.parametrize("rows", [0, 1])
def test_degenerate_rois_are_dropped(rows: int) -> None:
    cams = torch.rand(5, 28, 28, generator=_generator())
    cams[3] = 0.37  # flat and without mask
    masks = torch.zeros(5, 28, 28, dtype=torch.bool)
    masks[1] = True
    masks[2, 14, 14] = True
    has_mask = torch.tensor([True, True, True, False, False])
    sets = sample_keys(pixel_sets(cams[: 4 * rows], masks[: 4 * rows], has_mask[: 4 * rows]), generator=_generator())
    assert sets.keep.shape == (4 * rows,)
    assert not sets.keep.any()
    assert all(getattr(sets, name).shape == (4 * rows, 28, 28) and not getattr(sets, name).any() for name in KEYS)


def test_wrong_arguments_are_refused() -> None:
    cams, masks, has_mask = _tensors(make_fuzz(count=4))
    with pytest.raises(ValueError, match="do not agree"):
        pixel_sets(cams[:3], masks, has_mask)
    with pytest.raises(ValueError, match="delta"):
        pixel_sets(cams, masks, has_mask, delta=0.6)
    with pytest.raises(ValueError, match="ratio"):
        sample_keys(pixel_sets(cams, masks, has_mask), ratio=1.5)


def test_no_value_is_ever_read_by_the_host() -> None:
    # fake tensors have shapes and no values: whatever would wait for a GPU raises
    with FakeTensorMode():
        cams = torch.empty(6, 28, 28)
        sets = sample_keys(pixel_sets(cams, cams > 0, torch.empty(6, dtype=torch.bool)))
        with pytest.raises(DynamicOutputShapeException):
            cams[cams > 0]
    assert sets.hard_neg.shape == (6, 28, 28)


# ---------------------------------------------------------------------------------------------- the draw
@pytest.mark.parametrize("ratio", [0.3, 0.5, 1.0, 0.001])
def test_exact_counts_within_the_sets(ratio: float) -> None:
    sets = pixel_sets(*_tensors(make_sets()))
    drawn = sample_keys(sets, ratio, _generator())
    for name in KEYS:
        full, part = getattr(sets, name), getattr(drawn, name)
        assert not (part & ~full).any()
        expected = [
            plain.drawn_count(int(n), ratio) * keep for n, keep in zip(full.sum((1, 2)), sets.keep, strict=True)
        ]
        assert part.sum((1, 2)).tolist() == expected
    assert all(torch.equal(getattr(sets, n), getattr(drawn, n)) for n in ("query_pos", "query_neg", "keep"))


def test_the_draw_depends_on_its_generator_alone() -> None:
    sets = pixel_sets(*_tensors(make_fuzz(count=50)))
    torch.manual_seed(1)
    first = sample_keys(sets, generator=_generator(5))
    torch.manual_seed(2)
    again, other = sample_keys(sets, generator=_generator(5)), sample_keys(sets, generator=_generator(6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.easy_pos, other.easy_pos)
    generator = _generator(5)
    assert torch.equal(first.easy_pos, sample_keys(sets, generator=generator).easy_pos)
    assert not torch.equal(first.easy_pos, sample_keys(sets, generator=generator).easy_pos)


REPEATS = 3000


@pytest.fixture(scope="module")
def repeated() -> tuple[PixelSets, PixelSets]:
    """One RoI without mask, 3000 times over: 40 positive and 60 negative keys, each easy and hard; and its draw."""
    place = torch.randperm(784, generator=_generator(1)).view(28, 28).expand(REPEATS, 28, 28)
    positive, negative = place < 40, (place >= 40) & (place < 100)
    keep = torch.ones(REPEATS, dtype=torch.bool)
    sets = PixelSets(positive, negative, positive, negative, positive, negative, keep)
    return sets, sample_keys(sets, generator=_generator(2))


@pytest.mark.parametrize("name", KEYS)
def test_every_pixel_has_the_same_chance(repeated: tuple[PixelSets, PixelSets], name: str) -> None:
    full, drawn = (getattr(sets, name)[0:].flatten(1) for sets in repeated)
    members = drawn[:, full[0]].double()
    n = members.shape[1]
    chance = plain.drawn_count(n) / n
    deviation = (members.mean(0) - chance) / np.sqrt(chance * (1 - chance) / REPEATS)
    assert deviation.abs().max() < 4.5
    assert deviation.square().mean() < 1.8  # about 1 by chance; n - 1 degrees of freedom
    # two pixels: the chance of both, as without replacement
    pairs = (members.T @ members / REPEATS)[~torch.eye(n, dtype=torch.bool)]
    both = chance * (chance * n - 1) / (n - 1)
    assert ((pairs - both).abs() / np.sqrt(both * (1 - both) / REPEATS)).max() < 5.5


def test_easy_and_hard_draws_of_a_roi_without_mask_are_independent(repeated: tuple[PixelSets, PixelSets]) -> None:
    drawn = repeated[1]
    for easy, hard, n in ((drawn.easy_pos, drawn.hard_pos, 40), (drawn.easy_neg, drawn.hard_neg, 60)):
        k = plain.drawn_count(n)
        overlap = (easy & hard).sum((1, 2)).double()
        variance = k * k / n * (1 - k / n) * (n - k) / (n - 1)  # hypergeometric
        assert abs(float(overlap.mean()) - k * k / n) < 4.5 * np.sqrt(variance / REPEATS)
        assert abs(float(overlap.var()) / variance - 1) < 0.15
        # nor do neighbouring RoIs share their draw
        neighbours = (easy[1:] & easy[:-1]).sum((1, 2)).double()
        assert abs(float(neighbours.mean()) - k * k / n) < 4.5 * np.sqrt(variance / REPEATS)


# ---------------------------------------------------------------------------------------------- goldens
def _compare(sets: PixelSets, golden: dict[str, np.ndarray], left_out: dict[str, set[int]]) -> None:
    for name in SETS:
        ours, theirs = getattr(sets, name).numpy(), _bits(golden[name])
        different = {int(row) for row in np.flatnonzero((ours != theirs).any((1, 2)))}
        assert different <= left_out.get(name, set()), f"{name} differs in rows {sorted(different)}"
    np.testing.assert_array_equal(sets.keep.numpy(), golden["keeps"].astype(bool))
    counts = sample_keys(sets, generator=_generator())
    for name, short in zip(KEYS, ("n_epos", "n_eneg", "n_hpos", "n_hneg"), strict=True):
        assert getattr(counts, name).sum((1, 2))[sets.keep].tolist() == golden[short].tolist()


@pytest.mark.parity
def test_golden_sets() -> None:
    golden = dict(np.load(GOLDEN / "sets.npz"))
    cams, masks, has_mask = _tensors(make_sets())
    edges = mask_edges(masks)
    np.testing.assert_array_equal(edges.numpy(), _bits(golden["edges"]))
    uneven = [row for row in range(27) if row not in CONSTANT_MASK_ROWS]
    np.testing.assert_array_equal(dilate_edges(edges).numpy()[uneven], _bits(golden["edge_dilate"])[uneven])
    keys_left_out = {name: {*CONSTANT_MASK_ROWS, NAN_ROW} for name in KEYS}
    _compare(pixel_sets(cams, masks, has_mask), golden, {"query_neg": {NAN_ROW}, **keys_left_out})
    normalized = minmax_normalize(cams[:8]).numpy()
    np.testing.assert_array_equal(normalized, golden["cams_norm_first8"])


@pytest.mark.parity
def test_golden_fuzz() -> None:
    golden = dict(np.load(GOLDEN / "sets_fuzz.npz"))
    cams, masks, has_mask = _tensors(make_fuzz())
    assert float(cams.double().abs().sum()) == pytest.approx(float(golden["in_cams_abssum"]), rel=1e-9)
    edges = mask_edges(masks)
    np.testing.assert_array_equal(edges.numpy(), _bits(golden["edges"]))
    np.testing.assert_array_equal(dilate_edges(edges).numpy(), _bits(golden["edge_dilate"]))
    _compare(pixel_sets(cams, masks, has_mask), golden, {})


@pytest.mark.parity
def test_golden_counts_of_every_set_size() -> None:
    table = np.load(GOLDEN / "sets.npz")["ceil_table"].tolist()
    # row n has a set of n pixels, and 784 - n on the other side
    positive = (torch.arange(784) < torch.arange(785)[:, None]).view(785, 28, 28)
    sets = PixelSets(*(positive, ~positive) * 3, torch.ones(785, dtype=torch.bool))
    drawn = sample_keys(sets, generator=_generator())
    assert drawn.easy_pos.sum((1, 2)).tolist() == table
    assert drawn.hard_neg.sum((1, 2)).tolist() == table[::-1]


@pytest.mark.parity
@pytest.mark.skipif(not RELEASED_STEP.exists(), reason="shared/parity/train_fixed.npz is not here")
def test_a_training_step_of_the_released_model() -> None:
    golden = dict(np.load(RELEASED_STEP))
    masks = torch.from_numpy(_bits(golden["mask_targets"]))
    sets = pixel_sets(
        upsample_cam(torch.from_numpy(golden["cam_pos"]), 28), masks, torch.from_numpy(golden["is_novel_pos"] == 0)
    )
    np.testing.assert_array_equal(mask_edges(masks).numpy(), _bits(golden["edges"]))
    np.testing.assert_array_equal(sets.keep.numpy(), golden["keeps"].astype(bool))
    np.testing.assert_array_equal(sets.query_pos.numpy(), _bits(golden["query_pos_sets"]))
    np.testing.assert_array_equal(sets.query_neg.numpy(), _bits(golden["query_neg_sets"]))
    uneven = (masks.flatten(1).any(1) & ~masks.flatten(1).all(1)).numpy() | (golden["is_novel_pos"] == 1)
    for name, available in zip(KEYS, golden["available_num"], strict=True):
        assert getattr(sets, name).sum((1, 2)).numpy()[uneven].tolist() == available[uneven].tolist()
        recorded = _bits(golden[f"sampled_{name}"])
        assert not (recorded & ~getattr(sets, name)[sets.keep].numpy()).any()
        assert recorded.sum((1, 2)).tolist() == [plain.drawn_count(int(n)) for n in available[golden["keeps"] == 1]]
