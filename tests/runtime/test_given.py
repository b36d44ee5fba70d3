"""What is said of images and boxes that are of another form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contrastmask.runtime.given import checked_boxes, checked_image

WIDTHS = "as x, y, width, height they would lie in it: give x, y, x \\+ width, y \\+ height"


@pytest.mark.parametrize("boxes", [[[400, 300, 50, 60]], [[10, 20, 90, 80], [300, 200, 340, 100]], [[639, 9, 1.5, 2]]])
def test_boxes_that_are_widths_and_heights(boxes: list) -> None:
    with pytest.raises(ValueError, match=WIDTHS):
        checked_boxes(boxes, ["a"] * len(boxes), (480, 640))


@pytest.mark.parametrize("box", [[700, 20, 800, 90], [50, 50, 50, 640], [9, 9, float("nan"), 3], [5, 5, -1, 3]])
def test_boxes_that_are_none_at_all(box: list) -> None:
    with pytest.raises(ValueError, match=r"are not finite xyxy with an area inside the 640x480 image$"):
        checked_boxes([box], ["a"], (480, 640))


@pytest.mark.parametrize("path", ["photos/a.jpg", Path("photos/a.jpg"), np.str_("photos/a.jpg")])
def test_a_path_is_no_image(path: str | Path) -> None:
    with pytest.raises(ValueError, match=r"not its path photos/a\.jpg: np\.asarray\(PIL\.Image\.open\(path\)\.convert"):
        checked_image(path)


def test_pictures_of_pil() -> None:
    assert checked_image(Image.new("RGB", (4, 3))).shape == (3, 4, 3)
    with pytest.raises(ValueError, match=r"got uint8 \(3, 4\); PIL's image\.convert"):
        checked_image(Image.new("L", (4, 3)))
    with pytest.raises(ValueError, match=r"got float64 \(3, 4, 3\)$"):
        checked_image(np.zeros((3, 4, 3)))


@pytest.mark.parametrize("boxes", [[[0.1, 0.1, 0.5, 0.5]], [[0, 0, 1, 1]], [[0.5, 0.5, 0.2, 0.3], [0, 0, 1, 1]]])
def test_shares_of_the_image_are_asked_about(boxes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1, one pixel of the 640x480 image: .* x times 640, y times 480"):
        checked_boxes(boxes, ["a"] * len(boxes), (480, 640))


def test_small_boxes_beside_others_and_in_small_images_are_boxes() -> None:
    assert len(checked_boxes([[0, 0, 1, 1], [5, 5, 9, 9]], ["a", "a"], (480, 640))) == 2
    assert len(checked_boxes([[0, 0, 1, 1]], ["a"], (4, 4))) == 1
    assert len(checked_boxes([], [], (480, 640))) == 0
