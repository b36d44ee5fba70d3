"""What the parts of the method cost in a training step: the study's variants in turns, on the same images and RoIs.

``python -m benchmarks.variants [device=cuda] [precision=bf16] [size=full|half|tiny] [positives=30,256]``

Images, objects and positive RoIs are those of ``benchmarks.step`` (R-50, 2 images of 800x1216, or 400x608 for
``size=half``); ``times baseline``: seconds over those of the class-agnostic Mask R-CNN.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.harness import arguments, hardware, interleaved, multiply_adds, report
from benchmarks.step import SIZES, detector_of, step_of

# as conf/experiment/study names them; "masks alone" is model.trains=masks
NO_BRANCH = {"contrastive": False, "enhance": False}
NORM, HOURGLASS = {"head": {"kind": "fcn_norm"}}, {"head": {"kind": "hourglass"}}
VARIANTS: dict[str, dict[str, Any]] = {
    "baseline": {"cam": False, **NO_BRANCH},
    "cam": NO_BRANCH,
    "no_loss": {"contrastive": False},
    "full": {},
    "norm_baseline": {"cam": False, **NO_BRANCH, **NORM},
    "hourglass_baseline": {"cam": False, **NO_BRANCH, **HOURGLASS},
    "hourglass": HOURGLASS,
    "baseline, masks alone": {"cam": False, **NO_BRANCH, "trains": "masks"},
    "full, masks alone": {"trains": "masks"},
}


def main(argv: list[str]) -> None:
    """Time all variants in turns for several numbers of positive RoIs."""
    options = arguments(argv, size="full", positives="30,256", out="outputs/benchmarks")
    device, precision, size = options["device"], options["precision"], options["size"]
    rows = []
    for positives in map(int, options["positives"].split(",")):
        works = {
            name: step_of(detector_of(size, positives, **changes), positives, size, device, precision)
            for name, changes in VARIANTS.items()
        }
        counted = {name: multiply_adds(work) for name, work in works.items()}  # serves as warm-up
        times = interleaved(works, device, warmup=0)
        rows += [
            {"positive RoIs": positives, "variant": name, "s": times[name],
             "times baseline": times[name] / times["baseline"], "GMAC": counted[name] / 1e9}
            for name in VARIANTS
        ]  # fmt: skip
    report("variants", {**hardware(device, precision), "image": "x".join(map(str, SIZES[size][::-1]))}, rows,
           options["out"])  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
