"""The report's HTML: sections from columns of runs; one file that loads nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from contrastmask.errors import DataError
from contrastmask.report.charts import COLOURS, bars, line_chart, line_key
from contrastmask.report.runs import Column, Run, differing, setting

GROUPS = ("base", "novel", "all")
TABLES = (
    ("mask", "Masks of detections, AP in percent", ("AP", "AP50", "AP75")),
    ("box", "Boxes of detections, AP in percent", ("AP", "AP50", "AP75")),
    ("given_boxes", "Masks in given boxes, percent", ("IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50")),
)
PICTURES = {
    "truth": "ground truth",
    "prediction": "prediction",
    "cam": "CAM",
    "similarity": "foreground similarity",
    "error": "error",
}
_SHOWN = ("split.name", "backbone.name", "schedule.name", "schedule.epochs", "model.name", "loss.formula", "data.name")

STYLE = """
:root{--base:#3366cc;--novel:#d9622b;--line:#d8dce2;--soft:#667}
*{box-sizing:border-box}body{font:15px/1.45 system-ui,sans-serif;color:#1c2430;margin:0 auto;padding:16px;
max-width:1180px}
h1{font-size:24px;margin:8px 0}h2{font-size:19px;margin:28px 0 8px;border-bottom:2px solid var(--line)}
h3{font-size:15px;margin:16px 0 6px}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px}
th,td{padding:4px 9px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:top}
th:first-child,td:first-child{text-align:left;white-space:normal;min-width:110px;max-width:260px;overflow-wrap:anywhere}
.left td,.left th{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:110px}
.left th:first-child{white-space:nowrap;min-width:0}th.group{text-align:center}
td small{display:block;color:var(--soft)}.edge{border-left:2px solid var(--line)}
.grid-of{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:14px}
figure{margin:0}figcaption{font-weight:600;font-size:14px;margin-bottom:4px;overflow-wrap:anywhere}
.chart svg{width:100%;height:auto;font-size:11px;fill:#445}.chart polyline{fill:none;stroke-width:1.6}
.chart .grid{stroke:var(--line)}.key{font-size:13px}.key span{margin-right:12px;overflow-wrap:anywhere}
.key i{display:inline-block;width:11px;height:11px;margin-right:5px;border-radius:2px}
.bar{display:flex;align-items:center;gap:8px;font-size:13px;margin:2px 0}.bar .name{flex:0 0 96px;text-align:right}
.bar .track{flex:1;background:#eef0f3;height:14px}.bar .fill{display:block;height:14px}.bar .figure{flex:0 0 84px}
.bar.base .fill{background:var(--base)}.bar.novel .fill{background:var(--novel)}
.object{border:1px solid var(--line);border-radius:6px;padding:8px;margin-bottom:10px}
.object .row{display:flex;flex-wrap:wrap;gap:8px}.object .row div{flex:0 1 132px;font-size:12px;color:var(--soft)}
.object img{display:block;width:100%;height:130px;object-fit:contain;background:#f3f4f6}
.gap{background:#fff4e0;border-left:4px solid #e0a030;padding:6px 10px;margin:6px 0}
pre{overflow-x:auto;background:#f3f4f6;padding:8px;font-size:12px}
@media(max-width:520px){.object .row div{flex:0 1 calc(50% - 4px)}
.bar .name{flex-basis:78px}.bar .figure{flex-basis:74px}}
"""


def page(columns: Sequence[Column], title: str = "ContrastMask report") -> str:
    """The whole report of ``columns`` as one HTML text.

    Raises:
        DataError: a gallery names a picture that is not there.
    """
    body = [f"<h1>{escape(title)}</h1>", _what(columns), _gaps(columns)]
    for kind, heading, metrics in TABLES:
        body.append(_figures(columns, kind, heading, metrics))
    body += [_classes(columns), _curves(columns), _gallery(columns), _settings(columns)]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _what(columns: Sequence[Column]) -> str:
    names = list(dict.fromkeys([*_SHOWN, *differing(columns)]))
    head = "".join(f"<th>{escape(column.name)}</th>" for column in columns)
    rows = [("folder", [", ".join(str(run.folder) for run in c.runs) for c in columns])]
    rows += [(name, [_plain(setting(c.runs[0], name)) for c in columns]) for name in names]
    rows.append(("seed", [", ".join(_plain(setting(run, "seed")) for run in c.runs) for c in columns]))
    rows.append(("notes", [str(setting(c.runs[0], "notes") or "") for c in columns]))
    rows += [(name, [_described(c.runs[0], name) for c in columns]) for name in ("data", "code", "machine")]
    lines = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
        for name, texts in rows
        if any(texts)
    )
    return f'<h2>What was run</h2><div class="wide"><table class="left"><tr><th></th>{head}</tr>{lines}</table></div>'


def _plain(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _described(run: Run, name: str) -> str:
    versions = run.versions
    if name == "data":
        sides = [(side, run.data.get(side) or {}) for side in ("train", "val")]
        texts = []
        for side, part in sides:
            if part:
                objects = ", ".join(
                    f"{group} {part[group]['objects']} objects ({part[group]['with_mask']} with mask)"
                    for group in GROUPS[:2]
                    if isinstance(part.get(group), dict)
                )
                texts.append(f"{side}: {part.get('images_used', '?')} images; {objects}")
        return ". ".join(texts)
    if name == "code":
        packages = versions.get("packages") or {}
        kept = [f"{p} {packages[p]}" for p in ("torch", "torchvision", "pytorch-lightning") if packages.get(p)]
        return ", ".join([*([f"git {versions['git'][:12]}"] if versions.get("git") else []), *kept])
    gpus = ", ".join(versions.get("gpus") or []) or ("CPU" if versions else "")
    return f"{gpus}, {versions['platform']}" if versions.get("platform") else gpus


def _gaps(columns: Sequence[Column]) -> str:
    texts = [f"{run.folder}: {gap}" for column in columns for run in column.runs for gap in run.gaps]
    for run in (run for column in columns for run in column.runs):
        images = run.results.get("images") or {}
        if images and images.get("evaluated") != images.get("of"):
            texts.append(f"{run.folder}: only {images.get('evaluated')} of {images.get('of')} images were evaluated")
    return "".join(f'<p class="gap">{escape(text)}</p>' for text in texts)


def _figures(columns: Sequence[Column], kind: str, heading: str, metrics: Sequence[str]) -> str:
    if not any(kind in run.results for column in columns for run in column.runs):
        return ""
    top = "".join(f'<th class="edge group" colspan="{len(metrics)}">{group}</th>' for group in GROUPS)
    cells = [(group, metric) for group in GROUPS for metric in metrics]
    edge = ["edge" if metric == metrics[0] else "" for _, metric in cells]
    names = "".join(f'<th class="{e}">{m.replace("_", " ")}</th>' for e, (_, m) in zip(edge, cells, strict=True))
    table = [[column.figure(kind, group, metric) for group, metric in cells] for column in columns]
    best = [max((row[i][0] for row in table if row[i][0] is not None), default=None) for i in range(len(cells))]
    lines = []
    for number, (column, row) in enumerate(zip(columns, table, strict=True)):
        texts = []
        for i, (value, spread) in enumerate(row):
            text = "–" if value is None else f"{value:.1f}" + ("" if spread is None else f" ± {spread:.1f}")
            # as printed: runs that print the same figure are both the best
            if (
                value is not None
                and len(columns) > 1
                and cells[i][1] != "filled_box_IoU"
                and f"{value:.1f}" == f"{best[i]:.1f}"
            ):
                text = f"<b>{text}</b>"
            first = table[0][i][0]
            if number and value is not None and first is not None:
                text += f"<small>{value - first:+.1f}</small>"
            texts.append(f'<td class="{edge[i]}">{text}</td>')
        lines.append(f"<tr><td>{escape(column.name)}</td>{''.join(texts)}</tr>")
    return (
        f'<h2>{escape(heading)}</h2><div class="wide"><table id="{kind}"><tr><th></th>{top}</tr>'
        f"<tr><th></th>{names}</tr>{''.join(lines)}</table></div>"
    )


def _classes(columns: Sequence[Column]) -> str:
    charts, limit = [], 0.0
    prepared = []
    for column in columns:
        classes = {n: r for run in column.runs for n, r in (run.results.get("per_class") or {}).items()}
        rows = [
            (name, row.get("group", ""), *column.figure("per_class", name, "mask", "AP"))
            for name, row in classes.items()
            if row.get("objects")
        ]
        limit = max([limit, *(value for _, _, value, _ in rows if value is not None)])
        prepared.append((column.name, rows))
    charts = [bars(name, rows, limit) for name, rows in prepared if rows]
    key = (
        '<div class="key"><span><i style="background:var(--base)"></i>base: trained with masks</span>'
        '<span><i style="background:var(--novel)"></i>novel: box only</span></div>'
    )
    return f'<h2>Mask AP by class</h2>{key}<div class="grid-of">{"".join(charts)}</div>' if charts else ""


def _curves(columns: Sequence[Column]) -> str:
    runs = [(c.name if len(c.runs) == 1 else f"{c.name}: {r.folder.name}", r) for c in columns for r in c.runs]
    names = list(dict.fromkeys(name for _, run in runs for name in run.curves))
    losses = [n for n in names if n.startswith("train/loss")]
    figures = [n for n in names if n.startswith(("val/", "test/")) and n.endswith("/AP")]
    # one evaluation is a row of the tables above, not a curve
    figures = [n for n in figures if any(len(run.curves.get(n, [])) > 1 for _, run in runs)]
    charts, key = [], ""
    for name in [*sorted(losses), *sorted(figures)]:
        series = [(label, COLOURS[i % len(COLOURS)], run.curves.get(name, [])) for i, (label, run) in enumerate(runs)]
        charts.append(line_chart(name, series))
        key = line_key(series)
    if charts and not figures:
        key += "<p>No AP curves: there was at most one evaluation; its figures are in the tables.</p>"
    return f'<h2>Losses and AP over training</h2>{key}<div class="grid-of">{"".join(charts)}</div>' if charts else ""


def _gallery(columns: Sequence[Column]) -> str:
    parts = []
    for column in columns:
        run = next((run for run in column.runs if run.gallery), None)
        if run is None:
            continue
        content, objects = run.gallery, run.gallery.get("objects") or []
        total = content.get("found", 0) + content.get("missed", 0)
        parts.append(
            f"<h3>{escape(column.name)}</h3><p>Of {total} objects with masks of {escape(content['classes'])} classes, "
            f"{content['found']} were found (a detection of their class with box IoU of at least 0.5).</p>"
        )
        for kind in ("best", "median", "worst"):
            cards = [_object(run.folder / "gallery", item) for item in objects if item["kind"] == kind]
            if cards:
                parts.append(f'<h3>{kind}</h3><div class="grid-of">{"".join(cards)}</div>')
    note = (
        "<p>Error map: white where both agree, <span style='color:#d33'>red</span> missed, "
        "<span style='color:#36c'>blue</span> too much.</p>"
    )
    return f"<h2>Gallery</h2>{note}{''.join(parts)}" if parts else ""


def _object(folder: Path, item: dict[str, Any]) -> str:
    pictures = []
    for key, name in PICTURES.items():
        if key in item["files"]:
            pictures.append(f'<div><img alt="{name}" src="{_data_uri(folder / item["files"][key])}">{name}</div>')
    text = f"{item['class']}: IoU {100 * item['iou']:.0f} %, score {item['score']:.2f}, image {item['image_id']}"
    return (
        f'<div class="object"><figcaption>{escape(text)}</figcaption><div class="row">{"".join(pictures)}</div></div>'
    )


def _data_uri(path: Path) -> str:
    try:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise DataError(f"{path}: named by gallery.json, but not readable ({error}); run test.py again") from error


def _settings(columns: Sequence[Column]) -> str:
    parts = [
        f"<details><summary>{escape(column.name)}</summary>"
        f"<pre>{escape(json.dumps(run.config, indent=2))}</pre></details>"
        for column in columns
        for run in column.runs[:1]
        if run.config
    ]
    return f"<h2>All settings</h2>{''.join(parts)}" if parts else ""
