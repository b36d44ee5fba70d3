"""Run what is not finished, several runs side by side, one a device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from rich.console import Console

from contrastmask.conf_folder import CHECKOUT
from contrastmask.errors import ConfigError
from contrastmask.files.lock import held
from contrastmask.files.whole_file import write_whole
from contrastmask.study.plan import StudyRun

MARK = "study.json"  # beside a finished run's results: its overrides and its time
# the training as a person would start it, in a checkout and installed alike
PROGRAM = ("-m", "contrastmask", "train") if CHECKOUT is None else (str(CHECKOUT / "train.py"),)


def finished(run: StudyRun, root: Path) -> bool:
    """Whether the run's folder holds complete results of the same settings.

    Raises:
        ConfigError: it holds results of others.
    """
    folder = run.folder(root)
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if mark["overrides"] != list(run.overrides):
        raise ConfigError(
            f"{folder} was run with {' '.join(mark['overrides'])}, not {' '.join(run.overrides)}: choose another out="
        )
    return True


def run_all(
    runs: Sequence[StudyRun], root: Path, devices: Sequence[str] = ("cpu",), console: Console | None = None
) -> list[StudyRun]:
    """Train what is not finished, first what others start from; broken and partial runs start anew.

    Args:
        devices: one run at a time on each: ``"cpu"`` (named several times for several runs side by side) or the number
            of a GPU. A run on the CPU uses as many threads as ``OMP_NUM_THREADS`` says.

    Returns:
        the runs that failed; each has its output in ``study.log`` of its folder.

    Raises:
        DataError: another study is at one of the runs.
    """
    console = console or Console()
    starts = list({run.start for run in runs if run.start})
    if starts and (failed := run_all(starts, root, devices, console)):
        return failed
    todo = [run for run in runs if not finished(run, root)]
    console.print(f"{len(runs) - len(todo)} of {len(runs)} runs are finished")
    free: Queue[str] = Queue()
    for device in devices:
        free.put(device)

    def work(run: StudyRun) -> bool:
        device = free.get()
        try:
            return _train(run, root, device, console)
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(devices)) as pool:
        good = list(pool.map(work, todo))
    return [run for run, fine in zip(todo, good, strict=True) if not fine]


def _train(run: StudyRun, root: Path, device: str, console: Console) -> bool:
    folder = run.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        if finished(run, root):  # by another study, since it was looked for
            return True
        return _train_in(folder, run, root, device, console)


def _train_in(folder: Path, run: StudyRun, root: Path, device: str, console: Console) -> bool:
    # of a run that did not finish: a training goes into no folder that holds them
    for old in (folder / MARK, folder / "results.json", *(folder / "checkpoints").glob("*.ckpt")):
        old.unlink(missing_ok=True)
    environment = dict(os.environ)
    place = ["trainer.accelerator=cpu"]
    if device != "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = device
        place = ["trainer.accelerator=gpu", "trainer.devices=1"]
    quiet = ["trainer.enable_progress_bar=false", f"hydra.run.dir={folder.as_posix()}"]
    if run.start:
        quiet.append(f"init_path={(run.start.folder(root) / 'checkpoints' / 'last.ckpt').as_posix()}")
    command = [sys.executable, *PROGRAM, *run.overrides, *place, *quiet]
    start = time.monotonic()
    with (folder / "study.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    seconds = time.monotonic() - start
    good = done.returncode == 0 and (folder / "results.json").is_file()
    if good:
        write_whole(folder / MARK, json.dumps({"overrides": list(run.overrides), "seconds": seconds, "device": device}))
    said = f"{seconds:.0f} s" if good else f"FAILED, see {folder / 'study.log'}"
    console.print(f"{run.split} {run.variant} seed {run.seed}: {said}", highlight=False, markup=False)
    return good
