"""The columns of a report: a run each, or the runs of a sweep that differ by their seed alone."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contrastmask.errors import DataError
from contrastmask.files.absent import absent
from contrastmask.report.runs import Run, is_run, read_run

# what differs between runs that are the same but for their seed and place
_OWN = ("seed", "run_name", "logger", "callbacks", "notes", "trainer.default_root_dir")


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
        DataError: a folder does not exist, holds no run.
    """
    columns = []
    for folder in folders:
        if said := absent("the folder of a run or of a sweep", folder, folder=True):
            raise DataError(said)
        if is_run(folder):
            columns.append([read_run(folder)])
            continue
        jobs = sorted((p for p in folder.iterdir() if p.is_dir() and is_run(p)), key=_natural)
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


def differing(columns: Sequence[Column]) -> list[str]:
    """Names of the settings in which the columns differ."""
    flat = [_flat(column.runs[0].config) for column in columns]
    names = dict.fromkeys(name for settings in flat for name in settings)
    return [n for n in names if not _is_own(n) and len({json.dumps(settings.get(n)) for settings in flat}) > 1]


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
