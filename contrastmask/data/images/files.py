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

from contrastmask.data.images.rules import OWN, PLAIN, ImageRules
from contrastmask.errors import DataError
from contrastmask.files.kinds import HEAD, no_file, what_it_is

ORIENTATION = 0x0112
SWAPS_SIDES = frozenset({5, 6, 7, 8})  # EXIF orientations; 1 to 4 leave height and width as they are
TURNING = frozenset(range(2, 9))  # 1 is upright
LOW = 2**13  # 16-bit files without a sample of at least this have used an eighth of their range
EXCHANGED = "width and height are exchanged"
TAKES_SIZES = "data.repair=true takes sizes from the pictures, unless the boxes lie as the file says"
DIM = (
    "16-bit image files whose greatest sample is below 8192 look almost black: data.bit_depth=12 (or 10, 14) tells how "
    "many bits they use, data.bit_depth=own makes each file's own maximum white"
)


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

    @property
    def is_deep(self) -> bool:
        """Whether its samples have 16 bits."""
        png = self.image.format == "PNG" and self.content[24:25] == b"\x10"  # of its header
        return png or self.image.mode.startswith("I")


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
        raise DataError(f"{path}: {what_it_is(content[:HEAD]) or _said(error)}") from error


def open_image(path: str | Path, size: tuple[int, int] | None, rules: ImageRules = PLAIN) -> ImageFile:
    """Open an image and compare its size before anything large is allocated.

    Args:
        size: height and width that the annotation file says; None: any, and the image as a viewer shows it.
        rules: whether the camera's orientation counts.

    Raises:
        DataError: the file is missing, empty, no image, too large for PIL, or of another size. The message begins with
            the path.
    """
    path = Path(path)
    with _file_errors(path):
        content = path.read_bytes()
    with image_errors(path, content):
        image = Image.open(BytesIO(content))
        return ImageFile(path, content, image, _needed_orientation(path, image, size, rules.exif))


def read_head(path: Path, size: tuple[int, int], rules: ImageRules = PLAIN) -> tuple[int | None, tuple[int, int]]:
    """The EXIF orientation, and width and height before it is applied, from a file's head: no pixel of a JPEG is read.

    Raises:
        DataError: as :func:`open_image`.
    """
    with _file_errors(path), path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        with image_errors(path, head):
            image = Image.open(file)
            _needed_orientation(path, image, size, rules.exif)
            return orientation_of(image), image.size


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """What keeps a file from being opened or read, as a DataError."""
    try:
        if instead := no_file(path):
            raise DataError(f"{path}: the file cannot be read: {instead}")
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: the image file does not exist") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the file cannot be read: {error}") from error


def orientation_of(image: Image.Image) -> int | None:
    """The EXIF orientation, 2 to 8; None where the image is upright or does not tell."""
    found = image.getexif().get(ORIENTATION)
    return found if found in TURNING else None


def _needed_orientation(path: Path, image: Image.Image, size: tuple[int, int] | None, exif: str) -> int | None:
    found = orientation_of(image)
    if size is None:
        return found
    height, width = size
    turned = (image.size[1], image.size[0]) if found in SWAPS_SIDES else image.size
    if exif == "apply" and turned == (width, height):
        return found
    if exif != "apply" and image.size == (width, height):
        return None
    if exif == "auto" and turned == (width, height):
        return found
    shown = turned if exif == "apply" else image.size
    why = "they belong to another version of the image"
    if shown == (height, width) and found not in SWAPS_SIDES:
        why = f"{EXCHANGED} in the annotation file; {TAKES_SIZES}"
    raise DataError(
        f"{path}: the image has {shown[0]}×{shown[1]} pixels (width × height), the annotations say "
        f"{width}×{height}; {why}" + (f" (data.exif={exif})" if exif != "auto" and found in SWAPS_SIDES else "")
    )


def rgb_by_pil(image: Image.Image, rules: ImageRules = PLAIN) -> tuple[np.ndarray, int | None]:
    """Decode by PIL to uint8 RGB [H, W, 3]; and the greatest sample of a file of more than 8 bits.

    Raises:
        ValueError: floating-point samples, more bits than 16 or than the rules say; and what PIL raises.
    """
    if image.mode == "F":
        raise ValueError("floating-point samples have no defined brightness; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        grey = np.asarray(image)
        if grey.size and not 0 <= grey.min() <= grey.max() <= 65535:
            raise ValueError("samples beyond 16 bits; save the image with 8 or 16 bits")
        return np.stack([to_8_bit(grey, rules)] * 3, axis=-1), int(grey.max(initial=0))
    return np.array(image.convert("RGB")), None


def to_8_bit(samples: np.ndarray, rules: ImageRules = PLAIN) -> np.ndarray:
    """0..2^bit_depth - 1 → 0..255, rounded; with "own" the greatest sample is 255.

    Raises:
        ValueError: a sample beyond `bit_depth`.
    """
    greatest = int(samples.max(initial=0))
    white = max(greatest, 1) if rules.bit_depth == OWN else 2 ** int(rules.bit_depth) - 1
    if greatest > white:
        raise ValueError(f"a sample of {greatest}, more than data.bit_depth={rules.bit_depth} allows ({white})")
    return ((samples.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own message shows where a buffer lies in memory
        return "it cannot be decoded as an image: no format that PIL knows, or its head is damaged"
    first = (str(error).splitlines() or [""])[0]
    return f"it cannot be decoded as an image ({type(error).__name__}: {first})"
