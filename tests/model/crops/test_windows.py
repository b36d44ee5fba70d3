"""Cutting objects out: whole pixels, the image's border, no aliasing, and the way back."""

from __future__ import annotations

import pytest
import torch

from contrastmask.model.crops.windows import cut_out, into_windows, windows_of


def test_windows_hold_box_and_context() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0], [5.2, 5.2, 5.4, 5.4]])
    assert windows_of(boxes, 0.25).tolist() == [[5, 10, 35, 70], [5, 5, 6, 6]]
    assert windows_of(boxes[:1], 0.0).tolist() == [[10, 20, 30, 60]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_window_of_the_crops_size_is_the_image_itself(dtype: torch.dtype) -> None:
    image = torch.randint(0, 256, (3, 50, 60), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)).to(dtype)
    crop = cut_out(image, torch.tensor([[10.0, 8.0, 42.0, 40.0]]), 32)
    assert torch.equal(crop[0], image[:, 8:40, 10:42])


def test_outside_the_image_is_the_fill() -> None:
    image = torch.full((3, 20, 20), 200, dtype=torch.uint8)
    crop = cut_out(
        image, torch.tensor([[-16.0, -16.0, 16.0, 16.0], [40.0, 40.0, 72.0, 72.0]]), 32, torch.tensor([1, 2, 3])
    )
    assert crop[0, :, 0, 0].tolist() == [1, 2, 3]
    assert crop[0, :, 16:, 16:].unique().tolist() == [200]
    assert crop[1, :, 5, 5].tolist() == [1, 2, 3]


def test_making_it_smaller_does_not_alias() -> None:
    stripes = torch.zeros((1, 256, 256))
    stripes[..., ::2] = 255.0
    crop = cut_out(stripes, torch.tensor([[0.0, 0.0, 256.0, 256.0]]), 32)
    assert (crop[..., 2:-2] - 127.5).abs().max() < 4  # picking pixels would give 0 or 255


def test_shares_and_back() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    windows = windows_of(boxes, 0.25)
    shares = into_windows(boxes, windows)
    sides = (windows[:, 2:] - windows[:, :2]).repeat(1, 2)
    assert torch.allclose(shares * sides + windows[:, :2].repeat(1, 2), boxes)
    assert 0 < shares.min() < shares.max() < 1
