"""The size of a picture as a viewer shows it, and whether its file is turned, from the head of the file."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from contrastmask.data.images.files import SWAPS_SIDES, orientation_of
from contrastmask.data.images.places import find_image
from contrastmask.data.images.rules import PLAIN, ImageRules


class PictureSize(NamedTuple):
    """Height and width in pixels by the rules of its reading; whether EXIF exchanges them, applied or not."""

    height: int
    width: int
    turned: bool

    def exchanges(self, height: int, width: int) -> bool:
        """Whether a file that says this size has it the wrong way round, and no camera's orientation is the reason."""
        return not self.turned and height != width and (self.width, self.height) == (height, width)


def picture_sizes(files: list[tuple[Path, str]], rules: ImageRules = PLAIN) -> list[PictureSize | None]:
    """The size of each file, given as folder and name inside it; None where it lies outside or has none."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(partial(_size, rules=rules), files))


def _size(file: tuple[Path, str], rules: ImageRules) -> PictureSize | None:
    root, name = file
    try:
        path, _ = find_image(root, name, rules)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                width, height = image.size
                turned = orientation_of(image) in SWAPS_SIDES
    # What the parsers of a hundred formats stumble over has no common base class.
    except Exception:
        return None
    if turned and rules.exif != "ignore":
        width, height = height, width
    return PictureSize(height, width, turned)
