"""How long programs take to say or check little: CPU time, wall time and memory of whole processes.

``python -m benchmarks.start [images=7] [repeats=5] [before=CHECKOUT]``

Rows: ``train.py --help`` and ``python -m contrastmask.check`` of a data set of ``images`` embedded pictures (two thirds
to train on), each in a process of its own, beside one that first imports what both imported at their head before:
torch, torchvision, Lightning and the programs' own classes. ``before=`` names a checkout of an earlier version, whose
own commands are timed as well. The peers take turns; medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import arguments, hardware, report

ROOT = Path(__file__).parents[1]
# what train.py and check imported before anything was composed
EAGER = "import contrastmask.programs.train, contrastmask.programs.predict"
HELP = ("train.py", "--help")
CHECK = ("-m", "contrastmask.check")


def cost(command: list[str], folder: Path) -> dict[str, float]:
    """CPU and wall seconds and peak MiB of one process started in ``folder``; its output is thrown away.

    Raises:
        RuntimeError: it did not end well.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} in {folder}: {said[-2000:]}")
    wall = time.perf_counter() - start
    return {"CPU s": usage.ru_utime + usage.ru_stime, "wall s": wall, "peak, MiB": usage.ru_maxrss / 1024}


def commands(words: tuple[str, ...], before: str) -> dict[str, tuple[list[str], Path]]:
    """The ways to run one program: command and folder by name."""
    module = words[0] == "-m"
    name, rest = (words[1], words[2:]) if module else (words[0], words[1:])
    run = "run_module" if module else "run_path"
    eager = f"import runpy, sys; {EAGER}; sys.argv = {[name, *rest]!r}; runpy.{run}({name!r}, run_name='__main__')"
    ways = {"ours": ([sys.executable, *words], ROOT), "torch first": ([sys.executable, "-c", eager], ROOT)}
    if before:
        ways["before"] = ([sys.executable, *words], Path(before).resolve())
    return ways


def main(argv: list[str]) -> None:
    """Time both programs and write the table."""
    options = arguments(argv, images="7", repeats="5", before="", out="outputs/benchmarks")
    images, repeats = int(options["images"]), int(options["repeats"])
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        train = max(1, images * 2 // 3)
        shapes = (f"data.shapes.train_images={train}", f"data.shapes.val_images={max(1, images - train)}")
        check = (*CHECK, "data=shapes", *shapes, f"data.shapes.cache={cache}")
        for title, words in {"--help": HELP, f"check, {images} images": check}.items():
            ways = commands(words, options["before"])
            found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
            for turn in range(repeats + 1):  # the first one warms the files, and draws the pictures
                for name, (command, folder) in ways.items():
                    measured = cost(command, folder)
                    if turn:
                        found[name].append(measured)
            medians = {n: {k: statistics.median(m[k] for m in all_) for k in all_[0]} for n, all_ in found.items()}
            for name, figures in medians.items():
                share = figures["CPU s"] / medians["torch first"]["CPU s"]
                rows.append({"program": title, "way": name, **figures, "CPU, share of torch first": share})
    header = {**hardware("cpu", "fp32"), "repeats": repeats, "load": round(os.getloadavg()[0], 1)}
    report("start", header, rows, options["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
