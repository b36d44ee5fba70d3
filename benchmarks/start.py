"""How long programs take to say or check little: CPU time, wall time and memory of whole processes.

``python -m benchmarks.start [images=7] [repeats=5] [before=CHECKOUT]``

Rows: ``train.py --help`` and ``python -m contrastmask.check`` of a data set of ``images`` embedded pictures (two thirds
to train on), each in a process of its own, beside one that first imports what stood at the programs' head before: torch
for help; torchvision, Lightning and the program's own classes, too, for check. ``before=`` names a checkout of an
earlier version, whose own commands are timed as well. The peers take turns; medians.
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
HELP = ("train.py", "--help")
CHECK = ("-m", "contrastmask.check")
# what the one and the other imported before anything was composed
EAGER = {HELP[0]: "import torch", CHECK[1]: "import contrastmask.programs.build"}


def cost(command: list[str], folder: Path) -> dict[str, float]:
    """CPU and wall seconds and peak MiB of one process started in ``folder``; its output is thrown away.

    Raises:
        RuntimeError: it did not end well.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        peak, ended = 0.0, 0
        while not ended:
            peak = max(peak, _mark(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            time.sleep(0 if ended else 0.005)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} in {folder}: {said.read().decode(errors='replace')[-2000:]}")
    return {"CPU s": usage.ru_utime + usage.ru_stime, "wall s": wall, "peak, MiB": peak}


def _mark(process: int) -> float:
    """The kernel's mark of the greatest memory so far, MiB; 0 where it tells none. (``ru_maxrss`` outlives exec: it
    would be this process's own, which holds torch.)"""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def commands(words: tuple[str, ...], before: str) -> dict[str, tuple[list[str], Path]]:
    """The ways to run one program: command and folder by name."""
    module = words[0] == "-m"
    name, rest = (words[1], words[2:]) if module else (words[0], words[1:])
    run = "run_module" if module else "run_path"
    eager = (
        f"import runpy, sys; {EAGER[name]}; sys.argv = {[name, *rest]!r}; runpy.{run}({name!r}, run_name='__main__')"
    )
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
