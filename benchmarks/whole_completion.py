"""The whole of a completion, this build beside an earlier one: objects a second, peak memory, masks.

``python -m benchmarks.whole_completion ckpt_path=FILE annotations=FILE images=DIR [boxes=100] [first=30]
[precision=bf16] [threads=1,2] [earlier=COMMIT] [repeats=5] [size=tiny] [growth=25,50,100,200]``

Every mask of the file is taken away and made anew, from the checkpoint's file to the written one; each time in a
process of its own, the builds in turns. Imports are not counted. Masks of two builds may differ by rounding: how much
is told. ``boxes``: instead of the file's objects so many boxes an image, drawn at random, of the model's classes;
``first``: so many images alone; ``growth``: this build once more with so many boxes an image, and a picture of it
(needs matplotlib). Without ``ckpt_path`` a crop branch of
random weights completes drawn scenes. Both builds read a copy of the checkpoint that keeps only the settings that
differ from their defaults: one that came after the earlier build, and is not used, is unknown to it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.builds import NONE, beside, builds
from benchmarks.curves import plot_above
from benchmarks.export import random_crop_branch
from benchmarks.harness import arguments, hardware, report
from contrastmask import Predictor
from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import MARK, read_checkpoint
from contrastmask.checkpoints.write import write_checkpoint
from contrastmask.errors import plain_errors
from contrastmask.runtime.model_file import SUFFIXES
from tests.tiny_coco import write_tiny_coco

EARLIER = "e26101a31ce2"  # before run lengths were made beside the network


@plain_errors
def main(argv: list[str]) -> None:
    """A row for each number of threads."""
    words = arguments(
        argv, ckpt_path="", annotations="", images="", boxes="", first="", threads="1,2",
        earlier=EARLIER, repeats="5", size="full", growth=NONE, out="outputs/benchmarks",
    )  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory() as place, builds(words["earlier"]) as found:
        folder = Path(place)
        checkpoint = words["ckpt_path"] or random_crop_branch(folder / "random.ckpt", words["size"] == "tiny")
        checkpoint = for_both_builds(Path(checkpoint), folder / "both.ckpt")
        annotations, images = Path(words["annotations"]), str(Path(words["images"]).resolve())
        if not words["annotations"]:
            drawn = write_tiny_coco(folder, n_images=2, name="drawn")
            annotations, images = drawn.annotations, str(drawn.images)
        objects = without_masks(annotations, folder / "in.json", words, checkpoint)
        for threads in words["threads"].split(","):
            asked = (str(checkpoint), place, images, words["precision"], threads)
            row, told = beside(found, "completion", *asked, repeats=int(words["repeats"]))
            rows.append({
                "of threads": int(threads), "objects": objects,
                **{f"{build}, objects/s": objects / row[f"{build}, s"] for build in told},
                "ms an object": 1e3 * row["ours, s"] / objects, **row,
                "least IoU of their masks": least_overlap([folder / f"{one['result']}.json" for one in told.values()]),
            })  # fmt: skip
        grown = []
        for boxes in words["growth"].split(",") if words["growth"] != NONE else []:
            objects = without_masks(annotations, folder / "in.json", {**words, "boxes": boxes}, checkpoint)
            asked = (str(checkpoint), place, images, words["precision"], words["threads"].split(",")[0])
            row, told = beside({"ours": found["ours"]}, "completion", *asked, repeats=int(words["repeats"]))
            grown.append({"axis": "boxes an image", "value": int(boxes), "objects": objects, "s": row["ours, s"],
                          "ms an object": 1e3 * row["ours, s"] / objects, "peak, MiB": row["ours, peak, MiB"],
                          "before, MiB": told["ours"]["before, MiB"]})  # fmt: skip
    path = report("whole_completion", hardware("cpu", words["precision"]), rows + grown, words["out"])
    if grown and importlib.util.find_spec("matplotlib") is not None:
        plot_above(grown, path.with_suffix(".png"), "program and imports")


def least_overlap(completed: list[Path]) -> float:
    """The least IoU of a row's masks, run lengths, in the first file and in the last; 1 where all are the same.

    A row that no mask was found for, as of random weights, overlaps another such row wholly and a mask not at all.
    """
    files = [json.loads(path.read_text())["annotations"] for path in (completed[0], completed[-1])]
    first, last = ([row.get("segmentation") for row in rows if not row.get("iscrowd")] for rows in files)
    return min(_overlap(a, b) for a, b in zip(first, last, strict=True))


def _overlap(a: dict[str, Any] | None, b: dict[str, Any] | None) -> float:
    return float(coco_mask.iou([a], [b], [0])[0, 0]) if a and b else float(not a and not b)


def for_both_builds(path: Path, target: Path) -> Path:
    """A copy of a checkpoint without the settings that are at their defaults: a reader takes them for that.

    An exported model stays as it is.
    """
    if path.suffix in SUFFIXES:
        return path.resolve()
    checkpoint = read_checkpoint(path)
    network = _chosen(asdict(network_config(checkpoint)), asdict(NetworkConfig()))
    write_checkpoint(replace(checkpoint, network=network), target, MARK)
    return target


def _chosen(settings: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The settings that differ; every group stays, though it be empty."""
    groups = {name: _chosen(value, defaults[name]) for name, value in settings.items() if isinstance(value, dict)}
    return {
        name: groups.get(name, value) for name, value in settings.items() if value != defaults[name] or name in groups
    }


def without_masks(path: Path, target: Path, words: dict[str, str], checkpoint: Path) -> int:
    """Write the file that is completed; how many objects need a mask."""
    names = Predictor(checkpoint, "cpu").class_names  # a file that cannot be used is told before the builds run
    content = json.loads(path.read_text())
    content["images"] = content["images"][: int(words["first"] or len(content["images"]))]
    if words["boxes"]:
        content["categories"] = [{"id": n, "name": name} for n, name in enumerate(names, 1)]
        content["annotations"] = drawn_boxes(content["images"], int(words["boxes"]), len(names))
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [row for row in content["annotations"] if row["image_id"] in kept]
    lacking = [row for row in content["annotations"] if not row.get("iscrowd")]
    for row in lacking:
        row.pop("segmentation", None)
    target.write_text(json.dumps(content))
    return len(lacking)


def drawn_boxes(images: list[dict[str, Any]], count: int, classes: int) -> list[dict[str, Any]]:
    """Boxes of 5 to 35 percent of an image's sides, anywhere in it."""
    random, rows = np.random.default_rng(0), []
    for image in images:
        whole = np.array([image["width"], image["height"]])
        sides = whole * random.uniform(0.05, 0.35, (count, 2))
        corners = random.uniform(0, 1, (count, 2)) * (whole - sides)
        boxes = np.concatenate([corners, sides], axis=1).round(2).tolist()
        for box, label in zip(boxes, random.integers(1, classes + 1, count).tolist(), strict=True):
            rows.append({"id": len(rows) + 1, "image_id": image["id"], "category_id": label, "bbox": box,
                         "area": box[2] * box[3], "iscrowd": 0})  # fmt: skip
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
