"""How time and peak memory of a piece of work grow: a picture of them against what was changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[dict[str, Any]]


def plot(rows: Rows, path: Path, draw: Callable[[Any, Any, list[Any], Rows], None], memory: str) -> None:
    """Time above, memory below it, a column for each axis; needs matplotlib.

    Args:
        rows: of each point ``axis``, ``value`` and what ``draw`` reads.
        path: of the picture.
        draw: puts the lines of one axis into the two parts, ``(times, memory, values, rows of the axis)``.
        memory: what the lower parts show, with its unit.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    axes = list(dict.fromkeys(row["axis"] for row in rows))
    figure, grid = plt.subplots(2, len(axes), figsize=(3.4 * len(axes), 5.6), squeeze=False, layout="constrained")
    for column, axis in enumerate(axes):
        chosen = [row for row in rows if row["axis"] == axis]
        values = [row["value"] for row in chosen]
        draw(*grid[:, column], values, chosen)
        for part in grid[:, column]:
            part.set_xlabel(axis)
            part.set_xscale("log", base=2)
            part.set_xticks(values, [str(value) for value in values])
            part.set_ylim(0, 1.08 * max(max(line.get_ydata()) for line in part.lines))
            part.minorticks_off()
            part.grid(alpha=0.3)
    grid[0][0].set_ylabel("seconds")
    grid[1][0].set_ylabel(memory)
    for part in grid[:, 0]:
        if part.get_legend_handles_labels()[1]:
            part.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_above(rows: Rows, path: Path, before: str) -> None:
    """Seconds, and the peak of memory above what was held before the work.

    Args:
        rows: of each point ``axis``, ``value``, ``s``, ``peak, MiB`` and ``before, MiB``.
        path: of the picture; before: what was held, in the legend.
    """

    def draw(times: Any, memory: Any, values: list[Any], chosen: Rows) -> None:
        times.plot(values, [row["s"] for row in chosen], "o-")
        memory.plot(values, [row["peak, MiB"] for row in chosen], "s-", color="tab:green", label="peak")
        memory.plot(values, [row["before, MiB"] for row in chosen], "--", color="tab:gray", label=before)

    plot(rows, path, draw, "MiB")
