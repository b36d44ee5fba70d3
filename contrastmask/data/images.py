"""Image files of any kind to RGB pixels, at the size the annotations speak of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from contrastmask.errors import DataError

_EXIF_ORIENTATION = 0x0112


def read_image(path: str | Path, height: int, width: int) -> Tensor:
    """Decode an image.

    Grey, palette, RGBA and CMYK images become RGB, 16-bit ones are scaled to 8 bits, and an EXIF orientation is applied
    exactly where that gives the size that the annotations state (some tools wrote boxes for turned images, some not).

    Args:
        path: the file; the format is read from its content.
        height, width: as the annotation file states them.

    Returns:
        uint8 ``[3, height, width]``.

    Raises:
        DataError: missing, empty, truncated, no image, or of another size.
    """
    path = Path(path)
    try:
        with Image.open(path) as image:
            if image.size != (width, height) and image.getexif().get(_EXIF_ORIENTATION, 1) > 1:
                turned = ImageOps.exif_transpose(image)
                image = turned if turned.size == (width, height) else image
            if image.size != (width, height):
                raise DataError(
                    f"{path} has {image.width}x{image.height} pixels, its annotations say {width}x{height} (width x height)"
                )
            pixels = np.array(_eight_bit(image).convert("RGB"))
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such image file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not an image, {path.stat().st_size} bytes") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be decoded: {error}") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _eight_bit(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    # 16-bit greys: Pillow's own conversion would cut everything above 255
    values = np.asarray(image.convert("I")).astype(np.int64)
    return Image.fromarray((values.clip(0, 65535) // 257).astype(np.uint8))
