"""A fault that nearly all image files of an annotation file have in common: said once, with the way out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contrastmask.data.annotations.whole_fault import AGREE
from contrastmask.data.images.files import EXCHANGED, TAKES_SIZES
from contrastmask.data.images.findings import Finding
from contrastmask.data.images.picture_size import picture_sizes
from contrastmask.data.images.places import way_out
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import DataError


@dataclass(frozen=True)
class CommonFault:
    """One reason for which nearly all images cannot be used.

    Attributes:
        images: positions of those that have it. line: how many, the reason, the first ids and the way out.
        way: out of it. of_sizes: whether what was found of boxes and masks follows from it.
    """

    images: frozenset[int]
    line: str
    way: str
    of_sizes: bool


def nearly_all_lost(number: int, among: int) -> bool:
    """Whether so many images of so many that cannot be used are all, or nearly all."""
    return number > 0 and number >= AGREE * among


def common_fault(records: Records, findings: Sequence[Finding]) -> CommonFault | None:
    """What is wrong with nearly all images, one finding each; None where there is no such fault, or no way out."""
    names = [records.file_name(image) for image in range(len(findings))]
    bad = [image for image, finding in enumerate(findings) if finding.problem]
    if not nearly_all_lost(len(bad), len(names)):
        return None
    gone = [image for image in bad if not _is_there(records, image)]
    if nearly_all_lost(len(gone), len(names)) and records.image_rules.strip_path == 0:
        missing = set(gone)
        others = [name for image, name in enumerate(names) if image not in missing]
        if way := way_out(records.image_root, [names[image] for image in gone], others):
            return _said(records, gone, "whose files are not where `file_name` says", way, of_sizes=False)
    sizes = picture_sizes([(records.image_root, names[image]) for image in bad], records.image_rules)
    exchanged = [
        image
        for image, size in zip(bad, sizes, strict=True)
        if size is not None and size.exchanges(int(records.heights[image]), int(records.widths[image]))
    ]
    if nearly_all_lost(len(exchanged), len(names)):
        return _said(records, exchanged, f"whose {EXCHANGED} in the annotation file", TAKES_SIZES, of_sizes=True)
    return None


def _is_there(records: Records, image: int) -> bool:
    try:
        return records.file_path(image).is_file()
    except DataError:
        return False


def _said(records: Records, images: list[int], reason: str, way: str, *, of_sizes: bool) -> CommonFault:
    report = Report()
    report.add("warning", "image", reason, records.image_ids[images], remedy=way)
    [line] = report.lines()
    return CommonFault(frozenset(images), line.partition(": ")[2], way, of_sizes)
