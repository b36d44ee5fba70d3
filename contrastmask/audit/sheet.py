"""The sheet: one HTML file that loads nothing; the likeliest wrong masks, the file's outline beside the model's."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from PIL import Image

from contrastmask.audit.verdicts import Verdict
from contrastmask.completion.polygons import parts_of_runs
from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.errors import DataError

_AROUND, _LEAST = 1.6, 64  # what is shown, in longer sides of the box, and at least so many pixels
_SIDE = 320  # px of a picture's longer side


def sheet(records: Records, verdicts: list[Verdict], shown: int, name: str) -> str:
    """The page of the first ``shown`` verdicts; every text of the file is escaped, whatever it holds.

    Args:
        name: of the file that was audited.
    """
    environment = Environment(
        # the report's style, so that all pages of this program look alike
        loader=ChoiceLoader([PackageLoader("contrastmask.audit"), PackageLoader("contrastmask.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    objects = [_object(records, verdict) for verdict in verdicts[:shown]]
    return environment.get_template("sheet.html").render(name=name, judged=len(verdicts), objects=objects)


def _object(records: Records, verdict: Verdict) -> dict[str, Any]:
    a = verdict.position
    image = records.image_of(a)
    window = _window(records, a, image)
    return {
        "id": int(records.ann_ids[a]),
        "class_name": records.class_names[records.labels[a]],
        "image": records.file_name(image),
        "suspicion": verdict.suspicion,
        "reason": verdict.reason,
        "overlap": verdict.overlap,
        "window": window,
        "box": [round(v, 1) for v in records.boxes[a].astype(float).tolist()],
        "picture": _picture(records, image, window),
        "own": _path(records.segmentation(a)),
        "model": _path(verdict.model),
    }


def _window(records: Records, a: int, image: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is shown, in pixels of the image and inside it."""
    box = records.boxes[a].astype(np.float64)
    limits = np.array([records.widths[image], records.heights[image]], dtype=np.float64)
    side = np.minimum(max(_AROUND * (box[2:] - box[:2]).max(), _LEAST), limits)
    start = np.clip((box[:2] + box[2:] - side) / 2, 0, limits - side)
    left, top = np.floor(start).astype(int).tolist()
    right, bottom = np.ceil(start + side).astype(int).tolist()
    return left, top, min(right, int(limits[0])) - left, min(bottom, int(limits[1])) - top


def _picture(records: Records, image: int, window: tuple[int, int, int, int]) -> str | None:
    """A ``data:`` address; None where the image cannot be read."""
    left, top, width, height = window
    try:
        pixels = read_image_of(records, image)[:, top : top + height, left : left + width]
    except DataError:
        return None
    picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    picture.thumbnail((_SIDE * 2, _SIDE * 2))
    file = BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _path(segmentation: list[list[float]] | dict[str, Any]) -> str:
    """SVG path data in pixels of the image."""
    if isinstance(segmentation, dict):
        polygons = [ring for part in parts_of_runs(segmentation) for ring in part]
    else:
        polygons = segmentation
    return "".join("M" + " ".join(f"{round(value, 1):g}" for value in polygon) + "Z" for polygon in polygons)
