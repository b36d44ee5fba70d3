"""Masks for given boxes beside detection: objects a second of the two ways to get them.

``python -m benchmarks.completion [device=cuda] [precision=bf16] [size=tiny] [boxes=7,100]``

One R-50 with random weights: completion is one pass of the backbone and all boxes of the image in one batch; detection
finds 100 objects (the score threshold is off) and segments them. The peer of completion is completion box by box, the
way a program without given boxes in its model has to be called.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from benchmarks.harness import DTYPES, arguments, hardware, interleaved, multiply_adds, product_rate, report
from contrastmask.assemble import build_detector
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import Checkpoint
from tests.detectors import tiny

CLASSES = 80


def main(argv: list[str]) -> None:
    """Time segment() at several numbers of boxes, one call and box by box, and predict()."""
    options = arguments(argv, boxes="7,100", size="full", out="outputs/benchmarks")
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
    report("completion", {**hardware(device, precision), "image": f"{width}x{height}"}, rows, options["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
