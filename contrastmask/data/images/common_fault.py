"""A fault that nearly all image files of an annotation file have in common: said once, with the way out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import isfile
from pathlib import PurePosixPath

from contrastmask.data.annotations.whole_fault import AGREE
from contrastmask.data.images.files import EXCHANGED, TAKES_SIZES
from contrastmask.data.images.findings import Finding
from contrastmask.data.images.other_sizes import said_of_sizes
from contrastmask.data.images.picture_size import picture_sizes
from contrastmask.data.images.places import of_other_ending, way_out
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import DataError


@dataclass(frozen=True)
class CommonFault:
    """One reason for which nearly all images cannot be used.

    Attributes:
        images: positions of those that have it. line: how many, the reason, the first ids and the way out.
        way: out of it, empty where nothing tells one.
        of_sizes: whether what was found of boxes and masks follows from it.
    """

    images: frozenset[int]
    line: str
    way: str
    of_sizes: bool


def nearly_all_lost(number: int, among: int) -> bool:
    """Whether so many images of so many that cannot be used are all, or nearly all."""
    return number > 0 and number >= AGREE * among


def common_fault(records: Records, findings: Sequence[Finding]) -> CommonFault | None:
    """What is wrong with nearly all images, one finding each; None where there is no such fault."""
    names = [records.file_name(image) for image in range(len(findings))]
    bad = [image for image, finding in enumerate(findings) if finding.problem]
    if not nearly_all_lost(len(bad), len(names)):
        return None
    gone = [image for image in bad if not _is_there(records, image)]
    if nearly_all_lost(len(gone), len(names)) and (fault := _missing(records, gone, names)):
        return fault
    sizes = picture_sizes([(records.image_root, names[image]) for image in bad], records.image_rules)
    exchanged = [
        image
        for image, size in zip(bad, sizes, strict=True)
        if size is not None and size.exchanges(int(records.heights[image]), int(records.widths[image]))
    ]
    if nearly_all_lost(len(exchanged), len(names)):
        return _said(records, exchanged, f"whose {EXCHANGED} in the annotation file", TAKES_SIZES, of_sizes=True)
    said = [(int(records.heights[image]), int(records.widths[image])) for image in bad]
    for places, reason, way in said_of_sizes(sizes, said):
        if nearly_all_lost(len(places), len(names)):
            return _said(records, [bad[place] for place in places], reason, way, of_sizes=False)
    return None


def _missing(records: Records, gone: list[int], names: list[str]) -> CommonFault | None:
    missing = set(gone)
    others = [name for image, name in enumerate(names) if image not in missing]
    wanted = [names[image] for image in gone]
    if records.image_rules.strip_path == 0 and (way := way_out(records.image_root, wanted, others)):
        return _said(records, gone, "whose files are not where `file_name` says", way, of_sizes=False)
    beside = {image: found for image in gone if (found := of_other_ending(records.image_root, names[image]))}
    if nearly_all_lost(len(beside), len(names)):
        endings = _endings(beside.values())
        reason = (
            f"whose file_name ends in {_endings(names[image] for image in beside)} and the file beside in {endings}"
        )
        way = f"if these are the pictures, every `file_name` needs its file's ending ({endings})"
        return _said(records, list(beside), reason, way, of_sizes=False)
    nowhere = [image for image in gone if _is_nowhere(records, image)]
    if len(nowhere) == 1 or not nearly_all_lost(len(nowhere), len(names)):
        return None
    first = ", ".join([*(repr(names[image]) for image in nowhere[:3]), *["…"] * (len(nowhere) > 3)])
    return _said(records, nowhere, f"whose files are not in {records.image_root}: {first}", "", of_sizes=False)


def _is_nowhere(records: Records, image: int) -> bool:
    """Whether nothing has its name, and nothing, such as a link that leads out of the folder, tells why."""
    try:
        return not records.file_path(image).exists()
    except DataError:
        return False


def _endings(names: Iterable[str]) -> str:
    return " or ".join(sorted({PurePosixPath(name).suffix or "no ending" for name in names}))


def _is_there(records: Records, image: int) -> bool:
    try:
        return records.file_path(image).is_file()
    except DataError:
        return isfile(records.image_root / records.file_name(image))  # a link that leads out of the folder


def _said(records: Records, images: list[int], reason: str, way: str, *, of_sizes: bool) -> CommonFault:
    report = Report()
    report.add("warning", "image", reason, records.image_ids[images], remedy=way)
    [line] = report.lines()
    return CommonFault(frozenset(images), line.partition(": ")[2], way, of_sizes)
