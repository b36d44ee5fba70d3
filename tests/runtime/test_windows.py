"""What the runtime cuts out and tells the network, beside what PyTorch's side does."""

from __future__ import annotations

import numpy as np
import torch

from contrastmask.model.crops import planes, segmenter
from contrastmask.model.crops import windows as theirs
from contrastmask.runtime import windows as ours

RNG = np.random.default_rng(0)
IMAGE = np.kron(RNG.integers(0, 256, (12, 15, 3)), np.ones((8, 8, 1))).astype(np.uint8)
BOXES = np.array([[10, 20, 50, 60], [-0.0, 0, 5.5, 90], [80, 3, 119.5, 95.2], [30, 30, 31, 31]], dtype=np.float32)


def test_windows_are_the_same() -> None:
    for context in (0.0, 0.1, 0.25):
        assert np.array_equal(
            ours.windows_of(BOXES, context), theirs.windows_of(torch.from_numpy(BOXES), context).numpy()
        )


def test_crops_are_the_same_but_for_rounding() -> None:
    windows, fill = ours.windows_of(BOXES, 0.1), np.array([123.675, 116.28, 103.53])
    mine = ours.cut_out(IMAGE, windows, 64, fill)
    image = torch.from_numpy(IMAGE.transpose(2, 0, 1).copy())
    true = theirs.cut_out(image, torch.from_numpy(windows), 64, torch.tensor(fill)).numpy()
    assert np.abs(mine.astype(int) - true.astype(int)).max() <= 1


def test_shares_planes_and_cells_are_the_same() -> None:
    windows = ours.windows_of(BOXES, 0.1)
    shares = ours.into_windows(BOXES[None], windows[:, None])
    tensors = theirs.into_windows(torch.from_numpy(BOXES)[None], torch.from_numpy(windows)[:, None])
    np.testing.assert_allclose(shares, tensors.numpy(), rtol=1e-6)
    counts = ~np.eye(len(BOXES), dtype=bool)
    near = planes.neighbour_plane(tensors, torch.from_numpy(counts), 64)
    np.testing.assert_allclose(ours.neighbour_plane(shares, counts, 64), near.numpy(), atol=1e-5)
    own = shares[np.arange(4), np.arange(4)]
    cells = segmenter.box_cells(torch.from_numpy(own), 32).numpy()
    assert np.array_equal(ours.box_cells(own, 32), cells)
    mirrored = theirs.mirrored_boxes(torch.from_numpy(own)).numpy()
    np.testing.assert_allclose(ours.mirrored_boxes(own), mirrored)
