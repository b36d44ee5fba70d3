"""A training step and an image's detections, R-50 at 800x1216, this build beside an earlier one.

``python -m benchmarks.network [positives=30,256] [detection=true] [threads=2] [earlier=COMMIT] [repeats=5]
[size=tiny]``

Each time in a process of its own, the builds in turns; the second step, or image, of a process is timed. ``CPU s``:
seconds of the processor, of all threads; they say more than the clock where a machine is not idle. What is computed is
that of ``benchmarks.step`` and ``benchmarks.inference``, float32 on a CPU.
"""

from __future__ import annotations

import sys

from benchmarks.builds import beside, builds
from benchmarks.harness import arguments, hardware, report
from contrastmask.errors import plain_errors

EARLIER = "df66e6d212fb"  # before training went by Winograd's filtering and blocks took their BatchNorm in


@plain_errors
def main(argv: list[str]) -> None:
    """A row for each number of positive RoIs, and one for the detections."""
    words = arguments(
        argv, positives="30,256", detection="true", threads="2", earlier=EARLIER, repeats="5", size="full",
        out="outputs/benchmarks",
    )  # fmt: skip
    size, threads = words["size"], words["threads"]
    works = [
        (f"a training step, {count} positive RoIs", "training_step", (count, size, threads))
        for count in words["positives"].split(",")
    ]
    if words["detection"] == "true":
        works.append(("detections of an image", "detection", (size, threads)))
    rows = []
    with builds(words["earlier"]) as found:
        for said, name, asked in works:
            row, _ = beside(found, name, *asked, repeats=int(words["repeats"]))
            rows.append({"work": said, "of threads": int(threads), **row})
    report("network", hardware("cpu", "fp32"), rows, words["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
