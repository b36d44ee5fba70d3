"""Plots of the study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastmask.errors import ConfigError
from contrastmask.study.figures import GROUPS
from contrastmask.study.page import values
from contrastmask.study.plan import Table
from contrastmask.study.statistics import Mean, mean_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IOU = "given-box IoU"
# measure -> its axis
SHOWN = {
    IOU: "IoU in given boxes, percent",
    "given-box boundary IoU": "boundary IoU in given boxes, percent",
    "mask AP": "mask AP, percent",
}
FEWEST = 3  # seeds of an interval that is drawn: Student's t of two is wider than the axis
COLOURS = ("#6c757d", "#d1495b", "#30638e", "#edae49")  # of variants
SIDES = {"novel": "#d1495b", "base": "#30638e"}
NOVEL = {"voc_nonvoc": "all but VOC's classes", "nonvoc_voc": "VOC's classes"}


def plot_split(
    path: Path, name: str, table: Table, split: str, lines: Mapping[str, Mapping[int, Mapping[str, Any]]]
) -> None:
    """What a table found in one direction: its variants, or its variants over its points; a PNG.

    Args:
        name: of the table. lines: of the direction, see :func:`contrastmask.study.figures.table_figures`.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    title = f"{table.title or name} (novel: {NOVEL.get(split, split)})"
    if table.points:
        plot_curves(path, title, table.axis, lines)
    else:
        plot_variants(path, title, lines)


def plot_variants(path: Path, title: str, variants: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> None:
    """Every seed as a dot, the mean with its 95 % interval (from three seeds on), novel and base classes; a PNG.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    names = list(variants)
    figure = new_figure(11, 1.6 + 0.42 * len(names))
    shown = _measured(variants)
    for axis, measure in zip(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)), shown, strict=True):
        for group, shift in (("novel", -0.14), ("base", 0.14)):
            colour = SIDES[group]
            for row, name in enumerate(names):
                found = list(values(variants[name], group, measure).values())
                if not found:
                    continue
                mean = mean_of(found)
                axis.plot(found, [row + shift] * len(found), "o", color=colour, alpha=0.35, markersize=4)
                axis.errorbar(mean.mean, row + shift, xerr=_half(mean), fmt="D", color=colour, capsize=3,
                              markersize=5, label=f"{group} classes" if row == 0 else None)  # fmt: skip
            filled = values(next(iter(variants.values())), group, "filled-box IoU") if measure == IOU else {}
            if filled:
                axis.axvline(mean_of(list(filled.values())).mean, color=colour, linestyle=":", linewidth=1)
        axis.set_xlabel(SHOWN[measure] + (" (dotted: filled box)" if measure == IOU else ""))
        axis.grid(axis="x", alpha=0.3)
        axis.set_yticks(range(len(names)), names)
    figure.axes[0].invert_yaxis()
    _titled(figure, title)
    save_figure(figure, path)


def _measured(variants: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> list[str]:
    """Of what is shown that which some run has: one that finds no boxes has no mask AP."""
    found = [m for m in SHOWN if any(values(rows, group, m) for rows in variants.values() for group in GROUPS)]
    return found or [IOU]


def plot_curves(path: Path, title: str, across: str, lines: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> None:
    """Each variant over the points of a table, seeds as dots, 95 % intervals from three seeds on; a PNG.

    Novel classes are solid, base classes dashed.

    Args:
        across: what the points are. lines: figures by ``VARIANT@POINT``, points in the order of the axis.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    variants = list(dict.fromkeys(line.split("@")[0] for line in lines))
    points = list(dict.fromkeys(line.split("@")[1] for line in lines))
    figure = new_figure(11, 4)
    shown = _measured(lines)
    for axis, measure in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for variant, own in zip(variants, COLOURS, strict=False):
            for group, style, shift in (("novel", "-", -0.03), ("base", "--", 0.03)):
                # one variant needs no colour of its own, and no name
                alone = len(variants) == 1
                colour, label = (SIDES[group], f"{group} classes") if alone else (own, f"{variant}, {group}")
                found = [list(values(lines.get(f"{variant}@{p}", {}), group, measure).values()) for p in points]
                means = {x: mean_of(row) for x, row in enumerate(found) if row}
                for x, row in enumerate(found):
                    axis.plot([x + shift] * len(row), row, "o", color=colour, alpha=0.3, markersize=3)
                axis.errorbar([x + shift for x in means], [m.mean for m in means.values()],
                              yerr=[_half(m) for m in means.values()], color=colour, linestyle=style, marker="D",
                              markersize=4, capsize=3, label=label)  # fmt: skip
        axis.set_xticks(range(len(points)), [f"{int(p):,}" if p.isdecimal() else p for p in points])
        axis.set_xlabel(across)
        axis.set_ylabel(SHOWN[measure])
        axis.grid(axis="y", alpha=0.3)
    _titled(figure, title)
    save_figure(figure, path)


def _titled(figure: Figure, title: str) -> None:
    """Title, and the first panel's legend below, where it covers neither a point nor the title."""
    figure.suptitle(title, x=0.01, horizontalalignment="left")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=6, fontsize=9, handlelength=4
    )


def _half(mean: Mean) -> float:
    return (mean.half or 0.0) if mean.n >= FEWEST else 0.0


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib: pip install 'contrastmask[study]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a PNG, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
