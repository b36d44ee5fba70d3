"""An image file up to its pixels, without torch: what it holds, its size beside the annotations', which way is up."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from contrastmask.data.file_content import what_it_is
from contrastmask.errors import DataError

ORIENTATION = 0x0112
SWAPS_SIDES = frozenset({5, 6, 7, 8})  # EXIF orientations; 1 to 4 leave height and width as they are


@dataclass(frozen=True)
class ImageFile:
    """A file whose header has been read and whose size fits.

    Attributes:
        content: the file's bytes. image: PIL's, not yet decoded.
        orientation: the EXIF orientation that has to be applied, None for none.
    """

    path: Path
    content: bytes
    image: Image.Image
    orientation: int | None

    @property
    def by_torchvision(self) -> bool:
        """Whether training decodes it by torchvision; PIL decodes all other formats."""
        return self.image.format in ("JPEG", "MPO", "PNG")


@contextmanager
def image_errors(path: Path, content: bytes) -> Iterator[None]:
    """Whatever a decoder stumbles over (OSError, SyntaxError, struct.error, RuntimeError, …) as a DataError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: {what_it_is(content[:64]) or _said(error)}") from error


def open_image(path: str | Path, height: int, width: int) -> ImageFile:
    """Open an image and compare its size before anything large is allocated.

    Args:
        height, width: the size that the annotation file says.

    Raises:
        DataError: the file is missing, empty, no image, too large for PIL, or of another size. The message begins with
            the path.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: the image file does not exist") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the file cannot be read: {error}") from error
    with image_errors(path, content):
        image = Image.open(BytesIO(content))
        return ImageFile(path, content, image, _needed_orientation(path, image, height, width))


def _needed_orientation(path: Path, image: Image.Image, height: int, width: int) -> int | None:
    if image.size == (width, height):
        return None
    orientation = image.getexif().get(ORIENTATION)
    if image.size == (height, width) and orientation in SWAPS_SIDES:
        return orientation
    raise DataError(
        f"{path}: the image has {image.size[0]}×{image.size[1]} pixels (width × height), the annotations say "
        f"{width}×{height}; they belong to another version of the image"
    )


def rgb_by_pil(image: Image.Image) -> np.ndarray:
    """Decode by PIL to uint8 RGB [H, W, 3].

    Raises:
        ValueError: floating-point samples, or more than 16 bits; and what PIL's decoders raise.
    """
    if image.mode == "F":
        raise ValueError("floating-point samples have no defined brightness; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        grey = np.asarray(image)
        if grey.size and not 0 <= grey.min() <= grey.max() <= 65535:
            raise ValueError("samples beyond 16 bits; save the image with 8 or 16 bits")
        return np.stack([to_8_bit(grey)] * 3, axis=-1)
    return np.array(image.convert("RGB"))


def to_8_bit(samples: np.ndarray) -> np.ndarray:
    """0..65535 → 0..255, rounded: 65535 = 257 · 255."""
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own message shows where a buffer lies in memory
        return "it cannot be decoded as an image: no format that PIL knows, or its head is damaged"
    first = (str(error).splitlines() or [""])[0]
    return f"it cannot be decoded as an image ({type(error).__name__}: {first})"
