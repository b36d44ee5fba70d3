"""What is asked for often starts at once: no torch where nothing is computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import tiny_data

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "pytorch_lightning", "torchmetrics", "wandb", "matplotlib")
# prints the heavy modules that a program has imported by the time it ends
SPY = f"""
import atexit, runpy, sys
heavy = {HEAVY!r}
atexit.register(lambda: print("HEAVY", sorted(name for name in heavy if name in sys.modules)))
kind, name, *words = sys.argv[1:]
sys.argv = [name, *words]
run = runpy.run_path if kind == "file" else runpy.run_module
run(name, run_name="__main__")
"""


def imported(kind: str, name: str, *words: str) -> tuple[str, str]:
    """What a program says and the heavy modules it imported."""
    command = [sys.executable, "-c", SPY, kind, name, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    said, _, heavy = done.stdout.rpartition("HEAVY ")
    return said, heavy.strip()


def test_check_needs_no_torch(tmp_path: Path) -> None:
    said, heavy = imported("module", "contrastmask.check", *tiny_data(tmp_path), "split=as_annotated")
    assert "ready to train" in said
    assert heavy == "[]"


def test_evaluate_needs_no_torch(tmp_path: Path) -> None:
    tiny = write_tiny_coco(tmp_path, n_images=2, seed=1)
    (tmp_path / "found.json").write_text("[]")
    words = ("evaluate", str(tmp_path / "found.json"), "--truth", str(tiny.annotations))
    said, heavy = imported("module", "contrastmask", *words)
    assert "Detection, 2 images" in said
    assert heavy == "[]"


@pytest.mark.parametrize("program", ["train", "test", "predict"])
def test_the_programs_help_needs_no_torch(program: str) -> None:
    said, heavy = imported("file", f"{program}.py", "--help")
    assert "== Configuration ==" in said
    assert heavy == "[]"


@pytest.mark.parametrize("command", ["train", "check", "review", "evaluate", "report", "convert", "study"])
def test_the_commands_help_needs_no_torch(command: str) -> None:
    said, heavy = imported("module", "contrastmask", command, "--help")
    assert command in said
    assert heavy == "[]"
