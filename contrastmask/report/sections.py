"""What each section of the report shows, as plain values; the templates of the same names lay them out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from contrastmask.report.charts import COLOURS, Bar, LineChart, bars, figure_text, line_chart
from contrastmask.report.columns import Column, differing
from contrastmask.report.pictures import data_uri
from contrastmask.report.runs import Run, setting

GROUPS = ("base", "novel", "all")
TABLES = (
    ("mask", "Masks of detections, AP in percent", ("AP", "AP50", "AP75")),
    ("box", "Boxes of detections, AP in percent", ("AP", "AP50", "AP75")),
    ("given_boxes", "Masks in given boxes, percent", ("IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50")),
)
EQUAL = "#b0b5bd"  # where confidence and IoU are the same
PICTURES = {
    "truth": "ground truth",
    "prediction": "prediction",
    "cam": "CAM",
    "similarity": "foreground similarity",
    "error": "error",
}
_SHOWN = ("split.name", "backbone.name", "schedule.name", "schedule.epochs", "model.name", "loss.formula", "data.name")


def what(columns: Sequence[Column]) -> list[tuple[str, list[str]]]:
    """Rows of what was run: a name and a text a column; rows without any text are left out."""
    names = list(dict.fromkeys([*_SHOWN, *differing(columns)]))
    rows = [("folder", [", ".join(str(run.folder) for run in c.runs) for c in columns])]
    rows += [(name, [_plain(setting(c.runs[0], name)) for c in columns]) for name in names]
    rows.append(("seed", [", ".join(_plain(setting(run, "seed")) for run in c.runs) for c in columns]))
    rows.append(("notes", [str(setting(c.runs[0], "notes") or "") for c in columns]))
    rows += [(name, [tell(c.runs[0]) for c in columns]) for name, tell in _TOLD.items()]
    return [(name, texts) for name, texts in rows if any(texts)]


def gaps(columns: Sequence[Column]) -> list[str]:
    """What the runs lack, and results that come from a part of the images."""
    runs = [run for column in columns for run in column.runs]
    texts = [f"{run.folder}: {gap}" for run in runs for gap in run.gaps]
    for run in runs:
        images = run.results.get("images") or {}
        if images and images.get("evaluated") != images.get("of"):
            texts.append(f"{run.folder}: only {images.get('evaluated')} of {images.get('of')} images were evaluated")
    return texts


def figures(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Tables of figures: ``id``, ``heading``, ``metrics`` and ``groups``: the name of each and per column its name, a
    row of cells, one a metric, and why there are none where a run that was judged has none. Groups lie below each
    other, so that no number of metrics is wider than a page.

    A cell has its ``text``, whether it is the ``best`` of several columns, and the ``difference`` to the first column.
    """
    tables = []
    for kind, heading, metrics in TABLES:
        if not any(kind in run.results for column in columns for run in column.runs):
            continue
        groups = []
        for group in GROUPS:
            found = [[column.figure(kind, group, metric) for metric in metrics] for column in columns]
            rows = [
                (
                    column.name,
                    [_cell(found, row, i, metric) for i, metric in enumerate(metrics)],
                    _why_none(column, kind, group) if all(value is None for value, _ in found[row]) else "",
                )
                for row, column in enumerate(columns)
            ]
            groups.append((group, rows))
        tables.append({"id": kind, "heading": heading, "metrics": metrics, "groups": groups})
    return tables


def _why_none(column: Column, kind: str, group: str) -> str:
    """Why the figures of a group of classes are lacking, as far as the runs' results and data tell; else empty."""
    if not all(group in run.results.get(kind, {}) for run in column.runs):
        return ""
    if group != "all" and all((run.data.get("split") or {}).get(group) == [] for run in column.runs):
        return f"no class is {group}"
    what = "objects" if kind == "box" else "masks"
    return f"the validation file has no {what} of {'any class' if group == 'all' else f'{group} classes'} to judge by"


def _cell(table: list[list[tuple[Any, Any]]], row: int, i: int, metric: str) -> dict[str, Any]:
    value, spread = table[row][i]
    # as printed: runs that print the same figure are both the best
    best = max((figure_text(r[i][0], None) for r in table if r[i][0] is not None), default="", key=float)
    shown = value is not None and len(table) > 1 and metric != "filled_box_IoU"
    first = table[0][i][0]
    difference = f"{value - first:+.1f}" if row and value is not None and first is not None else None
    return {
        "text": figure_text(value, spread),
        "best": shown and figure_text(value, None) == best,
        "difference": difference,
    }


