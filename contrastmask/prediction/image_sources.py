"""What `source=` may be: an image, a folder, a pattern or a COCO-format file; and a loader that survives bad files."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from contrastmask.data.annotations import load_annotations
from contrastmask.data.image_files import ORIENTATION, SWAPS_SIDES
from contrastmask.data.images import read_image
from contrastmask.errors import ConfigError, DataError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class SourceImage:
    """An image to predict on: its id in the results, its name below the output folder, its file."""

    id: int
    name: str
    path: Path
    size: tuple[int, int] | None  # height and width that an annotation file says


def find_images(source: str | Path, images: Path | None = None) -> tuple[list[SourceImage], dict[str, int] | None]:
    """The images of a source, and of a COCO-format file also its category ids by name.

    Args:
        source: an image file; a folder, searched with its sub-folders; a pattern such as ``"shots/*.jpg"`` (``**`` for
            any depth); or a COCO-format file ``*.json``, whose images lie below ``images``. Ids are the file's, else
            1, 2, … by name.

    Raises:
        ConfigError: nothing there, or no image in it.
        DataError: the COCO-format file cannot be used.
    """
    path = Path(source)
    if path.suffix == ".json":
        if images is None:
            raise ConfigError(f"source={source}: data.images=DIR is needed, the folder of its images")
        records = load_annotations(path, images)
        found = [
            SourceImage(int(records.image_ids[i]), records.file_name(i), records.file_path(i),
                        (int(records.heights[i]), int(records.widths[i])))
            for i in range(len(records.image_ids))
        ]  # fmt: skip
        return found, {category.name: category.id for category in records.categories}
    if path.is_dir():
        root, files = path, [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
    elif path.is_file():
        root, files = path.parent, [path]
    else:
        files = [p for p in map(Path, sorted(glob.glob(str(source), recursive=True))) if p.is_file()]
        root = Path(*_fixed_parts(path))
    if not files:
        known = ", ".join(sorted(SUFFIXES))
        raise ConfigError(f"source={source}: no such file, or no image in it ({known} are looked for in folders)")
    return [SourceImage(i, str(p.relative_to(root)), p, None) for i, p in enumerate(files, 1)], None


def _fixed_parts(pattern: Path) -> list[str]:
    """The leading folders of a pattern that hold no wildcard."""
    parts = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


class SourceDataset(Dataset):
    """``(index, uint8 [H, W, 3] RGB or None, None or what is wrong with the file)``."""

    def __init__(self, images: list[SourceImage]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[int, np.ndarray | None, str | None]:
        image = self.images[index]
        try:
            pixels = read_image(image.path, *(image.size or _size(image.path)))
        except DataError as error:
            return index, None, str(error)
        return index, pixels.permute(1, 2, 0).numpy(), None


def _size(path: Path) -> tuple[int, int]:
    """Height and width as a viewer shows the image, the camera's orientation applied where it swaps the sides."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            return (width, height) if image.getexif().get(ORIENTATION) in SWAPS_SIDES else (height, width)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: it cannot be opened as an image ({error})") from error
