"""Annotation files row by row, for tests of what happens to each kind of row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contrastmask.data.annotations.load import Records, load_annotations
from contrastmask.data.reading import Reading

H, W = 40, 50
TRIANGLE = [[10.0, 10.0, 30.0, 10.0, 10.0, 30.0]]
# The column-major run lengths of a 40 × 50 image whose columns 5 to 9 are a crowd.
CROWD = {"size": [H, W], "counts": [5 * H, 5 * H, 40 * H]}


def image(id_: Any = 1, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "file_name": f"{id_}.jpg", "height": H, "width": W, **changes}


def row(id_: Any = 1, **changes: Any) -> dict[str, Any]:
    """A sound annotation; a change to ... (Ellipsis) removes the key; the area is not over a box's given here."""
    sound = {"id": id_, "image_id": 1, "category_id": 18, "bbox": [10, 10, 20, 20], "area": 200.0, "iscrowd": 0}
    sound["area"] = min(200.0, _area_of(changes.get("bbox")))
    changed = {**sound, "segmentation": TRIANGLE, **changes}
    return {key: value for key, value in changed.items() if value is not ...}


def _area_of(bbox: Any) -> float:
    """Of a box of two positive sides; infinite for whatever else a test may have in its place."""
    sides = bbox[2:] if isinstance(bbox, list) and len(bbox) == 4 else []
    sound = [side for side in sides if isinstance(side, (int, float)) and 0 < side < 1e9]
    return float(sound[0] * sound[1]) if len(sound) == 2 else float("inf")


def content(annotations: list[Any], images: list[Any] | None = None, categories: list[Any] | None = None) -> dict:
    return {
        "images": images if images is not None else [image(1), image(2)],
        "annotations": annotations,
        "categories": categories
        or [{"id": 90, "name": "kite"}, {"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    }


def read(folder: Path, data: Any, **rules: Any) -> Records:
    """Write the file into the folder and load it by these rules of `Reading`; the images are meant to lie there."""
    (folder / "a.json").write_text(json.dumps(data))
    return load_annotations(folder / "a.json", folder, Reading(**rules))


def reasons(records: Records, outcome: str) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in records.report.to_dict()[outcome]}
