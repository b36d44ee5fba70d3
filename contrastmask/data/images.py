"""One way to read an image file: whatever it holds, 8-bit RGB of the size that the annotations say, or a DataError."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from contrastmask.data.image_files import image_errors, open_image, rgb_by_pil, to_8_bit
from contrastmask.data.png_chunks import check_chunks
from contrastmask.errors import DataError

# How EXIF asks to show pixels whose sides are swapped.
TURNS = {
    5: lambda image: image.transpose(1, 2),
    6: lambda image: image.rot90(-1, (1, 2)),
    7: lambda image: image.transpose(1, 2).flip(1, 2),
    8: lambda image: image.rot90(1, (1, 2)),
}


def read_image(path: str | Path, height: int, width: int) -> Tensor:
    """Read an image as uint8 RGB [3, H, W], contiguous, 0..255.

    Grey, palette, 1-bit, CMYK and transparent images become RGB (transparency is ignored); 16-bit samples are scaled to
    8; of several frames the first counts. The camera's orientation (EXIF) is applied only if that makes the size agree:
    annotations drawn on unturned pixels stay right.

    Args:
        height, width: the size that the annotation file says.

    Raises:
        DataError: the file is missing, empty, truncated, no image, floating-point, too large for PIL, or of another
            size. The message begins with the path.
    """
    file = open_image(path, height, width)
    with image_errors(file.path, file.content):
        if file.image.format == "PNG":
            check_chunks(file.content)
        pixels = _with_torchvision(file.content) if file.by_torchvision else _to_tensor(rgb_by_pil(file.image))
    if file.orientation is not None:
        pixels = TURNS[file.orientation](pixels)
    if tuple(pixels.shape) != (3, height, width):
        raise DataError(f"{path}: decoded to {tuple(pixels.shape)}, expected {(3, height, width)}")
    return pixels.contiguous()


def _with_torchvision(content: bytes) -> Tensor:
    pixels = decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return torch.from_numpy(to_8_bit(pixels.numpy())) if pixels.dtype == torch.uint16 else pixels


def _to_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)
