"""An image file's pixels without torch: the right way up, of the right size, by PIL or another decoder."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.images.files import DIM, LOW, image_errors, open_image, rgb_by_pil
from contrastmask.data.images.png_chunks import check_chunks
from contrastmask.data.images.rules import ImageRules
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.spoken import SpokenWarning

# how EXIF asks to show pixels
TURNS = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: np.rot90(image),
}


def read_plain(records: Records, image: int) -> np.ndarray:
    """An image of records, by their rules: uint8 RGB ``[H, W, 3]``, contiguous.

    Raises:
        DataError: as :func:`contrastmask.data.images.read.read_image_of`.
    """
    size = int(records.heights[image]), int(records.widths[image])
    return np.ascontiguousarray(decoded(records.file_path(image), size, records.image_rules))


def decoded(
    path: str | Path, size: tuple[int, int] | None, rules: ImageRules, decode: Callable[..., Any] | None = None
) -> np.ndarray:
    """A file's pixels, the right way up and of the right size: uint8 RGB ``[H, W, 3]``, not always contiguous.

    Args:
        size: height and width that the annotation file says; None: any, as a viewer shows it.
        decode: of an :class:`ImageFile` and the rules, pixels and the greatest sample as :func:`rgb_by_pil` gives them;
            None: PIL.

    Raises:
        DataError: as :func:`contrastmask.data.images.read.read_image`.
    """
    file = open_image(path, size, rules)
    with image_errors(file.path, file.content):
        if file.image.format == "PNG":
            check_chunks(file.content)
        pixels, greatest = rgb_by_pil(file.image, rules) if decode is None else decode(file, rules)
    if greatest is not None and greatest < LOW and rules.bit_depth == 16:
        warnings.warn(DIM, SpokenWarning, stacklevel=4)
    if file.orientation is not None:
        pixels = TURNS[file.orientation](pixels)
    if size is not None and pixels.shape != (*size, 3):
        raise DataError(f"{path}: decoded to {pixels.shape}, expected {(*size, 3)}")
    return pixels
