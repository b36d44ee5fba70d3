"""What is wrong with an image file, told without torch as long as nothing is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from contrastmask.data.images.files import ImageFile, image_errors, open_image, rgb_by_pil
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.errors import DataError

_JPEG_END = b"\xff\xd9"


def image_problem(path: str | Path, height: int, width: int, rules: ImageRules = PLAIN) -> str | None:
    """The message of the DataError that `read_image` would raise for a file, or None.

    Every file is decoded by PIL. Where that fails on a format that training decodes by torchvision, training's own
    reader has the last word: torch is imported for broken files alone.

    Args:
        height, width: the size that the annotation file says.
    """
    try:
        file = open_image(path, (height, width), rules)
        with image_errors(file.path, file.content):
            if not file.by_torchvision:
                rgb_by_pil(file.image, rules)
            elif not _sound(file) or (rules.bit_depth != PLAIN.bit_depth and file.is_deep):
                from contrastmask.data.images.read import read_image

                read_image(path, height, width, rules)
    except DataError as error:
        return str(error)
    return None


def _sound(file: ImageFile) -> bool:
    try:
        if file.image.format == "PNG":
            Image.open(BytesIO(file.content)).verify()  # the checksums, which PIL passes over when it decodes
        elif not file.content.rstrip(b"\0").endswith(_JPEG_END):
            return False  # PIL does not mind where it has all rows, torchvision does
        else:
            # every byte is parsed, at an eighth of the size: the cost of all those pixels is saved
            file.image.draft("RGB", (file.image.width // 8, file.image.height // 8))
        file.image.load()
    except Exception:  # decoders raise whatever their parsers stumble over
        return False
    return True
