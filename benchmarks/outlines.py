"""A completion with form=polygons beside the same one with form=rle, from the first byte read to the last one written.

``python -m benchmarks.outlines [device=cuda] [precision=bf16] [size=tiny] [objects=3000]``

Pictures of 640x480 with 7 boxes, a network with random weights, whose masks are replaced by grids of three kinds: an
ellipse, blobs with holes and parts, and noise, whose outline is as long as that of any mask can be. Each pair runs in
turn; the times are the better ones of two (on a CPU the processor's, which a busy machine changes little). The middle
columns are the outlines alone, a mask.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from benchmarks.completion import CLASSES, PER_IMAGE
from benchmarks.harness import arguments, hardware, report
from contrastmask.assemble import build_detector
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import Checkpoint
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.polygons import polygons_of_many
from contrastmask.data.batches.transforms import TestTransform
from contrastmask.model.masks import encode_masks
from contrastmask.prediction.predictor import Predictor
from tests.detectors import tiny

SIZE = (480, 640)


def grids(kind: str, count: int) -> Tensor:
    """Mask probabilities ``[count, 28, 28]``."""
    noise = torch.rand(count, 1, 34, 34, generator=torch.Generator().manual_seed(0))
    if kind == "noise":
        return noise[:, 0, :28, :28]
    if kind == "blobs":
        smooth = nn.functional.avg_pool2d(noise, 7, 1)[:, 0]
        return ((smooth - 0.5) * 20).sigmoid()
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, 28)] * 2, indexing="ij")
    return ((1 - x * x - y * y) * 5).sigmoid().expand(count, 28, 28)


class Shaped(nn.Module):
    """A detector that takes the time it takes, and whose masks are those given."""

    def __init__(self, detector: nn.Module, masks: Tensor) -> None:
        super().__init__()
        self.detector, self.masks = detector, masks

    def segment(self, *args: Any) -> list[dict[str, Tensor]]:
        """As the detector, with other masks."""
        found = self.detector.segment(*args)
        return [{**f, "mask_probs": self.masks[: len(f["boxes"])]} for f in found]


def predictor(detector: nn.Module, device: str, precision: str, side: int, file: Path) -> Predictor:
    """A predictor without a checkpoint; ``file`` stands for it in a journal."""
    made = Predictor.__new__(Predictor)
    made.detector, made.device, made.precision, made.path = detector, torch.device(device), precision, file
    made.class_names = [f"class {n}" for n in range(1, CLASSES + 1)]
    made.transform = made.given_transform = TestTransform(side, 2 * side)
    made.finds_boxes, made.any_class, made.crops, made.cams, made.tta = True, False, None, None, "none"
    made.training_file = made.base = None
    return made


def write_set(folder: Path, objects: int) -> tuple[Path, Path]:
    """An annotation file of boxes, and its pictures."""
    random = np.random.default_rng(0)
    images = range(1, -(-objects // PER_IMAGE) + 1)
    for number in images:
        pixels = random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    sides = random.uniform(30, 300, (objects, 2))
    corners = random.uniform(0, 1, (objects, 2)) * ([SIZE[1], SIZE[0]] - sides)
    boxes = np.concatenate([corners, sides], axis=1).round(2).tolist()
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": SIZE[0], "width": SIZE[1]} for i in images],
        "annotations": [
            {"id": n + 1, "image_id": n // PER_IMAGE + 1, "category_id": n % CLASSES + 1, "bbox": box, "iscrowd": 0}
            for n, box in enumerate(boxes)
        ],
        "categories": [{"id": n, "name": f"class {n}"} for n in range(1, CLASSES + 1)],
    }
    (folder / "in.json").write_text(json.dumps(content))
    return folder / "in.json", folder


def seconds(work: Callable[[], Any], device: str) -> float:
    """Of one call."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    work()
    return clock() - start


def main(argv: list[str]) -> None:
    """Complete one file in both forms, for every kind of mask."""
    options = arguments(argv, objects="3000", size="full", out="outputs/benchmarks")
    device, precision, objects = options["device"], options["precision"], int(options["objects"])
    torch.manual_seed(0)
    if options["size"] == "tiny":
        detector, side = tiny(CLASSES), 64
    else:
        config = network_config(Checkpoint(Path("released"), "mmdetection", {}, {}, None))
        detector, side = build_detector(config, CLASSES, pretrained=False), 800
    detector = detector.eval().to(device)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        annotations, folder = write_set(Path(name), objects)
        for kind in ("ellipse", "blobs", "noise"):
            shaped = predictor(
                Shaped(detector, grids(kind, PER_IMAGE).to(device)), device, precision, side, annotations
            )

            def run(form: str, shaped: Predictor = shaped) -> float:
                asked = CompletionOptions(
                    annotations, folder, folder / f"{form}.json", form=form, check=False, overwrite=True, num_workers=0
                )
                return seconds(lambda: complete(asked, shaped, Console(quiet=True)), device)

            times = [{form: run(form) for form in ("rle", "polygons")} for _ in range(2)]
            best = {form: min(t[form] for t in times) for form in ("rle", "polygons")}
            box = torch.tensor([[100.0, 100, 300, 250]]).expand(PER_IMAGE, 4)
            masks = encode_masks(grids(kind, PER_IMAGE), box, SIZE) * 40
            alone = min(seconds(lambda masks=masks: list(polygons_of_many(masks)), device) for _ in range(3)) / len(
                masks
            )
            numbers = np.mean([sum(map(len, polygons)) for polygons in polygons_of_many(masks)])
            rows.append(
                {"masks": kind, "objects": objects, "rle, s": best["rle"], "polygons, s": best["polygons"],
                 "ms a mask": 1e3 * alone, "numbers a mask": float(numbers),
                 "polygons / rle": best["polygons"] / best["rle"]}
            )  # fmt: skip
    report("outlines", hardware(device, precision), rows, options["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
