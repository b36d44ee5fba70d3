"""Inputs of the golden figures, rebuilt from seeds (MT19937): numpy alone is needed."""

from __future__ import annotations

import numpy as np

# Three objects of a 240 x 320 image, COCO polygons (lists of parts).
PIPELINE_SEED, PIPELINE_SIZE = 4001, (240, 320)
PIPELINE_POLYGONS: list[list[list[float]]] = [
    [[40.5, 30.25, 120, 25, 150.75, 90, 100, 140.5, 50, 120]],
    [[200, 50, 260, 50, 260, 110, 200, 110], [265, 60, 300, 60, 300, 100]],
    [[10, 180, 90, 175, 95.5, 230, 12, 235]],
]


def make_image(seed: int, height: int, width: int, rectangles: int = 12) -> np.ndarray:
    """uint8 [H, W, 3] BGR: a coarse random grid enlarged eight times bilinearly, under translucent rectangles."""
    random = np.random.RandomState(seed)
    grid = 255.0 * random.rand(height // 8 + 2, width // 8 + 2, 3)
    rows, cols = np.arange(height) // 8, np.arange(width) // 8
    down, right = (np.arange(height) / 8.0 - rows)[:, None, None], (np.arange(width) / 8.0 - cols)[None, :, None]

    def corner(dy: int, dx: int) -> np.ndarray:
        return grid[np.ix_(rows + dy, cols + dx)]

    # The order of the products is part of the recipe: it decides the last bit before rounding.
    image = corner(0, 0) * (1 - down) * (1 - right) + corner(0, 1) * (1 - down) * right
    image = image + corner(1, 0) * down * (1 - right) + corner(1, 1) * down * right
    for _ in range(rectangles):
        x, y, w, h = random.rand(4)
        colour = random.rand(3) * 255.0
        top, left = int(y * (height - 8)), int(x * (width - 8))
        patch = image[top : top + int(8 + h * 0.5 * height), left : left + int(8 + w * 0.5 * width)]
        patch[:] = 0.3 * patch + 0.7 * colour
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)
