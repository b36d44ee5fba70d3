from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.model.masks import encode_masks, mask_targets, paste_masks

GOLDEN = Path(__file__).parents[1] / "golden" / "masks.npz"


def blobs(count: int, seed: int, cells: int = 28) -> Tensor:
    """Smooth random probabilities ``[count, cells, cells]``."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, 5, 5, generator=generator)
    return F.interpolate(coarse, size=(cells, cells), mode="bilinear")[:, 0].mul(3).sigmoid()


def plain_paste(grid: Tensor, box: list[float], height: int, width: int) -> Tensor:
    """Probabilities of the whole image by torch's own sampler, one object."""
    left, top, right, bottom = box
    x = (torch.arange(width) + 0.5 - left) / (right - left) * 2 - 1
    y = (torch.arange(height) + 0.5 - top) / (bottom - top) * 2 - 1
    where = torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)], dim=-1)
    return F.grid_sample(grid[None, None], where[None], align_corners=False)[0, 0]


def full_encoding(bitmaps: Tensor) -> list[str]:
    encoded = coco_mask.encode(np.asfortranarray(bitmaps.permute(1, 2, 0).numpy().astype(np.uint8)))
    return [rle["counts"].decode() for rle in encoded]


# ------------------------------------------------------------------------------------------------------ targets


@pytest.mark.parity
def test_targets_are_those_of_the_released_code() -> None:
    with np.load(GOLDEN) as golden:
        masks = torch.from_numpy(np.unpackbits(golden["bitmap"], axis=1)).view(3, 240, 320)
        boxes, index = torch.from_numpy(golden["boxes"]), torch.from_numpy(golden["index"])
        expected = torch.from_numpy(np.unpackbits(golden["targets"], axis=1)).view(7, 28, 28).bool()
    assert torch.equal(mask_targets(masks, boxes, index), expected)


def test_targets_of_whole_cells_are_the_bitmap_itself() -> None:
    masks = torch.rand(2, 28, 28, generator=torch.Generator().manual_seed(0)).round().to(torch.uint8)
    boxes = torch.tensor([[0.0, 0.0, 28.0, 28.0]] * 2)
    assert torch.equal(mask_targets(masks, boxes, torch.tensor([1, 0])), masks.flip(0).bool())


def test_targets_clip_boxes_to_the_image() -> None:
    masks = torch.zeros(1, 20, 30, dtype=torch.uint8)
    masks[:, :, :15] = 1
    inside = mask_targets(masks, torch.tensor([[0.0, 0.0, 30.0, 20.0]]), torch.tensor([0]), size=14)
    beyond = mask_targets(masks, torch.tensor([[-9.0, -50.0, 90.0, 21.0]]), torch.tensor([0]), size=14)
    assert torch.equal(inside, beyond)
    assert inside[0, :, :7].all()
    assert not inside[0, :, 7:].any()


@pytest.mark.parametrize("masks", [torch.zeros(0, 9, 9, dtype=torch.uint8), torch.ones(3, 9, 9, dtype=torch.uint8)])
def test_no_boxes_give_no_targets(masks: Tensor) -> None:
    targets = mask_targets(masks, torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert targets.shape == (0, 28, 28)
    assert targets.dtype == torch.bool


@pytest.mark.parametrize(("count", "index"), [(2, 2), (2, -1), (0, 0)])
def test_an_index_without_mask_is_refused(count: int, index: int) -> None:
    with pytest.raises(IndexError, match="mask indices"):
        mask_targets(torch.ones(count, 9, 9), torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([index]))


# ------------------------------------------------------------------------------------- pasting and run lengths


@pytest.mark.parity
def test_run_lengths_are_those_of_the_released_code() -> None:
    with np.load(GOLDEN) as golden:
        probs, boxes = torch.from_numpy(golden["paste_probs"]), torch.from_numpy(golden["paste_boxes"])
        size, expected = tuple(golden["paste_size"].tolist()), golden["paste_counts"].tolist()
    assert [rle["counts"] for rle in encode_masks(probs, boxes, size)] == expected


@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.9])
def test_pasting_samples_like_torch(threshold: float) -> None:
    probs = blobs(4, seed=1)
    boxes = [[10.3, 5.1, 60.7, 44.9], [-20.0, -8.0, 31.0, 70.5], [33.0, 20.0, 36.5, 22.0], [50.0, 1.0, 130.0, 47.0]]
    pasted = paste_masks(probs, torch.tensor(boxes), (48, 80), threshold)
    for bitmap, grid, box in zip(pasted, probs, boxes, strict=True):
        plain = plain_paste(grid, box, 48, 80)
        clear = (plain - threshold).abs() > 1e-5
        assert clear.float().mean() > 0.99
        assert torch.equal(bitmap[clear], (plain >= threshold)[clear])


