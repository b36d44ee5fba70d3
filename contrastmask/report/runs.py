"""Run folders and sweep folders as the report shows them: read, grouped over seeds, summarised."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from contrastmask.errors import DataError

Curves = dict[str, list[tuple[float, float]]]  # name -> (step, value), steps rising
# what differs between runs that are the same but for their seed and place
_OWN = ("seed", "run_name", "logger", "callbacks", "notes", "trainer.default_root_dir")


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


@dataclass
class Column:
    """One run, or the runs of a sweep that differ by their seed alone."""

    name: str
    runs: list[Run]

    def figure(self, *keys: str) -> tuple[float | None, float | None]:
        """Mean over the runs of ``results[keys…]`` and its standard deviation (n-1; None for one run)."""
        found = []
        for run in self.runs:
            node: Any = run.results
            for key in keys:
                node = node.get(key) if isinstance(node, dict) else None
            if isinstance(node, (int, float)) and math.isfinite(node):
                found.append(float(node))
        if not found:
            return None, None
        return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


def read_columns(folders: Sequence[Path]) -> list[Column]:
    """The columns of a report: one a run folder, and for a sweep folder one a configuration.

    Raises:
        DataError: a folder does not exist, holds no run, or one of its files is broken.
    """
    columns = []
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the folder of a run or of a sweep")
        if _is_run(folder):
            columns.append([read_run(folder)])
            continue
        jobs = sorted((p for p in folder.iterdir() if p.is_dir() and _is_run(p)), key=_natural)
        if not jobs:
            raise DataError(
                f"{folder} holds neither a run (resolved.yaml, results.json) nor a sweep of such folders; "
                "give what train.py or test.py printed as its run folder"
            )
        groups: dict[str, list[Run]] = {}
        for run in map(read_run, jobs):
            groups.setdefault(_identity(run), []).append(run)
        columns += groups.values()
    names = [_name(runs) for runs in columns]
    return [
        Column(name if names.count(name) == 1 else f"{name} ({_folders(runs)})", runs)
        for name, runs in zip(names, columns, strict=True)
    ]


def read_run(folder: Path) -> Run:
    """What the run folder holds.

    Raises:
        DataError: a file is there but cannot be read.
    """
    run = Run(folder)
    path = folder / "resolved.yaml"
    if path.is_file():
        try:
            run.config = OmegaConf.to_container(OmegaConf.load(path))
        except Exception as error:  # YAML and OmegaConf raise many kinds
            raise DataError(f"{path} cannot be read ({error}); remove it or restore it") from error
    else:
        run.gaps.append("no resolved.yaml: the settings are not known")
    for name in ("versions", "data", "results"):
        setattr(run, name, _json(folder / f"{name}.json"))
        if not getattr(run, name):
            run.gaps.append(f"no {name}.json" + (": the run was not evaluated" if name == "results" else ""))
    run.gallery = _json(folder / "gallery" / "gallery.json")
    if not run.gallery:
        run.gaps.append("no gallery: test.py, or the evaluation that ends train.py, writes it")
    run.curves = _curves(folder / "csv" / "metrics.csv")
    if not run.curves:
        kept = [name for name in ("tensorboard", "wandb") if (folder / name).is_dir()]
        where = f"the run was recorded by {' and '.join(kept)}" if kept else "no csv/metrics.csv"
        run.gaps.append(f"no curves: {where}; they are drawn from what logger=csv records")
    return run


def setting(run: Run, name: str) -> Any:
    """The setting ``a.b`` of a run, None where it is not known."""
    node: Any = run.config
    for key in name.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def differing(columns: Sequence[Column]) -> list[str]:
    """Names of the settings in which the columns differ."""
    flat = [_flat(column.runs[0].config) for column in columns]
    names = dict.fromkeys(name for settings in flat for name in settings)
    return [n for n in names if not _is_own(n) and len({json.dumps(settings.get(n)) for settings in flat}) > 1]


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("resolved.yaml", "results.json", "csv/metrics.csv"))


def _natural(path: Path) -> tuple[int, str]:
    return (int(path.name) if path.name.isdigit() else 10**9, path.name)


def _is_own(name: str) -> bool:
    return any(name == own or name.startswith(own + ".") for own in _OWN)


def _identity(run: Run) -> str:
    if not run.config:
        return str(run.folder)
    return json.dumps({k: v for k, v in _flat(run.config).items() if not _is_own(k)}, sort_keys=True)


def _flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _name(runs: list[Run]) -> str:
    run = runs[0]
    name = str(run.config.get("run_name") or run.folder.resolve().name)
    seeds = [str(r.config.get("seed")) for r in runs]
    return name if len(runs) == 1 else f"{name.removesuffix('-seed' + seeds[0])}, {len(runs)} runs"


def _folders(runs: list[Run]) -> str:
    return ", ".join(run.folder.resolve().name for run in runs)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); evaluate again or remove it") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no object; evaluate again or remove it")
    return content


def _curves(path: Path) -> Curves:
    if not path.is_file():
        return {}
    curves: Curves = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                values = {k: float(v) for k, v in row.items() if k and v}
            except (TypeError, ValueError) as error:
                raise DataError(f"{path}: a record is no number ({error}); remove the file or the line") from error
            step = values.get("step")
            for name, value in values.items():
                if step is not None and name not in ("step", "epoch") and math.isfinite(value):
                    curves.setdefault(name, []).append((step, value))
    return {name: sorted(points) for name, points in curves.items()}
