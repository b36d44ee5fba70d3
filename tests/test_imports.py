"""Imports run one way; the detector needs no trainer and no configuration."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "contrastmask"
# a wing imports from wings on later lines alone; those of one line know nothing of each other
ORDER = """
__main__
check
study
programs
review handover audit
completion export
training prediction
assemble
pictures
evaluation
checkpoints
data
model
losses
runtime
report
files
spoken
arguments
conf_folder errors
streams
"""
PLACE = {wing: place for place, line in enumerate(ORDER.split("\n")) for wing in line.split()}
BELOW_CONFIGURATION = {"hydra", "omegaconf", "pytorch_lightning"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    wing = path.relative_to(PACKAGE).with_suffix("").parts[0]
    others = {name.split(".")[1] for name in imports(path) if name.startswith("contrastmask.")} - {wing}
    if wing != "__init__":
        assert all(PLACE[other] > PLACE[wing] and other != "report" for other in others), (wing, others)


@pytest.mark.parametrize("room", ["losses", "model", "data"])
def test_no_trainer_and_no_configuration_below_build(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        if path.name != "datamodule.py":
            assert not {name.split(".")[0] for name in imports(path)} & BELOW_CONFIGURATION, path


def test_the_detector_runs_without_lightning_and_hydra() -> None:
    code = (
        "import sys; import contrastmask.model.detector, contrastmask.assemble; "
        "assert not {'pytorch_lightning', 'hydra', 'omegaconf', 'wandb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


def test_no_file_outgrows_its_room() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in MODULES if (n := len(p.read_text().splitlines())) > 250}
    assert not long
