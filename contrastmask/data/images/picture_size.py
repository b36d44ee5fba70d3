"""The size of a picture as a viewer shows it, from the head of its file."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from contrastmask.data.images.places import find_image
from contrastmask.data.images.rules import PLAIN, ImageRules

ORIENTATION = 0x0112


def picture_sizes(files: list[tuple[Path, str]], rules: ImageRules = PLAIN) -> list[tuple[int, int] | None]:
    """Height and width of each file, given as folder and name inside it; None where it lies outside or has none."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(partial(_size, rules=rules), files))


def _size(file: tuple[Path, str], rules: ImageRules) -> tuple[int, int] | None:
    root, name = file
    try:
        path, _ = find_image(root, name, rules)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                width, height = image.size
                turned = rules.exif != "ignore" and image.getexif().get(ORIENTATION) in (5, 6, 7, 8)
    # What the parsers of a hundred formats stumble over has no common base class.
    except Exception:
        return None
    return (width, height) if turned else (height, width)
