"""COCO evaluation of a validation set's size: base, novel, all and per class in one pass, beside pycocotools.

``python -m benchmarks.evaluation [images=5000] [detections=100] [peer_images=500]``

Generated: 7 objects an image of 80 classes as blobs of 24 corners; three shifted copies of each object among the
detections, the rest blobs elsewhere. The peer does the same work on the first ``peer_images`` images, where we are
timed too: pycocotools knows no groups, but its one evaluation holds all classes, from which the same figures are read.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.harness import arguments, hardware, interleaved, peak_mib, report, seconds
from contrastmask.data.splits import Split
from contrastmask.evaluation.slices import evaluate
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth

SIZE, CLASSES, OBJECTS, CORNERS = (480, 640), 80, 7, 24


def blobs(rng: np.random.Generator, count: int) -> np.ndarray:
    """Corners ``[count, CORNERS, 2]`` of closed outlines somewhere in the image, xy."""
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = np.exp(rng.uniform(np.log(8), np.log(150), (count, 1))) * rng.uniform(0.7, 1.0, (count, CORNERS))
    centre = rng.uniform(0, 1, (count, 1, 2)) * SIZE[::-1]
    corners = centre + radius[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return np.clip(corners, 0, SIZE[::-1])


def generate(images: int, detections: int, folder: Path) -> tuple[Truth, list[dict[str, Any]]]:
    """An annotation file, read, and predictions for it."""
    rng = np.random.default_rng(0)
    annotations, predictions = [], []
    for image_id in range(1, images + 1):
        truth, labels = blobs(rng, OBJECTS), rng.integers(CLASSES, size=OBJECTS)
        for outline, label in zip(truth, labels, strict=True):
            low, high = outline.min(0), outline.max(0)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": int(label) + 1, "iscrowd": 0,
                "bbox": [*low.tolist(), *(high - low).tolist()], "area": float(np.prod(high - low)) * 0.7,
                "segmentation": [outline.round(1).ravel().tolist()],
            })  # fmt: skip
        near = np.concatenate([truth + rng.normal(0, 4, (OBJECTS, 1, 2)) for _ in range(3)])
        found = np.clip(np.concatenate([near, blobs(rng, max(detections - len(near), 0))])[:detections], 0, SIZE[::-1])
        chosen = np.concatenate([np.tile(labels, 3), rng.integers(CLASSES, size=len(found))])[: len(found)]
        predictions.append({
            "image_id": image_id, "scores": rng.uniform(0.05, 1, len(found)), "labels": chosen,
            "boxes": np.concatenate([found.min(1), found.max(1)], axis=1),
            "rles": coco_mask.frPyObjects([f.ravel().tolist() for f in found], *SIZE),
        })  # fmt: skip
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "height": SIZE[0], "width": SIZE[1]} for i in range(1, images + 1)
        ],
        "categories": [{"id": k + 1, "name": f"class {k}"} for k in range(CLASSES)],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(content))
    return read_truth(folder / "truth.json"), predictions


def main(argv: list[str]) -> None:
    """Time the whole set once (it takes long), then ours and pycocotools on a part of it, in turns."""
    options = arguments(argv, images="5000", detections="100", peer_images="500", out="outputs/benchmarks")
    with tempfile.TemporaryDirectory() as folder:
        truth, predictions = generate(int(options["images"]), int(options["detections"]), Path(folder))
    split = Split("own", tuple(truth.class_names), tuple(range(20)), tuple(range(20, CLASSES)))
    start = peak_mib()
    whole = seconds(lambda: evaluate(truth, predictions, split))
    rows: list[dict[str, Any]] = [
        {
            "images": len(predictions),
            "ours, s": whole,
            "peak, MiB": peak_mib(),
            "of it before, MiB": start,
        }
    ]
    part = predictions[: int(options["peer_images"])]
    seen = [prediction["image_id"] for prediction in part]
    results = {}

    def run(backend: str) -> None:
        results[backend] = evaluate(truth, part, split, image_ids=seen, backend=backend)

    times = interleaved({"ours, s": lambda: run("faster"), "pycocotools, s": lambda: run("pycocotools")})
    ours, theirs = (list(_figures(results[b])) for b in ("faster", "pycocotools"))
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    ratio = times["pycocotools, s"] / times["ours, s"]
    rows.append({"images": len(part), **times, "ratio": ratio, "figures apart by, percent": apart})
    report("evaluation", hardware("cpu", "fp32"), rows, options["out"])


def _figures(part: Any) -> Iterator[float]:
    """All numbers of a result, in order."""
    if isinstance(part, dict):
        for value in part.values():
            yield from _figures(value)
    elif isinstance(part, (int, float)):
        yield float(part)


if __name__ == "__main__":
    main(sys.argv[1:])
