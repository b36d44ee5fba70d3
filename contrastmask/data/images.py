"""One way to read an image file: whatever it holds, 8-bit RGB of the size that the annotations say, or a DataError."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from contrastmask.data.file_content import what_it_is
from contrastmask.errors import DataError

ORIENTATION = 0x0112
# How EXIF asks to show pixels whose sides are swapped; orientations 1 to 4 leave height and width as they are.
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
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: the image file does not exist") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the file cannot be read: {error}") from error
    try:
        # Opening reads the header alone: the size is compared before anything large is allocated.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(content))
            turn = _needed_turn(path, image, height, width)
            pixels = _with_torchvision(content) if image.format in ("JPEG", "MPO", "PNG") else _with_pil(image)
    except DataError:
        raise
    # Decoders raise whatever their parsers stumble over (OSError, SyntaxError, struct.error, RuntimeError, …).
    except Exception as error:
        raise DataError(f"{path}: {what_it_is(content[:64]) or _said(error)}") from error
    if turn is not None:
        pixels = turn(pixels)
    if tuple(pixels.shape) != (3, height, width):
        raise DataError(f"{path}: decoded to {tuple(pixels.shape)}, expected {(3, height, width)}")
    return pixels.contiguous()


def _needed_turn(path: Path, image: Image.Image, height: int, width: int) -> Callable[[Tensor], Tensor] | None:
    if image.size == (width, height):
        return None
    orientation = image.getexif().get(ORIENTATION)
    if image.size == (height, width) and orientation in TURNS:
        return TURNS[orientation]
    raise DataError(
        f"{path}: the image has {image.size[0]}×{image.size[1]} pixels (width × height), the annotations say "
        f"{width}×{height}; they belong to another version of the image"
    )


def _with_torchvision(content: bytes) -> Tensor:
    pixels = decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return _to_8_bit(pixels.numpy()) if pixels.dtype == torch.uint16 else pixels


def _with_pil(image: Image.Image) -> Tensor:
    if image.mode == "F":
        raise ValueError("floating-point samples have no defined brightness; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        grey = np.asarray(image)
        if grey.size and not 0 <= grey.min() <= grey.max() <= 65535:
            raise ValueError("samples beyond 16 bits; save the image with 8 or 16 bits")
        return _to_8_bit(np.stack([grey] * 3))
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def _to_8_bit(samples: np.ndarray) -> Tensor:
    """0..65535 → 0..255, rounded: 65535 = 257 · 255."""
    return torch.from_numpy(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _said(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"it cannot be decoded as an image ({type(error).__name__}: {first})"
