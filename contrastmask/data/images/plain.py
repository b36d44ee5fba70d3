"""An image file's pixels without torch: PIL for every format, by the rules of :mod:`contrastmask.data.images.read`."""

from __future__ import annotations

import warnings

import numpy as np

from contrastmask.data.images.files import DIM, LOW, image_errors, open_image, rgb_by_pil
from contrastmask.data.images.png_chunks import check_chunks
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
    rules, path = records.image_rules, records.file_path(image)
    size = int(records.heights[image]), int(records.widths[image])
    file = open_image(path, size, rules)
    with image_errors(file.path, file.content):
        if file.image.format == "PNG":
            check_chunks(file.content)
        pixels, greatest = rgb_by_pil(file.image, rules)
    if greatest is not None and greatest < LOW and rules.bit_depth == 16:
        warnings.warn(DIM, SpokenWarning, stacklevel=2)
    if file.orientation is not None:
        pixels = TURNS[file.orientation](pixels)
    if pixels.shape != (*size, 3):
        raise DataError(f"{path}: decoded to {pixels.shape}, expected {(*size, 3)}")
    return np.ascontiguousarray(pixels)
