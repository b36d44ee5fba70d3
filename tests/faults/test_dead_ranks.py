"""One process of several is killed (signal 9): the others end in time, say so, and no half run looks whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.faults.test_whole_run_signals import ROOT, members, start, wait_for_steps
from tests.tiny_run import tiny_data

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]
BOUND = 30  # seconds


@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("stage", ["training", "evaluation"])
def test_the_others_end(which: str, stage: str, tmp_path: Path) -> None:
    data = (*tiny_data(tmp_path / "data", n_images=8), "trainer.log_every_n_steps=1", "schedule.epochs=500")
    folder = tmp_path / "run"
    val = () if stage == "evaluation" else ("trainer.limit_val_batches=0",)
    process = start(folder, *data, "trainer=ddp", "trainer.accelerator=cpu", *val)
    try:
        wait_for_steps(folder, process)
        family = sorted(members(process.pid))
        assert len(family) >= 2
        killed = process.pid if which == "first" else max(family)
        os.kill(killed, signal.SIGKILL)
        start_of_end = time.monotonic()
        assert process.wait(timeout=BOUND) != 0
        while members(process.pid) and time.monotonic() < start_of_end + BOUND:
            time.sleep(0.1)
        assert not members(process.pid)
    finally:
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    said = (folder.parent / "said").read_text()
    assert "Traceback" not in said
    if which == "last" and process.returncode > 0:  # else Lightning was faster, and has killed the first one
        assert process.returncode == 1
        assert "ProcessError: another process of this run has gone (of 2; " in said
    assert not (folder / "results.json").exists()
    for path in folder.rglob("*.ckpt"):
        torch.load(path, weights_only=True)


ORPHAN = """
import os, subprocess, sys, time
from contrastmask.training.dead_processes import end_with_parent
if len(sys.argv) > 1:
    print(os.getpid(), flush=True)
    end_with_parent(0.1)
    time.sleep(60)
child = subprocess.Popen([sys.executable, __file__, "child"], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), flush=True)
os._exit(0)
"""


def test_a_process_whose_parent_has_gone_ends(tmp_path: Path) -> None:
    (tmp_path / "orphan.py").write_text(ORPHAN)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "orphan.py")],
        capture_output=True, text=True, timeout=120, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Path(f"/proc/{done.stdout.strip()}/stat").exists():
        if Path(f"/proc/{done.stdout.strip()}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    assert not Path(f"/proc/{done.stdout.strip()}").exists()