def classes(columns: Sequence[Column]) -> list[tuple[str, list[Bar]]]:
    """Mask AP by class: the columns that have any, each with its bars."""
    prepared = []
    for column in columns:
        found = {n: r for run in column.runs for n, r in (run.results.get("per_class") or {}).items()}
        rows = [
            (name, row.get("group", ""), *column.figure("per_class", name, "mask", "AP"))
            for name, row in found.items()
            if row.get("objects")
        ]
        prepared.append((column.name, rows))
    limit = max((value for _, rows in prepared for _, _, value, _ in rows if value is not None), default=0.0)
    return [(name, bars(rows, limit)) for name, rows in prepared if rows]


def curves(columns: Sequence[Column]) -> tuple[list[LineChart], list[tuple[str, str]], bool]:
    """Charts of losses and AP, the key (name, colour) that all of them share, and whether there is any AP curve."""
    runs = [(c.name if len(c.runs) == 1 else f"{c.name}: {r.folder.name}", r) for c in columns for r in c.runs]
    names = list(dict.fromkeys(name for _, run in runs for name in run.curves))
    losses = [n for n in names if n.startswith("train/loss")]
    aps = [n for n in names if n.startswith(("val/", "test/")) and n.endswith("/AP")]
    # one evaluation is a row of the tables above, not a curve
    aps = [n for n in aps if any(len(run.curves.get(n, [])) > 1 for _, run in runs)]
    key = [(label, COLOURS[i % len(COLOURS)]) for i, (label, _) in enumerate(runs)]
    charts = [
        line_chart(name, [(*named, run.curves.get(name, [])) for named, (_, run) in zip(key, runs, strict=True)])
        for name in [*sorted(losses), *sorted(aps)]
    ]
    return [chart for chart in charts if chart], key, bool(aps)


def reliability(columns: Sequence[Column]) -> list[LineChart]:
    """Of base and novel classes: the IoU that masks in given boxes have over the confidence that they claim, percent,
    a line a run, and a line where the two are equal."""
    runs = [(c.name if len(c.runs) == 1 else f"{c.name}: {r.folder.name}", r) for c in columns for r in c.runs]
    charts = []
    for group in GROUPS[:2]:
        lines = []
        for i, (name, run) in enumerate(runs):
            rows = ((run.results.get("given_boxes") or {}).get(group) or {}).get("reliability") or []
            if points := [(100 * row["said"], 100 * row["true"]) for row in rows]:
                lines.append((name, COLOURS[i % len(COLOURS)], points))
        if lines:
            title = f"{group}: IoU over confidence, percent"
            charts.append(line_chart(title, [("equal", EQUAL, [(0.0, 0.0), (100.0, 100.0)]), *lines]))
    return [chart for chart in charts if chart]


def gallery(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Per column with a gallery: ``name``, ``content`` (its counts), ``in_given_boxes``, whether a crop branch made it,
    whose scores are its confidence, and ``kinds``: name and cards of its objects.

    A card has the object (``item``) and its ``pictures``: name and ``data:`` address, None where it cannot be shown.
    """
    parts = []
    for column in columns:
        run = next((run for run in column.runs if run.gallery), None)
        if run is None:
            continue
        cards = [(item["kind"], _card(run, item)) for item in run.gallery.get("objects") or []]
        kinds = [(kind, [card for k, card in cards if k == kind]) for kind in ("best", "median", "worst")]
        given = setting(run, "mask_branch.kind") == "crop" and not setting(run, "crops")
        shown = [k for k in kinds if k[1]]
        parts.append({"name": column.name, "content": run.gallery, "in_given_boxes": given, "kinds": shown})
    return parts


def _card(run: Run, item: dict[str, Any]) -> dict[str, Any]:
    folder, files = run.folder / "gallery", item["files"]
    return {
        "item": item,
        "pictures": [(name, data_uri(folder, files[key])) for key, name in PICTURES.items() if key in files],
    }


def settings(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """Per column with known settings its name and all of them as JSON."""
    return [(c.name, json.dumps(c.runs[0].config, indent=2)) for c in columns if c.runs[0].config]


def _plain(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _data(run: Run) -> str:
    texts = []
    for side in ("train", "val"):
        part = run.data.get(side)
        if part:
            objects = ", ".join(
                f"{group} {part[group].get('objects', '?')} objects ({part[group].get('with_mask', '?')} with mask)"
                for group in ("base", "novel")
                if group in part
            )
            texts.append(f"{side}: {part.get('images_used', '?')} images; {objects}")
    return ". ".join(texts)


def _code(run: Run) -> str:
    packages = run.versions.get("packages") or {}
    kept = [f"{p} {packages[p]}" for p in ("torch", "torchvision", "pytorch-lightning") if packages.get(p)]
    return ", ".join([*([f"git {run.versions['git'][:12]}"] if run.versions.get("git") else []), *kept])


def _machine(run: Run) -> str:
    gpus = ", ".join(run.versions.get("gpus") or []) or ("CPU" if run.versions else "")
    return f"{gpus}, {run.versions['platform']}" if run.versions.get("platform") else gpus


_TOLD = {"data": _data, "code": _code, "machine": _machine}
