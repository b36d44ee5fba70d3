"""What `source=` may be: an image, a folder, a pattern or a COCO-format file; and a loader that survives bad files."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from contrastmask.data.annotations.image_list import read_image_list
from contrastmask.data.images.findings import Finding, add_kinds, glance_at_file
from contrastmask.data.images.looking_ahead import Kinds, glances, joined, none_readable
from contrastmask.data.images.places import find_image
from contrastmask.data.images.read import read_image, view_image
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.report import Report
from contrastmask.errors import ConfigError, DataError
from contrastmask.files.absent import absent

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_BRACKETED = re.compile(r"\[[^/\\]*\]")


@dataclass(frozen=True)
class SourceImage:
    """An image to predict on: its id in the results, its name below the output folder, its file.

    Attributes:
        size: height and width that an annotation file says; None: the image counts as a viewer shows it.
        problem: why its file cannot be found, None where it can.
    """

    id: int
    name: str
    path: Path
    size: tuple[int, int] | None
    problem: str | None = None


def find_images(
    source: str | Path, images: Path | None = None, *, output: Path | None = None, rules: ImageRules = PLAIN
) -> tuple[list[SourceImage], dict[str, int] | None]:
    """The images of a source, and of a COCO-format file also its category ids by name.

    Args:
        source: an image file; a folder, searched with its sub-folders; a pattern such as ``"shots/*.jpg"`` (``**`` for
            any depth), whose brackets may also be part of a name that exists; or a COCO-format file ``*.json``, with or
            without annotations, whose images lie below ``images``. Hidden files and folders are left out. Ids are the
            file's, else 1, 2, … by name.
        output: a folder of results, which is no source.

    Raises:
        ConfigError: nothing there, or no image in it.
        DataError: the COCO-format file cannot be used.
    """
    path = Path(source)
    if path.suffix == ".json" and not path.is_dir():
        return _of_file(path, images, rules)
    if path.is_dir():
        root, files = path, sorted(path.rglob("*"))
    elif path.is_file():
        return [SourceImage(1, path.name, path, None)], None
    else:
        pattern = _with_literal_brackets(str(source))
        root, files = Path(*_fixed_parts(Path(pattern))), sorted(map(Path, glob.glob(pattern, recursive=True)))
    taken = None if output is None else output.resolve()
    inside = taken is not None and (root.resolve() == taken or taken in root.resolve().parents)
    files = [
        p
        for p in files
        if p.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in p.relative_to(root).parts)
        and p.is_file()  # first: a link that leads to itself leads nowhere
        and (taken is None or inside or taken not in p.resolve().parents)
    ]
    if not files:
        known = ", ".join(sorted(SUFFIXES))
        gone = None if path.is_dir() else absent("the source", root if glob.has_magic(pattern) else path, folder=None)
        raise ConfigError(gone or f"source={source}: no image there ({known} are looked for)")
    return [SourceImage(i, str(p.relative_to(root)), p, None) for i, p in enumerate(files, 1)], None


def _of_file(path: Path, images: Path | None, rules: ImageRules) -> tuple[list[SourceImage], dict[str, int] | None]:
    if images is None:
        raise ConfigError(f"source={path}: data.images=DIR is needed, the folder of its images")
    listed, categories = read_image_list(path, images, rules)
    found = []
    for image in listed:
        try:
            where, name = find_image(images, image.file_name, rules)
            found.append(SourceImage(image.id, name, where, image.size))
        except DataError as error:
            found.append(SourceImage(image.id, image.file_name, images, image.size, f"image {image.id}: {error}"))
    return found, {category.name: category.id for category in categories} or None


def pictures_of(images: list[SourceImage], rules: ImageRules, source: str) -> Report:
    """What the heads of the images tell whose size an annotation file says.

    Raises:
        DataError: none of all can be read.
    """
    sized = [image for image in images if image.size is not None]
    found = glances(lambda n: _glance(sized[n], rules), range(len(sized)))
    problems = [finding.problem for finding in found if finding.problem is not None]
    if sized and len(problems) == len(images):
        raise none_readable(source, problems)
    kinds: Kinds = {}
    for image, finding in zip(sized, found, strict=True):
        add_kinds(kinds, finding, image.id, image.size, rules)
    return joined([kinds])


def _glance(image: SourceImage, rules: ImageRules) -> Finding:
    return Finding(image.problem) if image.problem else glance_at_file(image.path, image.size, rules)


def _with_literal_brackets(pattern: str) -> str:
    """The pattern with brackets escaped in every leading folder that exists by that very name: "shots[1]/*.jpg"."""
    path, parts = Path(pattern), []
    for part in path.parts:
        literal = Path(*map(_unescaped, parts), part)
        parts.append(glob.escape(part) if _BRACKETED.search(part) and literal.exists() else part)
    return str(Path(*parts)) if parts else pattern


def _unescaped(part: str) -> str:
    return re.sub(r"\[([*?[])\]", r"\1", part)


def _fixed_parts(pattern: Path) -> list[str]:
    """The leading folders of a pattern that hold no wildcard."""
    parts = []
    for part in pattern.parts[:-1]:
        plain = _unescaped(part)
        if glob.has_magic(part) and glob.escape(plain) != part:
            break
        parts.append(plain)
    return parts


class SourceDataset(Dataset):
    """``(index, uint8 [H, W, 3] RGB or None, None or what is wrong with the file)``.

    An image of a COCO-format file is read as training reads it, in the frame of the file's boxes; any other as a viewer
    shows it, turned and mirrored as its EXIF says.
    """

    def __init__(self, images: list[SourceImage], rules: ImageRules = PLAIN) -> None:
        self.images, self.rules = images, rules

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[int, np.ndarray | None, str | None]:
        image = self.images[index]
        if image.problem is not None:
            return index, None, image.problem
        try:
            if image.size is None:
                pixels = view_image(image.path, self.rules)
            else:
                pixels = read_image(image.path, *image.size, self.rules)
        except DataError as error:
            return index, None, str(error)
        return index, pixels.permute(1, 2, 0).numpy(), None
