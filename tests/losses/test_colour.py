"""L*a*b* of colours whose values are in the books."""

from __future__ import annotations

import pytest
import torch

from contrastmask.losses.colour import lab


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((128, 128, 128), (53.59, 0.0, 0.0)),
    ],
)
def test_known_colours(rgb: tuple[int, ...], expected: tuple[float, ...]) -> None:
    found = lab(torch.tensor(rgb, dtype=torch.uint8).view(1, 3, 1, 1)).flatten().tolist()
    assert found == pytest.approx(expected, abs=0.05)
