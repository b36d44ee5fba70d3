"""How time and peak memory of a piece of work grow: a picture of them against what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def plot(rows: list[dict[str, Any]], path: Path, before: str) -> None:
    """Time above, peak memory below it, a column for each axis; needs matplotlib.

    Args:
        rows: of each point ``axis``, ``value``, ``s``, ``peak, MiB`` and ``before, MiB``, held before the work.
        path: of the picture; before: what that is, in the legend.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    axes = list(dict.fromkeys(row["axis"] for row in rows))
    figure, grid = plt.subplots(2, len(axes), figsize=(3.4 * len(axes), 5.6), squeeze=False, layout="constrained")
    for column, axis in enumerate(axes):
        chosen = [row for row in rows if row["axis"] == axis]
        values = [row["value"] for row in chosen]
        times, memory = grid[0][column], grid[1][column]
        times.plot(values, [row["s"] for row in chosen], "o-")
        memory.plot(values, [row["peak, MiB"] for row in chosen], "s-", color="tab:green", label="peak")
        memory.plot(values, [row["before, MiB"] for row in chosen], "--", color="tab:gray", label=before)
        for part in (times, memory):
            part.set_xlabel(axis)
            part.set_xscale("log", base=2)
            part.set_xticks(values, [str(value) for value in values])
            part.set_ylim(0, 1.08 * max(max(line.get_ydata()) for line in part.lines))
            part.minorticks_off()
            part.grid(alpha=0.3)
    grid[0][0].set_ylabel("seconds")
    grid[1][0].set_ylabel("MiB")
    grid[1][0].legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
