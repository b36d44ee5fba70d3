"""Masks for given boxes beside detection: objects a second of the two ways to get them.

``python -m benchmarks.completion [device=cuda] [precision=bf16] [size=tiny] [boxes=7,100] [objects=860000]``

One R-50 with random weights: completion is one pass of the backbone and all boxes of the image in one batch; detection
finds 100 objects (the score threshold is off) and segments them. The peer of completion is completion box by box, the
way a program without given boxes in its model has to be called.

The last lines are what a completion of a file of so many objects costs beside the model, pictures not read: reading and
planning, the bookkeeping of every image with its entry in the journal, and writing the file back; their share is of the
time that the model takes here for as many images of 7 boxes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from rich.console import Console

from benchmarks.harness import DTYPES, arguments, hardware, interleaved, multiply_adds, product_rate, report
from contrastmask.assemble import build_detector
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import Checkpoint
from contrastmask.completion.completed_file import write_completed
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.plan import asked_classes, make_plan
from contrastmask.completion.sieve import Sieve
from contrastmask.completion.source_file import SourceFile
from contrastmask.completion.with_torch import _segment
from contrastmask.data.annotations.load import load_with_losses
from contrastmask.files.journal import Journal
from contrastmask.model.masks import encode_masks
from tests.detectors import tiny

CLASSES = 80
PER_IMAGE = 7  # objects, as in COCO
SIZE = (480, 640)


def main(argv: list[str]) -> None:
    """Time segment() at several numbers of boxes, one call and box by box, predict(), and all that is beside them."""
    options = arguments(argv, boxes="7,100", objects="860000", size="full", out="outputs/benchmarks")
    device, precision = options["device"], options["precision"]
    height, width = (64, 96) if options["size"] == "tiny" else (800, 1216)
    torch.manual_seed(0)
    if options["size"] == "tiny":
        detector = tiny(CLASSES).eval().to(device)
    else:
        config = network_config(Checkpoint(Path("released"), "mmdetection", {}, {}, None))
        config.model.roi.score = -1.0
        detector = build_detector(config, CLASSES, pretrained=False).eval().to(device)
    image = [torch.randint(0, 256, (3, height, width), dtype=torch.uint8, device=device)]
    size = [(height, width)]
    peak = product_rate(device, precision)
    rows = []

    def row(way: str, objects: int, work, peers: dict) -> None:
        with torch.inference_mode(), torch.autocast(device, DTYPES[precision], enabled=precision != "fp32"):
            work_done = multiply_adds(work)
            times = interleaved({way: work, **peers}, device)
        rows.append(
            {"way": way, "objects": objects, "s": times[way], "objects/s": objects / times[way],
             **{name: times[name] / times[way] for name in peers},
             "GMAC": work_done / 1e9, "share of the product's rate": work_done / times[way] / peak}
        )  # fmt: skip

    for count in map(int, options["boxes"].split(",")):
        extent = torch.tensor([width, height]) * torch.rand(count, 2).mul(0.4).add(0.05)
        corner = torch.rand(count, 2) * (torch.tensor([width, height]) - extent)
        boxes = torch.cat([corner, corner + extent], dim=1).to(device)
        labels = torch.randint(CLASSES, (count,), device=device)

        def together(boxes=boxes, labels=labels) -> list:
            return detector.segment(image, size, [boxes], [labels])

        def one_by_one(boxes=boxes, labels=labels) -> list:
            return [detector.segment(image, size, [b[None]], [k[None]]) for b, k in zip(boxes, labels, strict=True)]

        row(f"completion, {count} boxes", count, together, {"box by box / ours": one_by_one} if count <= 10 else {})
    found = len(detector.predict(image, size)[0]["boxes"])
    row("detection", found, lambda: detector.predict(image, size), {})
    per_image = min(rows, key=lambda r: abs(r["objects"] - PER_IMAGE))["s"]
    objects = int(options["objects"])
    with tempfile.TemporaryDirectory() as folder:
        beside = beside_the_model(Path(folder), objects)
    images = -(-objects // PER_IMAGE)
    for way, took in {**beside, "all beside the model": sum(beside.values())}.items():
        share = 100 * took / (images * per_image)
        rows.append({"way": way, "objects": objects, "s": took, "objects/s": objects / took,
                     "percent of the model's time": share, "ms an image": 1e3 * took / images})  # fmt: skip
    report("completion", {**hardware(device, precision), "image": f"{width}x{height}"}, rows, options["out"])


def beside_the_model(folder: Path, objects: int) -> dict[str, float]:
    """Seconds of every part of a completion but the model and its pictures; every second object has a mask."""
    write_file(folder / "in.json", objects)
    options = CompletionOptions(folder / "in.json", folder, folder / "out.json", check=False)
    took: dict[str, float] = {}

    def timed(name: str, work):
        start = time.perf_counter()
        result = work()
        took[name] = time.perf_counter() - start
        return result

    source = SourceFile(options.annotations)
    records, gone = timed("reading", lambda: load_with_losses(options.annotations, folder, options.reading))
    asked = asked_classes(options, records)
    plan = timed("planning", lambda: make_plan(options, records, gone, source.rows(), asked))
    chosen, labels = plan.chosen, torch.arange(len(records.class_names))
    grid = torch.zeros(PER_IMAGE, 28, 28)
    grid[:, 4:24, 6:22] = 0.9
    boxes = torch.tensor([[100.0, 100, 300, 250]]).expand(PER_IMAGE, 4)
    ready = [
        {"rles": encode_masks(grid[:n], boxes[:n], SIZE), "confidence": np.full(n, 0.9, dtype=np.float32)}
        for n in range(PER_IMAGE + 1)
    ]
    predictor = SimpleNamespace(
        begin_resized=lambda images, sizes, boxes, labels, beside: lambda: [ready[len(b)] for b in boxes]
    )  # fmt: skip

    def keep() -> list[dict]:
        journal = Journal(options.journal, {})
        for image in range(len(records.image_ids)):
            positions = np.arange(records.offsets[image], records.offsets[image + 1])
            target = {"index": image, "positions": torch.from_numpy(positions), "original_size": SIZE,
                      "boxes": torch.from_numpy(records.boxes[positions]),
                      "labels": torch.from_numpy(records.labels[positions])}  # fmt: skip
            given = ([image], ([None], [target]))
            journal.add(image, _segment(predictor, records, chosen, labels, given)())
        journal.close()
        return list(journal.pieces.values())

    pieces = timed("bookkeeping and journal", keep)
    timed(
        "writing",
        lambda: write_completed(
            options, records, plan, source, pieces, Sieve(options, records), None, Console(quiet=True)
        ),
    )
    return took


def write_file(path: Path, objects: int) -> None:
    """A file of so many objects, 7 an image; every second one has a polygon of 30 corners."""
    random = np.random.default_rng(0)
    images = range(1, -(-objects // PER_IMAGE) + 1)
    angle = np.arange(30) * (2 * np.pi / 30)
    outline = np.stack([200 + 100 * np.cos(angle), 175 + 75 * np.sin(angle)], axis=1).round(2).ravel().tolist()
    classes = random.integers(1, CLASSES + 1, objects).tolist()
    annotations = [
        {"id": n + 1, "image_id": n // PER_IMAGE + 1, "category_id": classes[n], "bbox": [100, 100, 200, 150],
         "area": 23000.0, "iscrowd": 0, **({"segmentation": [outline]} if n % 2 else {})}
        for n in range(objects)
    ]  # fmt: skip
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": SIZE[0], "width": SIZE[1]} for i in images],
        "annotations": annotations,
        "categories": [{"id": n, "name": f"class {n}"} for n in range(1, CLASSES + 1)],
    }
    path.write_text(json.dumps(content))


if __name__ == "__main__":
    main(sys.argv[1:])
