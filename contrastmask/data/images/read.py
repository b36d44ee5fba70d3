"""One way to read an image file: whatever it holds, 8-bit RGB of the size that the annotations say, or a DataError."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from contrastmask.data.images.files import ImageFile, rgb_by_pil, to_8_bit
from contrastmask.data.images.plain import decoded
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.records import Records


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
    return torch.from_numpy(np.ascontiguousarray(decoded(path, size, rules, _decode).transpose(2, 0, 1)))


def _decode(file: ImageFile, rules: ImageRules) -> tuple[np.ndarray, int | None]:
    if not file.by_torchvision:
        return rgb_by_pil(file.image, rules)
    content = torch.frombuffer(bytearray(file.content), dtype=torch.uint8)
    pixels = decode_image(content, mode=ImageReadMode.RGB).numpy().transpose(1, 2, 0)
    if pixels.dtype != np.uint16:
        return pixels, None
    return to_8_bit(pixels, rules), int(pixels.max(initial=0))
