"""Checked records kept on disk: a large annotation file is parsed and checked once.

The cache's file is named by a digest of the annotation file's bytes, of the settings that decide the result, and of the
code that computes it, so that an entry cannot be stale. It holds arrays and JSON, nothing that could run; its checksums
are verified on reading, and a damaged entry is made anew. Entries may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.file_content import require_folder
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category, Records
from contrastmask.data.report import Report
from contrastmask.data.segmentation.table import SegmentationTable
from contrastmask.errors import DataError
from contrastmask.files.checksums import damage
from contrastmask.files.whole_file import part_beside, remove_stale_parts

SMALLEST = 32 * 2**20  # bytes; a smaller file is read anew in the time that its entry would take
_ABOUT = "about"


def load_cached(
    path: str | Path,
    image_root: str | Path,
    reading: Reading = AS_IT_IS,
    *,
    folder: Path | None,
    smallest: int = SMALLEST,
) -> Records:
    """:func:`contrastmask.data.annotations.load.load_annotations`, from the cache where it has the very same content.

    Args:
        folder: of the cache; made where it is missing. None, or a folder that cannot be written: without keeping.
        smallest: bytes of the annotation file from which on the cache is used.

    Raises:
        DataError: as :func:`~contrastmask.data.annotations.load.load_annotations`.
    """
    path, image_root = Path(path), Path(image_root)
    if folder is None or not path.is_file() or path.stat().st_size < smallest:
        return load_annotations(path, image_root, reading)
    require_folder(image_root)
    entry = folder / f"{_key(path, reading)}.npz"
    try:
        return replace(_read(entry, path, image_root), image_rules=reading.image_rules)
    except Exception:  # what a damaged entry makes numpy and zipfile stumble over has no common base class
        records = load_annotations(path, image_root, reading)
    with contextlib.suppress(OSError):  # an entry saves time, its lack is no error
        _write(entry, records)
    return records


def _key(path: Path, reading: Reading) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([dataclasses.asdict(reading), _code()]).encode())
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 24):
                digest.update(part)
    except OSError as error:
        raise DataError(f"the annotation file {path} cannot be read: {error}") from error
    return digest.hexdigest()


@cache
def _code() -> str:
    """Digest of the modules of this wing: what any of them computes may decide what is kept."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(entry: Path, records: Records) -> None:
    arrays = {f"records.{name}": value for name, value in _arrays(records).items()}
    arrays |= {f"segmentations.{name}": value for name, value in _arrays(records.segmentations).items()}
    about = {
        "categories": [[category.id, category.name] for category in records.categories],
        "report": records.report.to_dict(),
    }
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    entry.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(entry)
    part = part_beside(entry)
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)
        os.replace(part, entry)
    finally:
        part.unlink(missing_ok=True)


def _read(entry: Path, path: Path, image_root: Path) -> Records:
    if broken := damage(entry):  # numpy reads no further than a header says, and so may miss a checksum
        raise ValueError(f"{entry}: {broken}")
    with np.load(entry, allow_pickle=False) as file:
        arrays = dict(file)
    about = json.loads(arrays[_ABOUT].tobytes())
    parts: dict[str, dict[str, np.ndarray]] = {"records": {}, "segmentations": {}}
    for key, value in arrays.items():
        if key != _ABOUT:
            part, name = key.split(".")
            parts[part][name] = value
    report = Report()
    report.restore(about["report"])
    try:
        return Records(
            path=path,
            image_root=image_root,
            categories=tuple(Category(number, name) for number, name in about["categories"]),
            segmentations=SegmentationTable(**parts["segmentations"]),
            report=report,
            **parts["records"],
        )
    except TypeError as error:
        raise ValueError(f"{entry}: {error}") from error


def _arrays(part: Records | SegmentationTable) -> dict[str, np.ndarray]:
    values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
