"""How time and peak memory of a training step grow with RoIs, image side, objects per image and classes; with plots.

``python -m benchmarks.growth [device=cuda] [precision=bf16] [size=full|tiny] [axes=rois,side,objects,classes]``

R-50, 2 images; one quantity at a time is changed, the others stay at their middle. Every point has a process of its own
(peak memory is that of a process), in which the time is the median of five steps after a warm-up. The work is counted
beside it. Exponents are slopes in doubly logarithmic scale over the axis's upper half: nothing should grow faster than
its work does. ``growth.png`` needs matplotlib (``pip install -e '.[benchmarks]'``).
"""

from __future__ import annotations

import importlib.util
import json
import math
import statistics
import sys
from typing import Any

import torch

from benchmarks.curves import Rows, plot
from benchmarks.harness import DTYPES, arguments, hardware, multiply_adds, peak_mib, report, seconds
from benchmarks.processes import printed
from benchmarks.step import IMAGES, fix_proposals, scenes
from contrastmask.errors import plain_errors
from tests.detectors import build, tiny

# "rois" are positive RoIs of the batch, a quarter of those sampled, as in the method
AXES = {
    "full": {
        "rois": (16, 32, 64, 128),
        "side": (192, 256, 384, 512),
        "objects": (4, 8, 16, 32),
        "classes": (20, 80, 320, 1280),
    },
    "tiny": {"rois": (4, 8), "side": (64, 96), "objects": (1, 2), "classes": (3, 6)},
}
MIDDLE = {
    "full": {"rois": 32, "side": 256, "objects": 8, "classes": 80},
    "tiny": {"rois": 4, "side": 64, "objects": 2, "classes": 3},
}


def measure(rois: int, side: int, objects: int, classes: int, size: str, device: str, precision: str) -> dict[str, Any]:
    """Seconds, multiply-adds and peak memory of a step; to be called once in a process."""
    sampled = max(4 * rois // IMAGES, 8)
    detector = tiny(classes, rois=sampled) if size == "tiny" else build("r50", classes, rois=sampled)
    detector.to(device)
    fix_proposals(detector, rois // IMAGES)
    images, targets = scenes(side, side, device, objects=objects, classes=classes)

    def step() -> None:
        detector.zero_grad()
        with torch.autocast(device, DTYPES[precision], enabled=precision != "fp32"):
            losses = detector(images, targets, generator=torch.Generator(device).manual_seed(0))
        sum(losses.values()).backward()

    work = multiply_adds(step)
    times = [seconds(step, device) for _ in range(5)]
    return {"s": statistics.median(times), "GMAC": work / 1e9, "peak, MiB": peak_mib(device)}


def _elsewhere(point: dict[str, Any]) -> dict[str, Any]:
    """:func:`measure` in a new process."""
    code = (
        "import json, sys; from benchmarks.growth import measure; print(json.dumps(measure(**json.loads(sys.argv[1]))))"
    )
    return json.loads(printed(f"a step of {point}", code, json.dumps(point)))


def exponents(rows: list[dict[str, Any]], axis: str) -> dict[str, float]:
    """Slopes of time, work and memory over the upper half of an axis, in doubly logarithmic scale."""
    rows = [row for row in rows if row["axis"] == axis][-2:]
    first, last = rows[0], rows[-1]
    step = math.log(last["value"] / first["value"])
    return {name: math.log(last[name] / first[name]) / step for name in ("s", "GMAC", "peak, MiB")}


def draw(times: Any, memory: Any, values: list[Any], rows: Rows) -> None:
    """The lines of one axis; beside the time the work, scaled to meet it at the axis's last point."""
    times.plot(values, [row["s"] for row in rows], "o-", label="step")
    scale = rows[-1]["s"] / rows[-1]["GMAC"]
    times.plot(values, [row["GMAC"] * scale for row in rows], "--", label="work, scaled")
    memory.plot(values, [row["peak, MiB"] / 1024 for row in rows], "s-", color="tab:green")


@plain_errors
def main(argv: list[str]) -> None:
    """Measure, print the table and the exponents, and draw."""
    options = arguments(argv, size="full", axes="rois,side,objects,classes", out="outputs/benchmarks")
    size, given = options["size"], {name: options[name] for name in ("size", "device", "precision")}
    rows = []
    for axis in options["axes"].split(","):
        for value in AXES[size][axis]:
            point = {**MIDDLE[size], axis: value}
            rows.append({"axis": axis, "value": value, **_elsewhere({**point, **given})})
        print(axis, {name: round(slope, 2) for name, slope in exponents(rows, axis).items()}, flush=True)
    header = {
        **hardware(options["device"], options["precision"]),
        **{f"middle {k}": v for k, v in MIDDLE[size].items()},
    }
    path = report("growth", header, rows, options["out"])
    if importlib.util.find_spec("matplotlib") is None:
        print("no plots: matplotlib is not installed")
    else:
        plot(rows, path.with_suffix(".png"), draw, "peak memory, GiB")


if __name__ == "__main__":
    main(sys.argv[1:])
