"""What the image files of a data set are like, beyond being usable: found how, turned, dark. Without torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from contrastmask.data.images.files import LOW, SWAPS_SIDES, orientation_of, read_head
from contrastmask.data.images.problem import image_problem
from contrastmask.data.images.rules import ImageRules
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import DataError

_DEEP_PNG = b"\x10"  # bits a sample, in byte 24 of the file


@dataclass(frozen=True)
class Finding:
    """What was found of one image.

    Attributes:
        problem: why it cannot be used, None where it can.
        inner: its name inside the image folder, where that is another than the annotation file's.
        orientation: that EXIF tells, 2 to 8, or None; stored: width and height before it is applied.
        greatest: sample of a file of more than 8 bits, or None. clear: whether a pixel is not opaque.
    """

    problem: str | None
    inner: str | None = None
    orientation: int | None = None
    stored: tuple[int, int] = (0, 0)
    greatest: int | None = None
    clear: bool = False


def look_at(records: Records, image: int) -> Finding:
    """Find and decode one image as training would."""
    try:
        path, inner = records.file_path(image), records.inner_name(image)
    except DataError as error:
        return Finding(str(error))
    height, width = int(records.heights[image]), int(records.widths[image])
    if problem := image_problem(path, height, width, records.image_rules):
        return Finding(problem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as file:
            return Finding(
                None,
                None if inner == records.file_name(image) else inner,
                orientation_of(file),
                file.size,
                _greatest(path, file),
                _is_clear(file),
            )


def glance_at(records: Records, image: int) -> Finding:
    """What the head of one image's file tells; its pixels may still be damaged, and are not known to be dark."""
    try:
        path, inner = records.file_path(image), records.inner_name(image)
    except DataError as error:
        return Finding(str(error))
    name = None if inner == records.file_name(image) else inner
    return glance_at_file(path, (int(records.heights[image]), int(records.widths[image])), records.image_rules, name)


def glance_at_file(path: Path, size: tuple[int, int], rules: ImageRules, inner: str | None = None) -> Finding:
    """:func:`glance_at` of a file; ``size``: height and width that the annotation file says."""
    try:
        return Finding(None, inner, *read_head(path, size, rules))
    except DataError as error:
        return Finding(str(error))


def _greatest(path: Path, image: Image.Image) -> int | None:
    if image.mode.startswith("I"):
        return int(np.asarray(image).max(initial=0))
    with path.open("rb") as file:
        if image.format != "PNG" or file.read(25)[24:] != _DEEP_PNG:
            return None
    # PIL keeps the upper eight bits of colours
    return int(np.asarray(image).max(initial=0)) * 256 + 255


def _is_clear(image: Image.Image) -> bool:
    if image.mode.startswith(("I", "F")) or not image.has_transparency_data:
        return False
    return image.convert("RGBA").getchannel("A").getextrema()[0] < 255


def findings_report(records: Records, findings: Iterable[Finding]) -> Report:
    """Counts of what was found of every image, each with the way out."""
    ids, highest = {}, 0
    for image, finding in enumerate(findings):
        size = int(records.heights[image]), int(records.widths[image])
        add_kinds(ids, finding, int(records.image_ids[image]), size, records.image_rules)
        if finding.problem is None and finding.greatest is not None and finding.greatest < LOW:
            highest = max(highest, finding.greatest)
    return kinds_report(ids, highest)


def kinds_report(ids: Mapping[str, Sequence[int]], highest: int = 0) -> Report:
    """Counts by kind of finding (see :func:`add_kinds`); ``highest``: sample of the dark ones."""
    report, bits = Report(), max(9, highest.bit_length())
    for kind, (outcome, reason, remedy) in _SAID.items():
        report.add(outcome, "image", reason.format(highest=highest, bits=bits), ids.get(kind, ()),
                   remedy=remedy.format(bits=bits))  # fmt: skip
    return report


def add_kinds(ids: dict[str, list[int]], finding: Finding, id_: int, size: tuple[int, int], rules: ImageRules) -> None:
    """List an image under every kind of finding that it is; one that cannot be used under none.

    Args:
        ids: kind → image ids, added to. id_: of the image. size: height and width that the annotation file says.
    """
    for kind in () if finding.problem is not None else _kinds(finding, size, rules):
        ids.setdefault(kind, []).append(id_)


def _kinds(finding: Finding, size: tuple[int, int], rules: ImageRules) -> Iterable[str]:
    if finding.inner is not None:
        yield "found"
    if finding.greatest is not None and finding.greatest < LOW and rules.bit_depth == 16:
        yield "dark"
    if finding.clear:
        yield "clear"
    if finding.orientation is None:
        return
    swapped = finding.orientation in SWAPS_SIDES and finding.stored[0] != finding.stored[1]
    applied = rules.exif == "apply" or (swapped and finding.stored != (size[1], size[0]))
    if applied:
        yield "turned"
    elif rules.exif == "ignore":
        yield "left"
    else:
        yield "raw" if swapped else "untold"


# kind: outcome, reason, remedy
_SAID = {
    "dark": (
        "warning",
        "whose 16-bit samples are {highest} at most ({bits} bits): read as almost black",
        "data.bit_depth={bits} reads them at their brightness, data.bit_depth=own makes each file's own maximum white",
    ),
    "raw": (
        "warning",
        "that a viewer turns (EXIF) while the annotation file has the size before turning: read as stored",
        "right if the objects were drawn on the stored pixels; if on what a viewer shows, data.exif=apply",
    ),
    "untold": (
        "warning",
        "that a viewer mirrors or turns (EXIF) without another size: read as stored",
        "if the objects were drawn on what a viewer shows, data.exif=apply; if on the stored pixels, data.exif=ignore",
    ),
    "turned": ("noted", "turned as EXIF says", ""),
    "left": ("noted", "that a viewer turns or mirrors (EXIF): read as stored, data.exif=ignore", ""),
    "clear": (
        "noted",
        "with transparent pixels: read as if they were opaque, in the colours that the file has there",
        "a viewer shows its background instead; if that is what is meant, save them without transparency",
    ),
    "found": (
        "noted",
        "that were found though file_name differs from the file's own name in separators, capitals, Unicode or folders",
        "",
    ),
}
