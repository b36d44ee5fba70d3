"""What is asked for often starts at once: no torch where nothing is computed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import tiny_data

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "pytorch_lightning", "torchmetrics", "wandb", "matplotlib")
# runs programs one after the other; after each prints the heavy modules that were imported so far
SPY = f"""
import json, runpy, sys
heavy = {HEAVY!r}
for kind, name, *words in json.loads(sys.argv[1]):
    sys.argv = [name, *words]
    run = runpy.run_path if kind == "file" else runpy.run_module
    try:
        run(name, run_name="__main__")
    except SystemExit as end:
        assert not end.code, (name, words, end.code)
    print("HEAVY", sorted(name for name in heavy if name in sys.modules))
"""


def imported(*programs: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What each (kind, name, *words) says, and the heavy modules that it, or one before it, has imported."""
    command = [sys.executable, "-c", SPY, json.dumps(programs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    *ended, rest = re.split(r"^HEAVY (.*)\n", done.stdout, flags=re.MULTILINE)
    assert not rest
    assert len(ended) == 2 * len(programs)
    return zip(ended[::2], ended[1::2], strict=True)


def test_check_needs_no_torch(tmp_path: Path) -> None:
    ((said, heavy),) = imported(("module", "contrastmask.check", *tiny_data(tmp_path), "split=as_annotated"))
    assert "ready to train" in said
    assert heavy == "[]"


def test_evaluate_needs_no_torch(tmp_path: Path) -> None:
    tiny = write_tiny_coco(tmp_path, n_images=2, seed=1)
    (tmp_path / "found.json").write_text("[]")
    words = ("evaluate", str(tmp_path / "found.json"), "--truth", str(tiny.annotations))
    ((said, heavy),) = imported(("module", "contrastmask", *words))
    assert "Detection, 2 images" in said
    assert heavy == "[]"


def test_the_programs_help_needs_no_torch() -> None:
    programs = ("train", "test", "predict")
    for name, (said, heavy) in zip(programs, imported(*(("file", f"{p}.py", "--help") for p in programs)), strict=True):
        assert "== Configuration ==" in said, name
        assert heavy == "[]", name


def test_the_commands_help_needs_no_torch() -> None:
    commands = ("train", "check", "review", "evaluate", "report", "convert", "study")
    told = imported(*(("module", "contrastmask", c, "--help") for c in commands))
    for command, (said, heavy) in zip(commands, told, strict=True):
        assert command in said
        assert heavy == "[]", command
