"""The image table of an annotation file."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.image_sizes import read_sizes
from contrastmask.data.annotations.keys import READS_TEXT, Keys, read_keys
from contrastmask.data.annotations.row_table import RowTable
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.images.places import kept_name, way_out
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import pack_names
from contrastmask.data.report import Report

# A side or an area over these is no photograph; the area is where PIL refuses to decode (twice MAX_IMAGE_PIXELS).
MAX_SIDE = 2**20
MAX_PIXELS = 178_956_970
# Most names are like this and need no closer look.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9]+")

NAMELESS = "without file_name"
ADDRESS = "coco_url"  # LVIS names its pictures by this alone
LOOKED_FOR = "neg_category_ids"
OTHERS = ("filename", "name", "path", "image", "url", "flickr_url")
URL = "whose file_name is a URL, not a path inside the image folder"
ABSOLUTE = "whose file_name is an absolute path, not one inside the image folder"
LEAVES = "whose file_name leaves the image folder ('..')"
ELSEWHERE = (URL, ABSOLUTE, LEAVES)  # the file itself may be there nevertheless
NOWHERE = "none of these files lies in {root}, with or without its folders: name the folder that holds them"


class ImageTable:
    """The images that can be used.

    Attributes:
        columns: the image columns of `Records`, in the file's order. keys: the ids of the whole list.
        ambiguous: int64, ids that several images share; none of these is in the columns.
    """

    def __init__(self, columns: dict[str, np.ndarray], keys: Keys, ambiguous: np.ndarray) -> None:
        self.columns, self.keys, self.ambiguous = columns, keys, ambiguous

    def ids_by_name(self) -> dict[str, int]:
        """`file_name` → id, of names that one image alone has."""
        blob, ends = self.columns["names"].tobytes(), self.columns["name_offsets"].tolist()
        names = [blob[i:j].decode("utf-8", "surrogateescape") for i, j in pairwise(ends)]
        told = Counter(names)
        return {n: i for n, i in zip(names, self.columns["image_ids"].tolist(), strict=True) if told[n] == 1}


def read_images(
    rows: list[Any],
    image_root: Path,
    faults: Report,
    report: Report,
    reading: Reading = AS_IT_IS,
    annotations: list[Any] | RowTable = (),
) -> ImageTable:
    """The images without the rows counted in `faults`; a repair takes sizes that the file lacks, or exchanges, from the
    pictures.

    Args:
        annotations: the file's, whose boxes tell whether a size is exchanged.
    """
    repair, rules = reading.repair, reading.image_rules
    sieve = Sieve(rows, "image", faults)
    keys = read_keys(sieve.column("id"), text=repair)
    sieve.ids, sieve.told = keys.ids, keys.ok & ~keys.as_text
    sieve.drop(~keys.ok, "without an integer id", "" if repair else READS_TEXT * sieve.has_text("id"))
    ambiguous = _settle_repeats(sieve, repair)
    texts = [f"row {i}" for i in np.flatnonzero(keys.as_text & sieve.alive).tolist()]
    report.add("repaired", "image", "id is text: read or replaced by a number", texts)
    names = _names(sieve, report)
    kept_names = names if rules.strip_path == 0 else [kept_name(n, rules) if type(n) is str else n for n in names]
    problems = np.array([name_problem(name) for name in kept_names], dtype=object)
    for problem in sorted(set(problems) - {None}):
        bad = problems == problem
        way = ""
        if rules.strip_path == 0 and problem in ELSEWHERE:
            way = way_out(image_root, *_texts(names, bad)) or NOWHERE.format(root=image_root)
        sieve.drop(bad, problem, _other_names(sieve, bad) if problem == NAMELESS else way)
    heights, widths = read_sizes(sieve, names, image_root, report, reading, keys, annotations)
    huge = np.maximum(heights, widths) > MAX_SIDE
    huge |= heights.clip(1, MAX_SIDE) * widths.clip(1, MAX_SIDE) > MAX_PIXELS
    sieve.drop(huge, f"of more than {MAX_PIXELS} pixels")
    kept = sieve.kept
    encoded = [names[i].encode("utf-8", "surrogateescape") for i in kept]
    blob, offsets = pack_names(encoded)
    columns = {
        "image_ids": sieve.ids[kept],
        "heights": heights[kept].astype(np.int32),
        "widths": widths[kept].astype(np.int32),
        "names": blob,
        "name_offsets": offsets,
    }
    return ImageTable(columns, keys, ambiguous)


def _names(sieve: Sieve, report: Report) -> list[Any]:
    """What names the pictures: `file_name`, or where a row has none the address that COCO gives it."""
    names = sieve.column("file_name")
    asked = [i for i, name in enumerate(names) if name is None and type(sieve.rows[i].get(ADDRESS)) is str]
    if asked:
        names = list(names)
        for i in asked:
            names[i] = sieve.rows[i][ADDRESS]
        report.add("noted", "image", f"without file_name: named by {ADDRESS}, as in LVIS", sieve.ids[asked])
    told = sieve.ids[[i for i, row in enumerate(sieve.rows) if row.get(LOOKED_FOR) is not None]]
    said = f"that tell which classes were looked for ({LOOKED_FOR}, as LVIS): the figures here are not LVIS's"
    report.add("noted", "image", said, told, remedy="what is found of a class that nobody looked for counts as wrong")
    return names


def _other_names(sieve: Sieve, bad: np.ndarray) -> str:
    """Where else the first nameless row may have its name."""
    row = sieve.rows[int(np.flatnonzero(bad & sieve.alive)[0])] if (bad & sieve.alive).any() else {}
    found = [key for key in OTHERS if type(row.get(key)) is str]
    return f"they have `{found[0]}`: name it `file_name`" if found else ""


def _texts(names: list[Any], bad: np.ndarray) -> tuple[list[str], list[str]]:
    """The names marked in bool [N], and the others; what is no text left out."""
    parts: tuple[list[str], list[str]] = ([], [])
    for name, is_bad in zip(names, bad.tolist(), strict=True):
        if type(name) is str:
            parts[0 if is_bad else 1].append(name)
    return parts


def _settle_repeats(sieve: Sieve, repair: bool) -> np.ndarray:
    """Drop rows whose id occurred before; with `repair` all of an id whose rows differ. These ids, int64."""
    again = sieve.duplicates(sieve.alive)
    if not again.any():
        return np.empty(0, dtype=np.int64)
    if not repair:
        own = "files that are merged need ids of their own"
        remedy = (
            f"{own}; data.repair=true keeps one of rows that are the same, and drops all images of an id whose rows "
            "differ, and their objects"
        )
        sieve.drop(again, "whose id occurred before", remedy)
        return np.empty(0, dtype=np.int64)
    shared = np.unique(sieve.ids[again])
    first: dict[int, Any] = {}
    differ: set[int] = set()
    for i in np.flatnonzero(sieve.alive & np.isin(sieve.ids, shared)).tolist():
        id_, row = int(sieve.ids[i]), sieve.rows[i]
        said = [row.get(key) for key in ("file_name", "height", "width")]
        if first.setdefault(id_, said) != said:
            differ.add(id_)
    ambiguous = np.array(sorted(differ), dtype=np.int64)
    remedy = "files that are merged need ids of their own"
    reason = "whose id several images share: nothing tells whose the objects are"
    sieve.drop(np.isin(sieve.ids, ambiguous), reason, remedy)
    sieve.drop(sieve.duplicates(sieve.alive), "listed twice")
    return ambiguous


def name_problem(name: Any) -> str | None:
    """Why a `file_name` cannot be a path inside the image folder, as far as its text tells; None if it can.

    Links on disk are `Records.file_path`'s affair.
    """
    if type(name) is str and PLAIN_NAME.fullmatch(name):
        return None
    if type(name) is not str or not name.strip():
        return NAMELESS
    if "\0" in name:
        return "whose file_name has a NUL character"
    if "://" in name or re.match(r"(data|file|https?):", name, re.IGNORECASE):
        return URL
    # A Windows path must not escape on Windows, nor be read as something else elsewhere.
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return ABSOLUTE
    if ".." in re.split(r"[/\\]", name):
        return LEAVES
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "whose file_name is not valid Unicode"
    return None
