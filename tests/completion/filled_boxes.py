"""A predictor without a model, and files to complete with it: what is written does not depend on how good a mask is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from rich.console import Console
from torch import Tensor

from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.batches.transforms import TestTransform
from contrastmask.errors import ContrastMaskError
from tests.data.coco_rows import H, W

QUIET = Console(quiet=True)


class FilledBoxes:
    """Gives every box a mask that fills its lower right pixels, all of them with the same confidence."""

    def __init__(self, path: Path, sure: float = 0.9, names: Sequence[str] = ("person", "dog", "kite")) -> None:
        self.path, self.class_names, self.sure = path, list(names), sure
        self.transform = self.given_transform = TestTransform(H, W)
        self.precision, self.device = "fp32", torch.device("cpu")
        self.training_file, self.base = None, None
        self.finds_boxes, self.any_class, self.crops, self.tta, self.calls = True, False, None, "none", 0

    def begin_resized(self, *args: Any, **more: Any) -> Callable[[], list[dict[str, Any]]]:
        found = self.masks_of(*args, **more)
        return lambda: found

    def masks_of(
        self, images: Sequence[Tensor], sizes: Sequence[tuple[int, int]], boxes: Sequence[Tensor], labels: Any, **_: Any
    ) -> list[dict[str, Any]]:
        self.calls += 1
        found = []
        for image, (height, width), each in zip(images, sizes, boxes, strict=True):
            rles = []
            for x0, y0, x1, y1 in (each * width / image.shape[-1]).tolist():
                mask = np.zeros((height, width), dtype=np.uint8, order="F")
                mask[int(y0 + 1) : round(y1), int(x0 + 1) : round(x1)] = 1
                rle = coco_mask.encode(mask)
                rles.append({**rle, "counts": rle["counts"].decode()})
            found.append({"rles": rles, "confidence": np.full(len(each), self.sure, dtype=np.float32)})
        return found


def run(
    folder: Path, data: Any, sure: float = 0.9, *, late: bool = False, **choices: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write ``data`` and blank pictures, complete it; the summary and the completed content.

    An error is raised before any work is done, unless it is a ``late`` one.
    """
    for picture in data["images"]:
        if isinstance(picture, dict) and isinstance(picture.get("file_name"), str):
            size = picture.get("width"), picture.get("height")
            if size == (W, H) and re.fullmatch(r"\w+\.jpg", picture["file_name"]):
                Image.new("RGB", size).save(folder / picture["file_name"])
    (folder / "in.json").write_text(json.dumps(data))
    (folder / "model").write_text("")
    options = CompletionOptions(folder / "in.json", folder, folder / "out.json", **{"overwrite": True, **choices})
    predictor = FilledBoxes(folder / "model", sure)
    try:
        summary = complete(options, predictor, QUIET)  # type: ignore[arg-type]
    except ContrastMaskError:
        assert late or predictor.calls == 0
        raise
    assert summary == json.loads((folder / "out.summary.json").read_text())
    assert summary["rows"] == len(data["annotations"])
    assert summary["rows"] == (
        summary["completed"] + sum(summary["kept"].values()) + sum(map(len, summary["left"].values()))
    )
    return summary, json.loads((folder / "out.json").read_text())
