"""Imports run one way; the detector needs no trainer and no configuration."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "contrastmask"
# who may import what of this package; longest prefix first
ALLOWED = {
    "losses": {"losses", "errors"},
    "model": {"losses", "model", "errors"},
    "data": {"data", "errors"},
    "distributed": set(),
    "coco_match": {"data", "errors"},
    "boundary": set(),
    "evaluation": {"boundary", "data", "errors", "coco_match", "distributed"},
    "tables": {"evaluation"},
    "drawing": set(),
    "visualization": {"data", "errors", "drawing"},
    "optimization": set(),
    "pretrained": {"errors", "tensor_files"},
    "tensor_files": {"errors"},
    "mmdetection": {"errors"},
    "checkpoints": {"errors", "mmdetection", "tensor_files", "data"},
    "initialisation": {"errors", "mmdetection", "tensor_files", "checkpoints"},
    "loggers": {"errors"},
    "run_folder": {"evaluation"},
    "module": {"model", "losses", "evaluation", "data", "distributed", "optimization"},
    "gallery": {"coco_match", "data", "drawing", "model", "run_folder", "visualization"},
    "report_runs": {"errors"},
    "report_charts": set(),
    "report_page": {"errors", "report_charts", "report_runs"},
    "report": {"errors", "report_page", "report_runs"},
    "tracking": set(),
    "heat_panels": {"drawing", "visualization"},
    "callbacks": {"module", "data", "visualization", "loggers", "gallery", "heat_panels", "tables"},
    "network_config": set(),
    "polygons": set(),
    "confidence": set(),
    "journal": {"errors"},
    "study": {"build", "config", "data", "errors", "launch", "losses", "model", "predictor", "whole_file"},
    "whole_file": {"errors"},
    "mask_scores": {"coco_match", "data"},
    "completion_options": {"errors"},
    "completed_file": {"completion_options", "data", "errors", "mask_scores", "polygons", "whole_file"},
    "completion": {"completed_file", "completion_options", "confidence", "data", "errors", "journal", "predictor"},
    "image_sources": {"data", "errors"},
    "detection": {"errors", "image_sources", "predictor", "visualization", "whole_file"},
    "predict_config": set(),
    "plain_network": {"checkpoints", "errors", "network_config"},
    "predictor": {"assemble", "checkpoints", "data", "model", "plain_network"},
    "assemble": {"errors", "model", "network_config", "pretrained"},
    "config": {"errors", "network_config"},
}
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
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if room not in ALLOWED:
        assert room in {"__init__", "errors", "build", "run", "launch", "check", "predict"}, (
            f"{room} needs a line in ALLOWED"
        )
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("contrastmask.")}
    assert ours <= ALLOWED[room] | {room}


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
