"""Whole programs killed at every so many writes: what is there can be used, and the work goes on from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")]

# Each in a process of its own: the children compute, which they may not after a fork beside torch's threads.
TRAINING = """
import json, shutil, sys
from pathlib import Path
import torch
from contrastmask.checkpoints.read import read_resumable
from contrastmask.report.write import write_report
from tests.faults.killing import ended_at
from tests.tiny_run import run_train, tiny_data

root, points = Path(sys.argv[1]), int(sys.argv[2])
data = (*tiny_data(root / "data", n_images=2), "schedule.epochs=2", "logger=csv", "trainer.log_every_n_steps=1")
killed = 0
for point in range(points):
    run = root / "run" / str(point)
    run.mkdir(parents=True)
    last = 2 + int(1.6 ** point * 4)  # dense in the beginning, and up to what a run does in all
    killed += ended_at(last, run, lambda: run_train(run, *data))
    for path in run.rglob("*.json"):
        json.loads(path.read_text())
    for path in run.rglob("*.ckpt"):
        if not path.name.startswith("."):
            read_resumable(path)
    if (run / "resolved.yaml").is_file():
        write_report([run], root / "report.html")
    checkpoint = run / "checkpoints" / "last.ckpt"
    if checkpoint.is_file():
        run_train(run, *data, f"ckpt_path={checkpoint}")
        assert json.loads((run / "results.json").read_text())["images"]["evaluated"] == 3
    shutil.rmtree(run)
print("killed", killed)
"""

COMPLETION = """
import sys
from pathlib import Path
from tests.completion.filled_boxes import run
from tests.data.coco_rows import content, image
from tests.faults.killing import ended_at

root, form = Path(sys.argv[1]), sys.argv[2]
rows = [
    {"id": n + 1, "image_id": 1 + n % 3, "category_id": 18, "bbox": [5 + n, 5, 20, 20], "iscrowd": 0} for n in range(6)
]
before = content(rows, [image(1), image(2), image(3)])
(root / "whole").mkdir()
run(root / "whole", before, form=form)
whole = (root / "whole" / "out.json").read_bytes()
last = killed = 0
while True:
    last += 1
    folder = root / str(last)
    folder.mkdir()
    (folder / "out.json").write_text("earlier")
    ended = ended_at(last, folder / ".out.json", lambda: run(folder, before, form=form, overwrite=True))
    killed += ended
    found = (folder / "out.json").read_bytes()
    assert found in (b"earlier", whole), last
    run(folder, before, form=form, overwrite=True)
    assert (folder / "out.json").read_bytes() == whole, last
    assert not list(folder.glob("*.journal")), last
    if not ended:
        break
print("killed", killed)
"""


def program(script: str, *words: object) -> int:
    """How often it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])


def test_training(tmp_path: Path) -> None:
    assert program(TRAINING, tmp_path, 14) >= 10


@pytest.mark.parametrize("form", ["rle", "polygons"])
def test_completion(form: str, tmp_path: Path) -> None:
    assert program(COMPLETION, tmp_path, form) >= 8
