"""COCO evaluation of a validation set's size: base, novel, all and per class in one pass, beside an earlier build and
pycocotools; masks in given boxes with boundary IoU; and how both grow.

``python -m benchmarks.evaluation [images=5000] [detections=100] [peer_images=500] [earlier=COMMIT|none] [repeats=5]
[growth=images,classes|none]``

Generated: 7 objects an image of 80 classes as blobs of 24 corners; three shifted copies of each object among the
detections, the rest blobs elsewhere. pycocotools does the same work on the first ``peer_images`` images, where we are
timed too: it knows no groups, but its one evaluation holds all classes, from which the same figures are read. Every
figure is of a process of its own, which has read truth and predictions before. ``evaluation.png`` needs matplotlib.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.builds import EARLIER, NONE, ROOT, beside, builds, work
from benchmarks.curves import plot_above
from benchmarks.harness import arguments, hardware, report
from contrastmask.errors import plain_errors

SIZE, CLASSES, OBJECTS, CORNERS = (480, 640), 80, 7, 24
AXES = {"images": (625, 1250, 2500, 5000), "classes": (20, 80, 320, 1280), "detections": (25, 50, 100, 200)}
MIDDLE = {"images": 1250, "classes": CLASSES, "detections": 100}


def blobs(rng: np.random.Generator, count: int) -> np.ndarray:
    """Corners ``[count, CORNERS, 2]`` of closed outlines somewhere in the image, xy."""
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = np.exp(rng.uniform(np.log(8), np.log(150), (count, 1))) * rng.uniform(0.7, 1.0, (count, CORNERS))
    centre = rng.uniform(0, 1, (count, 1, 2)) * SIZE[::-1]
    corners = centre + radius[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return np.clip(corners, 0, SIZE[::-1])


def generate(images: int, detections: int, folder: Path, classes: int = CLASSES) -> None:
    """An annotation file ``truth.json``, and predictions for it."""
    rng = np.random.default_rng(0)
    annotations, predictions = [], []
    for image_id in range(1, images + 1):
        truth, labels = blobs(rng, OBJECTS), rng.integers(classes, size=OBJECTS)
        for outline, label in zip(truth, labels, strict=True):
            low, high = outline.min(0), outline.max(0)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": int(label) + 1, "iscrowd": 0,
                "bbox": [*low.tolist(), *(high - low).tolist()], "area": float(np.prod(high - low)) * 0.7,
                "segmentation": [outline.round(1).ravel().tolist()],
            })  # fmt: skip
        near = np.concatenate([truth + rng.normal(0, 4, (OBJECTS, 1, 2)) for _ in range(3)])
        found = np.clip(np.concatenate([near, blobs(rng, max(detections - len(near), 0))])[:detections], 0, SIZE[::-1])
        chosen = np.concatenate([np.tile(labels, 3), rng.integers(classes, size=len(found))])[: len(found)]
        predictions.append({
            "image_id": image_id, "scores": rng.uniform(0.05, 1, len(found)), "labels": chosen,
            "boxes": np.concatenate([found.min(1), found.max(1)], axis=1),
            "rles": coco_mask.frPyObjects([f.ravel().tolist() for f in found], *SIZE),
        })  # fmt: skip
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "height": SIZE[0], "width": SIZE[1]} for i in range(1, images + 1)
        ],
        "categories": [{"id": k + 1, "name": f"class {k}"} for k in range(classes)],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(content))
    (folder / "predictions.pickle").write_bytes(pickle.dumps(predictions))


def compare(options: dict[str, str]) -> list[dict[str, Any]]:
    """Both builds on the whole set, and pycocotools on a part of it."""
    images, part, repeats = int(options["images"]), int(options["peer_images"]), int(options["repeats"])
    with tempfile.TemporaryDirectory() as place, builds(options["earlier"]) as found:
        folder = Path(place)
        generate(images, int(options["detections"]), folder)
        row, told = beside(found, "evaluation", place, repeats=repeats)
        before = told["ours"]["before, MiB"]
        rows = [{"work": "boxes and masks", "images": images, **row, "of it before, MiB": before, **_apart(told)}]
        row, told = beside(found, "given_boxes", place, repeats=repeats)
        rows.append({"work": "masks in given boxes", "images": images, **row, **_apart(told)})
        backends: dict[str, list[dict[str, Any]]] = {"arrays": [], "faster": [], "pycocotools": []}
        for _ in range(repeats):
            for backend, ones in backends.items():
                ones.append(work(ROOT, "evaluation", place, f"backend={backend}", f"images={part}"))
        seconds = {backend: float(np.median([one["s"] for one in ones])) for backend, ones in backends.items()}
        for backend in ("faster", "pycocotools"):
            both = {"ours": backends["arrays"][0], "earlier": backends[backend][0]}
            rows.append({"work": f"evaluator={backend}", "images": part, "ours, s": seconds["arrays"],
                         "peer, s": seconds[backend], "peer / ours": seconds[backend] / seconds["arrays"],
                         **_apart(both)})  # fmt: skip
    return rows


def growth(axis: str) -> list[dict[str, Any]]:
    """One quantity changed, the others at their middle."""
    rows = []
    for value in AXES[axis]:
        point = {**MIDDLE, axis: value}
        with tempfile.TemporaryDirectory() as place:
            generate(point["images"], point["detections"], Path(place), point["classes"])
            told = [work(ROOT, "evaluation", place) for _ in range(3)]
        rows.append({"axis": axis, "value": value, "s": float(np.median([one["s"] for one in told])),
                     "peak, MiB": told[0]["peak, MiB"], "before, MiB": told[0]["before, MiB"]})  # fmt: skip
    return rows


@plain_errors
def main(argv: list[str]) -> None:
    """Compare, grow, print and keep."""
    options = arguments(argv, images="5000", detections="100", peer_images="500", earlier=EARLIER, repeats="5",
                        growth="images,classes", out="outputs/benchmarks")  # fmt: skip
    rows = compare(options)
    grown = [row for axis in options["growth"].split(",") if axis != NONE for row in growth(axis)]
    path = report("evaluation", hardware("cpu", "fp32"), rows + grown, options["out"])
    if grown and importlib.util.find_spec("matplotlib") is not None:
        plot_above(grown, path.with_suffix(".png"), "truth, predictions")


def _apart(told: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The greatest difference of any two figures."""
    if "earlier" not in told:
        return {}
    ours, theirs = (dict(_figures(told[build]["result"])) for build in ("ours", "earlier"))
    # figures that one build alone has are not compared
    return {"figures apart by, percent": max(abs(ours[name] - theirs[name]) for name in ours.keys() & theirs.keys())}


def _figures(part: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a result by name; not those of what the truth was."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key != "truth":
                yield from _figures(value, f"{name}/{key}")
    elif isinstance(part, (int, float)):
        yield name, float(part)


if __name__ == "__main__":
    main(sys.argv[1:])