def test_the_threshold_itself_is_foreground() -> None:
    probs = torch.full((1, 4, 4), 0.5)
    assert paste_masks(probs, torch.tensor([[2.0, 2.0, 10.0, 10.0]]), (12, 12))[0, 4:8, 4:8].all()


side = st.integers(1, 40)
edge = st.floats(-30, 60, width=32)


@settings(max_examples=150, deadline=None)
@given(side, side, st.tuples(edge, edge, edge, edge), st.integers(0, 10_000), st.sampled_from([0.3, 0.5, 0.7]))
def test_run_lengths_equal_full_pasting(height: int, width: int, box: tuple, seed: int, threshold: float) -> None:
    probs, boxes = blobs(2, seed, cells=7), torch.tensor([box, [-5.0, -5.0, width + 5.0, height + 5.0]])
    rles = encode_masks(probs, boxes, (height, width), threshold)
    pasted = paste_masks(probs, boxes, (height, width), threshold)
    assert [rle["counts"] for rle in rles] == full_encoding(pasted)
    assert all(rle["size"] == [height, width] for rle in rles)


def test_masks_that_fill_columns_and_image() -> None:
    probs, size = torch.ones(3, 28, 28), (6, 9)
    boxes = torch.tensor([[-9.0, -9.0, 20.0, 20.0], [2.0, -9.0, 5.0, 20.0], [-9.0, 3.0, 20.0, 20.0]])
    rles = encode_masks(probs, boxes, size)
    assert coco_mask.decode(rles[0]).all()
    assert [rle["counts"] for rle in rles] == full_encoding(paste_masks(probs, boxes, size))
    assert coco_mask.area(rles).tolist() == [54, 18, 27]


@pytest.mark.parametrize(
    "box",
    [
        [5.0, 5.0, 5.0, 9.0],  # no width
        [5.0, 5.0, 9.0, 5.0],  # no height
        [9.0, 9.0, 5.0, 5.0],  # turned round
        [100.0, 5.0, 120.0, 9.0],  # right of the image
        [-50.0, -50.0, -10.0, -10.0],  # left above
        [5.1, 5.1, 5.1 + 1e-6, 9.0],  # thinner than any pixel
    ],
)
def test_boxes_without_pixels_give_empty_masks(box: list[float]) -> None:
    rles = encode_masks(torch.ones(1, 28, 28), torch.tensor([box]), (20, 30))
    assert coco_mask.area(rles).tolist() == [0]
    assert not paste_masks(torch.ones(1, 28, 28), torch.tensor([box]), (20, 30)).any()


def test_empty_masks_and_no_detections() -> None:
    assert coco_mask.area(encode_masks(torch.zeros(1, 28, 28), torch.tensor([[1.0, 1, 9, 9]]), (20, 30))).tolist() == [
        0
    ]
    assert encode_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), (20, 30)) == []
    assert paste_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), (20, 30)).shape == (0, 20, 30)


def test_huge_boxes_cost_the_image_at_most() -> None:
    boxes = torch.tensor([[-1e7, -1e7, 1e7, 1e7]])
    assert coco_mask.area(encode_masks(torch.ones(1, 28, 28), boxes, (20, 30))).tolist() == [600]


def test_run_lengths_are_json() -> None:
    rles = encode_masks(blobs(2, 3), torch.tensor([[1.0, 2, 15, 17], [3, 3, 29, 19]]), (20, 30))
    assert json.loads(json.dumps(rles)) == rles


def test_what_is_not_finite_is_named() -> None:
    probs, boxes = torch.ones(3, 28, 28), torch.tensor([[1.0, 1, 9, 9]]).repeat(3, 1)
    probs[1, 4, 4] = torch.nan
    boxes[2, 0] = torch.inf
    with pytest.raises(FloatingPointError, match=r"mask probability of detection \[1\]"):
        encode_masks(probs, boxes, (20, 30))
    with pytest.raises(FloatingPointError, match=r"box of detection \[2\]"):
        paste_masks(torch.ones(3, 28, 28), boxes, (20, 30))


@pytest.mark.parametrize(
    ("boxes", "size", "threshold"),
    [(torch.zeros(2, 4), (9, 9), 0.5), (torch.zeros(1, 4), (0, 9), 0.5), (torch.zeros(1, 4), (9, 9), 0.0)],
)
def test_arguments_that_make_no_sense(boxes: Tensor, size: tuple[int, int], threshold: float) -> None:
    with pytest.raises(ValueError, match=r"masks \[D|pixel|threshold"):
        encode_masks(torch.ones(1, 28, 28), boxes, size, threshold)
