"""What the finished runs of a table measured, base and novel as the table's direction has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.errors import DataError
from contrastmask.study import branch_reach, cam_truth, mask_truth, separation
from contrastmask.study.plan import StudyRun, Table
from contrastmask.study.runner import MARK, finished

GROUPS = ("novel", "base")
# name of a measure -> (part of results.json, figure); all percent
MEASURES = {
    "given-box IoU": ("given_boxes", "IoU"),
    "given-box boundary IoU": ("given_boxes", "boundary_IoU"),
    "given-box mask AP": ("given_boxes", "AP"),
    "mask AP": ("mask", "AP"),
    "box AP": ("box", "AP"),
    "filled-box IoU": ("given_boxes", "filled_box_IoU"),
}
LAYERS = ("head", "encoder", "projected")  # feature separation, percent, where `measure` has been run
CAM_TRUTH = ("inside", "foreground", "background", "auc")  # of the CAM, see cam_truth.py, likewise
MASK_TRUTH = ("area", "predicted area", "IoU", "best IoU", "auc")  # of masks in given boxes, see mask_truth.py
BRANCH_REACH = ("encoder", "enhanced", "pattern", "constant")  # of the contrastive branch, see branch_reach.py
# what comes before a figure's name -> file that `measure` leaves, its figures by class
PARTS = {
    "CAM": (cam_truth.FILE, CAM_TRUTH),
    "mask": (mask_truth.FILE, MASK_TRUTH),
    "branch": (branch_reach.FILE, BRANCH_REACH),
}
PER_OBJECT = ("IoU", "boundary_IoU", "filled_box_IoU")  # means over objects; the others are means over classes


def table_figures(table: Table, root: Path) -> dict[str, Any]:
    """The figures of all finished runs of a table.

    Returns:
        ``{split: {line: {seed: {"seconds": s, group: {measure: percent or None}}}}}``, groups ``novel`` and
        ``base``; the oracle appears in every split. Runs that are not finished are left out.

    Raises:
        DataError: a split has no run that tells which classes are novel.
    """
    found: dict[str, Any] = {}
    done = {(r.variant, r.split, r.seed): r for r in table.runs() if finished(r, root)}
    for split in table.splits:
        groups = _groups([run for run in done.values() if run.split == split and not run.oracle], root, split)
        variants: dict[str, Any] = {}
        for line, variant in table.names().items():
            rows = {
                seed: _figures(run.folder(root), groups)
                for (v, s, seed), run in sorted(done.items(), key=lambda item: item[0])
                if v == variant and (s == split or run.oracle)
            }
            if rows:
                variants[line] = rows
        found[split] = variants
    return found


def novel_classes(table: Table, root: Path, split: str) -> list[str]:
    """Names of the classes that every finished run of this split but the oracle had no masks of.

    Raises:
        DataError: there is none.
    """
    runs = [run for run in table.runs() if run.split == split and not run.oracle and finished(run, root)]
    return _groups(runs, root, split)["novel"]


def _groups(runs: Sequence[StudyRun], root: Path, split: str) -> dict[str, list[str]]:
    if not runs:
        raise DataError(f"{root}: no finished run of {split} yet; python -m contrastmask.study run")
    tables = [_per_class(_read(run.folder(root) / "results.json")) for run in runs]
    # along a curve of base classes only those stay that are on one side at every point
    return {g: [n for n in tables[0] if all(t[n]["group"] == g for t in tables)] for g in GROUPS}


def _figures(folder: Path, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    results, mark = _read(folder / "results.json"), _read(folder / MARK)
    figures: dict[str, Any] = {"seconds": mark["seconds"]}
    for group, names in groups.items():
        figures[group] = {
            measure: _group_mean(results, part, figure, names) for measure, (part, figure) in MEASURES.items()
        }
    if (folder / separation.FILE).is_file():
        for layer, found in _read(folder / separation.FILE).items():
            for group in groups:
                figures[group][f"{layer} separation"] = found[group]
    for kind, (file, names_of) in PARTS.items():
        found = _read(folder / file) if (folder / file).is_file() else {}
        for group, names in groups.items():
            for figure in names_of:
                rows = [r for r in map(found.get, names) if r and r[figure] is not None]
                if rows:
                    values, weights = zip(*((r[figure], r["objects"]) for r in rows), strict=True)
                    figures[group][f"{kind} {figure}"] = float(np.average(values, weights=weights))
    return figures


def _group_mean(results: Mapping[str, Any], part: str, figure: str, names: Sequence[str]) -> float | None:
    rows = results["given_boxes"]["per_class"] if part == "given_boxes" else _per_class(results)
    values, weights = [], []
    for name in names:
        row = rows[name] if part == "given_boxes" else rows[name].get(part, {})
        if row.get(figure) is not None:
            values.append(row[figure])
            weights.append(row["objects"] if figure in PER_OBJECT else 1)
    return float(np.average(values, weights=weights)) if values else None


def _per_class(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run that finds no boxes has the classes of its masks in given boxes alone."""
    return results["per_class"] if "per_class" in results else results["given_boxes"]["per_class"]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
