"""One way to read an image file: whatever it holds, 8-bit RGB of the size that the annotations say, or a DataError."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from contrastmask.data.images.files import DIM, LOW, image_errors, open_image, rgb_by_pil, to_8_bit
from contrastmask.data.images.png_chunks import check_chunks
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.spoken import SpokenWarning

# How EXIF asks to show pixels.
TURNS = {
    2: lambda image: image.flip(2),
    3: lambda image: image.rot90(2, (1, 2)),
    4: lambda image: image.flip(1),
    5: lambda image: image.transpose(1, 2),
    6: lambda image: image.rot90(-1, (1, 2)),
    7: lambda image: image.transpose(1, 2).flip(1, 2),
    8: lambda image: image.rot90(1, (1, 2)),
}


def read_image(path: str | Path, height: int, width: int, rules: ImageRules = PLAIN) -> Tensor:
    """Read an image as uint8 RGB [3, H, W], contiguous, 0..255.

    Grey, palette, 1-bit, CMYK and transparent images become RGB (transparency is ignored); 16-bit samples are scaled to
    8; of several frames the first counts. The camera's orientation (EXIF) is applied only if that makes the size agree:
    annotations drawn on unturned pixels stay right.

    Args:
        height, width: the size that the annotation file says.
        rules: another way with orientation or 16-bit samples.

    Raises:
        DataError: the file is missing, empty, truncated, no image, floating-point, too large for PIL, or of another
            size. The message begins with the path.
    """
    return _read(path, (height, width), rules)


def view_image(path: str | Path, rules: ImageRules = PLAIN) -> Tensor:
    """:func:`read_image` of any size, as a viewer shows it: the camera's orientation is applied, mirrors, too."""
    return _read(path, None, rules)


def read_image_of(records: Records, image: int) -> Tensor:
    """:func:`read_image` of an image of records, by their rules.

    Raises:
        DataError: as :func:`read_image`, and as :meth:`Records.file_path`.
    """
    size = int(records.heights[image]), int(records.widths[image])
    return _read(records.file_path(image), size, records.image_rules)


def _read(path: str | Path, size: tuple[int, int] | None, rules: ImageRules) -> Tensor:
    file = open_image(path, size, rules)
    with image_errors(file.path, file.content):
        if file.image.format == "PNG":
            check_chunks(file.content)
        if file.by_torchvision:
            pixels, greatest = _with_torchvision(file.content, rules)
        else:
            array, greatest = rgb_by_pil(file.image, rules)
            pixels = torch.from_numpy(array).permute(2, 0, 1)
    if greatest is not None and greatest < LOW and rules.bit_depth == 16:
        warnings.warn(DIM, SpokenWarning, stacklevel=3)
    if file.orientation is not None:
        pixels = TURNS[file.orientation](pixels)
    if size is not None and tuple(pixels.shape) != (3, *size):
        raise DataError(f"{path}: decoded to {tuple(pixels.shape)}, expected {(3, *size)}")
    return pixels.contiguous()


def _with_torchvision(content: bytes, rules: ImageRules) -> tuple[Tensor, int | None]:
    pixels = decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
    if pixels.dtype != torch.uint16:
        return pixels, None
    samples = pixels.numpy()
    return torch.from_numpy(to_8_bit(samples, rules)), int(samples.max(initial=0))
