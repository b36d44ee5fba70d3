"""Results as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from contrastmask.evaluation.slices import CLASS_METRICS, METRICS, UNKNOWN

GROUPS = ("base", "novel", "all")
CLASS_COLUMNS = ("AP", "AP50")  # more than these does not fit 80 characters
GIVEN_COLUMNS = ("objects", "IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50")


def format_tables(results: dict[str, Any]) -> list[Table]:
    """Tables of what ``results`` (of :mod:`contrastmask.evaluation.slices`) hold.

    Args:
        results: from :func:`~contrastmask.evaluation.slices.evaluate`, and, under ``"given_boxes"``, from
            :func:`~contrastmask.evaluation.slices.given_box_scores`; each part may lack. ``"in_given_boxes"``: the
            masks of ``"mask"`` were drawn into given boxes.

    Returns:
        base / novel / all, then the classes that occur, then given boxes; percent, ``-`` where nothing was to judge,
        with the reason below the table.
    """
    kinds = [kind for kind in ("mask", "box") if kind in results]
    tables = []
    if kinds:
        tables += [_groups(results, kinds), _classes(results["per_class"], kinds)]
    if "given_boxes" in results:
        tables.append(_given(results["given_boxes"]))
    return tables


def class_table(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows (class, group, images, objects, AP, AP50 and AR of boxes and masks) of the classes with
    objects, percent; None where nothing was to judge."""
    per_class = results.get("per_class", {})
    kinds = [kind for kind in ("mask", "box") if kind in results]
    columns = ["class", "group", "images", "objects", *(f"{k} {m}" for k in kinds for m in CLASS_METRICS)]
    rows = [
        [name, row["group"], row["images"], row["objects"], *(row[k][m] for k in kinds for m in CLASS_METRICS)]
        for name, row in per_class.items()
        if row["objects"]
    ]
    return columns, rows


def _groups(results: dict[str, Any], kinds: list[str]) -> Table:
    images = results["images"]
    part = "" if images["evaluated"] == images["of"] else f" of {images['of']}: partial, not comparable"
    what = "Masks in given boxes" if results.get("in_given_boxes") else "Detection"
    table = _table(f"{what}, {images['evaluated']} images{part}", ["", "classes"], list(METRICS))
    for kind in kinds:
        for group in GROUPS:
            table.add_row(kind, group, *(_figure(results[kind][group][metric]) for metric in METRICS))
        table.add_section()
    masks = results["mask" if "mask" in kinds else "box"]
    lacking = [group for group in GROUPS if masks[group]["AP"] is None]
    table.caption = _reasons(lacking, results["per_class"], "masks" if "mask" in kinds else "objects")
    return table


def _classes(per_class: dict[str, Any], kinds: list[str]) -> Table:
    columns = ["images", "objects", *(f"{kind} {metric}" for kind in kinds for metric in CLASS_COLUMNS)]
    table = _table("Classes with objects", ["class", "group"], columns)
    for group in (*GROUPS[:2], UNKNOWN):
        for name, row in per_class.items():
            if row["group"] == group and row["objects"]:
                figures = [_figure(row[kind][metric]) for kind in kinds for metric in CLASS_COLUMNS]
                table.add_row(Text(name), group, str(row["images"]), str(row["objects"]), *figures)
        table.add_section()
    return table


def _given(scores: dict[str, Any]) -> Table:
    table = _table("Masks in given boxes", ["class", "group"], [name.replace("_", " ") for name in GIVEN_COLUMNS])
    for group in GROUPS:
        table.add_row("", group, *(_figure(scores[group][name]) for name in GIVEN_COLUMNS))
    for group in GROUPS[:2]:
        table.add_section()
        for name, row in scores["per_class"].items():
            if row["group"] == group and row["objects"]:
                table.add_row(Text(name), group, *(_figure(row[column]) for column in GIVEN_COLUMNS))
    lacking = [group for group in GROUPS if scores[group]["IoU"] is None]
    table.caption = _reasons(lacking, scores["per_class"], "masks")
    return table


def _reasons(lacking: list[str], per_class: dict[str, Any], what: str) -> str | None:
    """Why these groups of classes have no figures; None where there are none of them."""
    groups = {row["group"] for row in per_class.values()}
    lines = []
    for group in lacking:
        if group in groups:
            lines.append(f"{group}: the validation file has no {what} of these classes to judge by")
        elif group != "all":
            lines.append(f"{group}: no class is {group}")
    return "\n".join(lines) or None


def _table(title: str, names: list[str], figures: list[str]) -> Table:
    # one blank between columns, no outer frame: the tables fit 80 characters
    left = {"title_justify": "left", "caption_justify": "left"}
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, **left)
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right")
    return table


def _figure(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"
