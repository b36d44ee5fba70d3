"""Signals to the programs as people start them: to a group, with loaders, to one process of several."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tiny_run import MODEL, PROGRAM, tiny_data

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]
GRACE = 15  # seconds


def start(folder: Path, *overrides: str) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "train.py", *MODEL, *PROGRAM, *overrides, f"hydra.run.dir={folder}"]
    with (folder.parent / "said").open("w") as said:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )


def wait_for_steps(folder: Path, process: subprocess.Popen) -> None:
    """Until the first figures of a step stand in the log."""
    deadline = time.monotonic() + 240
    while not list(folder.rglob("metrics.csv")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    assert process.poll() is None, (folder.parent / "said").read_text()[-3000:]


def members(group: int) -> list[int]:
    """The processes of a group that still run."""
    listed = subprocess.run(["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()[1:]]
    return [int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")]


@pytest.mark.parametrize(
    ("signum", "target", "more"),
    [
        (signal.SIGTERM, "group", ("data.num_workers=1",)),
        (signal.SIGINT, "group", ("data.num_workers=1",)),
        (signal.SIGTERM, "first", ("trainer=ddp", "trainer.accelerator=cpu")),
        (signal.SIGTERM, "group", ("trainer=ddp", "trainer.accelerator=cpu")),
        (signal.SIGTERM, "last", ("trainer=ddp", "trainer.accelerator=cpu")),
    ],
)
def test_all_processes_end_in_time_and_what_was_trained_is_there(
    signum: int, target: str, more: tuple[str, ...], tmp_path: Path
) -> None:
    data = (*tiny_data(tmp_path / "data", n_images=8), "trainer.log_every_n_steps=1", "schedule.epochs=500", *more)
    folder = tmp_path / "run"
    process = start(folder, *data, "trainer.limit_val_batches=0")
    try:
        wait_for_steps(folder, process)
        (folder / "checkpoints" / "last.ckpt").unlink(missing_ok=True)
        if target == "group":
            os.killpg(process.pid, signum)
        else:
            # a process's children are younger than it
            os.kill(process.pid if target == "first" else max(members(process.pid)), signum)
        assert process.wait(timeout=GRACE) == 128 + signum, (folder.parent / "said").read_text()[-3000:]
        deadline = time.monotonic() + 5
        while members(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not members(process.pid)
    finally:
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    said = (folder.parent / "said").read_text()
    assert "Traceback" not in said
    assert "ended after step" in said
    assert (folder / "checkpoints" / "last.ckpt").is_file()
