"""A training step of the R-50, 2 images 800x1216 with 15 objects, beside the order in which the released code works.

``python -m benchmarks.step [device=cuda] [precision=bf16] [size=full|half|tiny] [positives=30,256] [profile=true]``

Ours runs the mask branch (its RoIAlign, the enhancement with its 784x784 attention, fusion, convolutions) on the RoIs
of the mask loss; the peer, as released, on every positive RoI, and throws the others' logits away. Losses are the same.
``positives``: so many positive RoIs in the batch (proposals are jittered copies of the objects). ``size=half``:
400x608. ``host reads``: how often a GPU's host would wait for its device (``host_reads.py``); ``profile=true`` lists
them by line, and where the time goes. Peak memory on a CPU is that of a process that does nothing else, started for
each way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

from benchmarks.harness import (
    DTYPES,
    arguments,
    hardware,
    interleaved,
    multiply_adds,
    peak_mib,
    print_profile,
    product_rate,
    report,
)
from benchmarks.host_reads import host_reads
from benchmarks.processes import printed
from contrastmask.errors import plain_errors
from contrastmask.losses.detection import mask_loss
from contrastmask.model.detector import Detector
from tests.detectors import build, tiny

CLASSES, IMAGES, OBJECTS = 80, 2, 15
WAYS = ("ours", "every positive")
SIZES = {"full": (800, 1216), "half": (400, 608), "tiny": (64, 96)}


def scenes(
    height: int, width: int, device: str, *, objects: int = OBJECTS, classes: int = CLASSES
) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Random images with objects, half of them without masks."""
    torch.manual_seed(0)
    images, targets = [], []
    for _ in range(IMAGES):
        images.append(torch.randint(0, 256, (3, height, width), dtype=torch.uint8, device=device))
        extent = torch.tensor([width, height]) * torch.rand(objects, 2).mul(0.3).add(0.1)
        corner = torch.rand(objects, 2) * (torch.tensor([width, height]) - extent)
        boxes = torch.cat([corner, corner + extent], dim=1)
        has_mask = torch.arange(objects) % 2 == 0
        masks = torch.zeros(int(has_mask.sum()), height, width, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes[has_mask].round().int().tolist(), strict=True):
            mask[y1 : (y1 + y2) // 2, x1:x2] = 1
        target = {"boxes": boxes, "labels": torch.randint(classes, (objects,)), "has_mask": has_mask, "masks": masks}
        targets.append({name: value.to(device) for name, value in target.items()})
    return images, targets


def way_of(name: str, positives: int, size: str, device: str, precision: str) -> Callable[[], None]:
    """One step, forward and backward, with a fixed number of positive RoIs."""
    detector = detector_of(size, positives)
    if name == "every positive":
        _mask_branch_on_all(detector)
    return step_of(detector, positives, size, device, precision)


def detector_of(size: str, positives: int, **changes: Any) -> Detector:
    """The R-50, or the tiny detector for ``size="tiny"``; ``changes`` as :func:`tests.detectors.build` takes them."""
    return tiny(CLASSES, rois=max(positives, 8), **changes) if size == "tiny" else build("r50", CLASSES, **changes)


def step_of(detector: Detector, positives: int, size: str, device: str, precision: str) -> Callable[[], None]:
    """One step of this detector, forward and backward, with a fixed number of positive RoIs."""
    detector.to(device)
    fix_proposals(detector, positives // IMAGES)
    images, targets = scenes(*SIZES[size], device)

    def step() -> None:
        detector.zero_grad()
        with torch.autocast(device, DTYPES[precision], enabled=precision != "fp32"):
            losses = detector(images, targets, generator=torch.Generator(device).manual_seed(0))
        sum(losses.values()).backward()

    return step


def fix_proposals(detector: Detector, positives: int) -> None:
    """Proposals: positives - OBJECTS jittered boxes that overlap an object, for the sampler to find, and background."""
    original = detector.rpn.forward

    def forward(batch, features, targets=None):
        proposals, losses = original(batch, features, targets)
        fixed = []
        for found, target in zip(proposals, targets, strict=True):
            boxes = target["boxes"]
            more = max(positives - len(boxes), 0)
            chosen = boxes[torch.arange(more, device=boxes.device) % len(boxes)]
            sides = (chosen[:, 2:] - chosen[:, :2]).repeat(1, 2)
            jittered = chosen + sides * 0.05 * (torch.rand_like(chosen) - 0.5)
            fixed.append(torch.cat([jittered, found[: max(len(found) - more, 0)]]))
        return fixed, losses

    detector.rpn.forward = forward
    sampler = detector.roi_heads.sampler
    batch = sampler.draw.batch_size_per_image
    sampler.draw = BalancedPositiveNegativeSampler(batch, min(1.0, positives / batch))


def _mask_branch_on_all(detector: Detector) -> None:
    heads = detector.roi_heads

    def every_positive(features, cams, encoded, positives):
        logits = heads.mask_logits(features, positives.boxes, cams, encoded)
        chosen = positives.mask_rows()
        return mask_loss(logits[chosen], positives.masks[chosen])

    heads._mask_loss = every_positive


def _peak_mib(name: str, positives: int, options: dict[str, str]) -> float:
    """Greatest memory of two steps: of the device, or of a process that does nothing else."""
    device, size, precision = options["device"], options["size"], options["precision"]
    if torch.device(device).type == "cuda":
        step = way_of(name, positives, size, device, precision)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return peak_mib(device)
    code = (
        "import sys; from benchmarks.harness import peak_mib; from benchmarks.step import way_of; "
        "step = way_of(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]); step(); step(); "
        "print(peak_mib())"
    )
    return float(printed(f"a step, {name}", code, name, str(positives), size, device, precision))


@plain_errors
def main(argv: list[str]) -> None:
    """Time both ways in turns for several numbers of positive RoIs."""
    options = arguments(argv, size="full", positives="30,256", profile="false", out="outputs/benchmarks")
    device, precision = options["device"], options["precision"]
    peak = product_rate(device, precision)
    rows = []
    for positives in map(int, options["positives"].split(",")):
        works = {name: way_of(name, positives, options["size"], device, precision) for name in WAYS}
        counted, reads = {}, {}
        for name, work in works.items():  # serves as warm-up
            with host_reads() as reads[name]:
                counted[name] = multiply_adds(work)
        times = interleaved(works, device, warmup=0)
        for name in WAYS:
            rows.append({
                "positive RoIs": positives, "mask branch on": name, "s": times[name],
                "ratio": times["every positive"] / times[name], "peak, MiB": _peak_mib(name, positives, options),
                "GMAC": counted[name] / 1e9, "share of the product's rate": counted[name] / times[name] / peak,
                "host reads": sum(reads[name].values()),
            })  # fmt: skip
        if options["profile"] == "true":
            for name in reversed(WAYS):
                print_profile(f"{name}, {positives} positive RoIs", works[name], device)
            print(*(f"{count} {line}" for line, count in reads["ours"].most_common()), sep="\n")
    report("step", {**hardware(device, precision), "image": "x".join(map(str, SIZES[options["size"]][::-1]))}, rows,
           options["out"])  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
