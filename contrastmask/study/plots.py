"""Plots of the study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contrastmask.errors import ConfigError
from contrastmask.study.page import values
from contrastmask.study.statistics import mean_of

SHOWN = ("given-box IoU", "given-box boundary IoU", "mask AP")


def plot_variants(path: Path, title: str, variants: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> None:
    """Every seed as a dot, the mean with its 95 % interval beside it, novel and base classes; a PNG.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib: pip install 'contrastmask[study]'") from error
    names = list(variants)
    figure = Figure(figsize=(11, 1.6 + 0.42 * len(names)), layout="constrained")
    for axis, measure in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        for group, colour, shift in (("novel", "#d1495b", -0.14), ("base", "#30638e", 0.14)):
            for row, name in enumerate(names):
                found = list(values(variants[name], group, measure).values())
                if not found:
                    continue
                mean = mean_of(found)
                axis.plot(found, [row + shift] * len(found), "o", color=colour, alpha=0.35, markersize=4)
                axis.errorbar(mean.mean, row + shift, xerr=mean.half or 0, fmt="D", color=colour, capsize=3,
                              markersize=5, label=group if row == 0 else None)  # fmt: skip
            filled = values(next(iter(variants.values())), group, "filled-box IoU") if measure == SHOWN[0] else {}
            if filled:
                axis.axvline(mean_of(list(filled.values())).mean, color=colour, linestyle=":", linewidth=1)
        axis.set_xlabel(f"{measure}, percent" + (" (dotted: filled box)" if measure == SHOWN[0] else ""))
        axis.grid(axis="x", alpha=0.3)
        axis.set_yticks(range(len(names)), names)
    figure.axes[0].invert_yaxis()
    figure.axes[0].legend(loc="best", fontsize=8)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
