"""YOLO's segmentation labels, as Ultralytics reads them: a text file an image, a line an object.

A line is the class and one polygon in shares of the image's sides. It holds one part and no hole; what that loses is
counted. A line of a box would spoil the image's whole file: lines of boxes and of polygons must not stand together.
"""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction
from math import ceil
from pathlib import Path, PurePosixPath

import numpy as np

from contrastmask.data.images.places import parts_of
from contrastmask.errors import DataError
from contrastmask.files.whole_file import write_whole
from contrastmask.handover.account import NO_MASK, Account
from contrastmask.handover.options import ExportOptions
from contrastmask.handover.outline import outline_of
from contrastmask.handover.source import Object, Picture, Source

_PLACES = 6  # decimals: 0.1 px in an image of 100,000


def write_yolo(source: Source, folder: Path, options: ExportOptions, account: Account) -> None:
    """Write ``data.yaml``, ``labels/SUBSET/*.txt`` and, if asked for, ``images/SUBSET``.

    Raises:
        DataError: two images would have one label file; an image cannot be linked or copied.
    """
    subset, taken = options.yolo.subset, {}
    for picture in source.pictures():
        name = PurePosixPath(*parts_of(source.records.inner_name(picture.place)))
        stem = name.with_suffix("")
        if stem in taken:
            raise DataError(f"images {taken[stem]} and {picture.name} would share the labels {stem}.txt, as YOLO "
                            "leaves endings out; rename one of them")  # fmt: skip
        taken[stem] = picture.name
        if options.yolo.images != "none":
            _place(source.records.file_path(picture.place), folder / "images" / subset / name, options.yolo.images)
        lines = "".join(f"{line}\n" for line in _lines(picture, source, options, account))
        write_whole(folder / "labels" / subset / f"{stem}.txt", lines)
    write_whole(folder / "data.yaml", _data_yaml(source.records.class_names, subset))


def _lines(picture: Picture, source: Source, options: ExportOptions, account: Account) -> list[str]:
    lines = []
    for thing in picture.objects:
        if thing.crowd:
            account.leave(source.crowd, thing.id)
        elif thing.segmentation is None and options.yolo.without_mask == "leave_out":
            account.leave(NO_MASK, thing.id)
        else:
            lines.append(_line(thing, options, account))
            account.written += 1
    return lines


def _line(thing: Object, options: ExportOptions, account: Account) -> str:
    height, width = thing.size
    if thing.segmentation is None:
        x, y, w, h = thing.bbox
        points = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]).clip(0, [width, height])
        account.changed["boxes written as polygons"] += 1
    else:
        joined = options.yolo.parts == "joined"
        outline, loss = outline_of(thing, joined=joined), account.of_class(thing.name)
        points = outline.points
        loss.objects += 1
        loss.several_parts += outline.parts > 1 and not joined
        loss.holes += outline.holes > 0 and not joined
        loss.overlaps.append(outline.overlap)
    sides = (width, height)
    return " ".join([str(thing.label), *(_share(v, sides[i % 2]) for i, v in enumerate(points.ravel().tolist()))])


def _share(value: float, side: int) -> str:
    """A place as a share of its side, rounded up: readers cut the fraction of a pixel off, and 31.99999 would be 31."""
    scaled = ceil(Fraction(value) * 10**_PLACES / side)
    return f"{scaled / 10**_PLACES:.{_PLACES}f}".rstrip("0").rstrip(".")


def _place(image: Path, target: Path, how: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not image.is_file():
            raise DataError(f"{image}: the image file does not exist; yolo.images=none writes the labels alone")
        if how == "copy":
            shutil.copyfile(image, target)
        else:
            os.symlink(image, target)
    except OSError as error:
        way = "yolo.images=copy copies, " if how == "link" else ""
        raise DataError(f"{target} cannot be written ({error.strerror or error}); {way}yolo.images=none leaves images "
                        "out") from error  # fmt: skip


def _data_yaml(names: list[str], subset: str) -> str:
    # a JSON text is a YAML text, whatever a class is called
    classes = "".join(f"  {label}: {json.dumps(name, ensure_ascii=False)}\n" for label, name in enumerate(names))
    return (
        "# path: where this folder lies, if it is not found\n"
        f"train: images/{subset}\n"
        f"val: images/{subset}  # the same images: name others to judge a training by\n"
        f"names:\n{classes}"
    )
