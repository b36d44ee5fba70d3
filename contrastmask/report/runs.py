"""What one run folder holds, as far as it can be read; what lacks or is damaged is said, never an error."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from contrastmask.report.expected import DATA, GALLERY, LARGEST, RESULTS, VERSIONS, prune

Curves = dict[str, list[tuple[float, float]]]  # name -> (step, value), steps rising
_FILES = {"versions": VERSIONS, "data": DATA, "results": RESULTS}
_TOLD = 3  # damaged places of one file that are named


@dataclass
class Run:
    """What one run folder holds; parts that lack are empty, and ``gaps`` says so."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    gallery: dict[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)


def is_run(folder: Path) -> bool:
    """Whether the folder holds anything that a run leaves."""
    return any((folder / name).is_file() for name in ("resolved.yaml", "results.json", "csv/metrics.csv"))


def read_run(folder: Path) -> Run:
    """What the run folder holds; damaged parts are left out and named in ``gaps``."""
    run = Run(folder)
    if (folder / "resolved.yaml").is_file():
        run.config = _parsed(run, "resolved.yaml", _settings)
    else:
        run.gaps.append("no resolved.yaml: the settings are not known")
    for name, pattern in _FILES.items():
        if (folder / f"{name}.json").is_file():
            setattr(run, name, _json(run, f"{name}.json", pattern))
        else:
            run.gaps.append(f"no {name}.json" + (": the run was not evaluated" if name == "results" else ""))
    if (folder / "gallery" / "gallery.json").is_file():
        run.gallery = _json(run, "gallery/gallery.json", GALLERY)
    else:
        run.gaps.append("no gallery: test.py, or the evaluation that ends train.py, writes it")
    if (folder / "csv" / "metrics.csv").is_file():
        run.curves = _parsed(run, "csv/metrics.csv", lambda path: _curves(run, path))
    elif not _only_tested(folder):
        kept = [name for name in ("tensorboard", "wandb") if (folder / name).is_dir()]
        where = f"the run was recorded by {' and '.join(kept)}" if kept else "no csv/metrics.csv"
        run.gaps.append(f"no curves: {where}; they are drawn from what logger=csv records")
    return run


def _only_tested(folder: Path) -> bool:
    """Whether the run is one of test.py, which records no curve: by the programs' own logs."""
    return (folder / "test.log").is_file() and not (folder / "train.log").is_file()


def setting(run: Run, name: str) -> Any:
    """The setting ``a.b`` of a run, None where it is not known."""
    node: Any = run.config
    for key in name.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _parsed(run: Run, name: str, read: Callable[[Path], Any]) -> Any:
    try:
        return read(run.folder / name)
    except Exception as error:  # a damaged file; the parsers raise many kinds
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        run.gaps.append(f"{name} cannot be read and is left out ({reason})")
        return {}


def _settings(path: Path) -> dict[str, Any]:
    content = OmegaConf.to_container(OmegaConf.load(path))
    if not content or not isinstance(content, dict):
        raise ValueError("no settings in it")
    return json.loads(json.dumps(content, default=str))  # keys and values as the report prints them


def _json(run: Run, name: str, pattern: dict[str, Any]) -> dict[str, Any]:
    content = _parsed(run, name, lambda path: json.loads(path.read_text(encoding="utf-8")))
    kept, wrong = prune(content, pattern)
    if kept is None:
        run.gaps.append(f"{name} holds no object and is left out")
        return {}
    if wrong:
        more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        run.gaps.append(f"{name} is damaged, left out of it: {', '.join(wrong[:_TOLD])}{more}")
    return kept


def _curves(run: Run, path: Path) -> Curves:
    curves: Curves = {}
    damaged = 0
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                values = {k: float(v) for k, v in row.items() if k and v}
            except (TypeError, ValueError):  # a line that was cut off, or holds a word
                damaged += 1
                continue
            step = values.get("step")
            for name, value in values.items():
                if step is not None and name not in ("step", "epoch") and abs(value) < LARGEST and abs(step) < LARGEST:
                    curves.setdefault(name, []).append((step, value))
    if damaged:
        run.gaps.append(f"csv/metrics.csv: {damaged} damaged lines are left out")
    if not curves:
        run.gaps.append("no curves: csv/metrics.csv records nothing")
    return {name: sorted(points) for name, points in curves.items()}
