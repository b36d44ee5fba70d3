"""A look at the heads of a file's images before work on them begins: whether they are there, and which are shown turned
by a viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from contrastmask.data.images.findings import Finding, add_kinds, glance_at, kinds_report
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import DataError

Kinds = dict[str, list[int]]  # kind of finding → image ids
_SHOWN = 3


def glances(glance: Callable[[int], Finding], images: Sequence[int]) -> list[Finding]:
    """What ``glance`` finds of each image, side by side: it waits for the disk."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(glance, images))


def look_ahead(
    records: Records, groups: Mapping[int, Sequence[int]], others: Iterable[int], file: Path
) -> dict[int, Kinds]:
    """The kinds of findings of every group of images.

    Args:
        groups: number → positions of images. others: of the images beside them, looked at where no image of the groups
            can be read. file: the annotation file, for the message.

    Raises:
        DataError: not one image can be read.
    """
    images = [image for group in groups.values() for image in group]
    found = dict(zip(images, glances(partial(glance_at, records), images), strict=True))
    problems = [finding.problem for finding in found.values() if finding.problem is not None]
    if images and len(problems) == len(images) and all(glance_at(records, image).problem for image in others):
        raise none_readable(file, problems)
    return {number: _kinds_of(records, group, found) for number, group in groups.items()}


def joined(kinds: Iterable[Kinds]) -> Report:
    """What was found of all groups."""
    ids: Kinds = {}
    for part in kinds:
        for kind, some in part.items():
            ids.setdefault(kind, []).extend(some)
    return kinds_report(ids)


def none_readable(file: Path | str, problems: Sequence[str]) -> DataError:
    """That no image can be read, with the first few reasons."""
    return DataError(
        f"no image that is asked for in {file} can be read, nothing is written. data.images=DIR names the folder that "
        "its file names begin in; data.strip_path=N (or auto) leaves the first N folders of every file name out",
        problems[:_SHOWN],
    )


def _kinds_of(records: Records, group: Sequence[int], found: Mapping[int, Finding]) -> Kinds:
    ids: Kinds = {}
    for image in group:
        size = int(records.heights[image]), int(records.widths[image])
        add_kinds(ids, found[image], int(records.image_ids[image]), size, records.image_rules)
    return ids
