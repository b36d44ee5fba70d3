"""Where the points, lines and bars of a chart lie; the templates draw them as SVG and HTML, without a script.

Libraries that draw charts for a page bring a script of megabytes or need a browser: too much for two kinds of chart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COLOURS = ("#3366cc", "#d9622b", "#2c8c5a", "#8b4fb3", "#b8860b", "#c2185b", "#00838f", "#6d4c41")
WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 12, 34
DOTTED = 20  # a curve of at most so many points shows them

Series = tuple[str, str, Sequence[tuple[float, float]]]  # name, colour, (x, y)


@dataclass(frozen=True)
class LineChart:
    """Curves over a common x axis, in the pixels of a picture of WIDTH x HEIGHT.

    Attributes:
        x_ticks, y_ticks: (place on the axis, text).
        curves: name, colour, points (x, y), and whether the points are shown as dots.
    """

    title: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    curves: list[tuple[str, str, list[tuple[float, float]], bool]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


@dataclass(frozen=True)
class Bar:
    """One bar; ``share`` in percent of the width, ``text`` the figure."""

    name: str
    group: str
    share: float
    text: str


def line_chart(title: str, series: Sequence[Series]) -> LineChart | None:
    """The chart of ``series``; None where no curve has a point."""
    points = [p for _, _, curve in series for p in curve]
    if not points:
        return None
    reach = _range(x for x, _ in points)
    xs, ys = _ticks(*reach), _ticks(*_range(y for _, y in points))
    start, end = xs[0], reach[1]  # the axis ends where the curves do
    xs = [x for x in xs if x <= end + 1e-9 * (end - start)]

    def across(x: float) -> float:
        return LEFT + (x - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return HEIGHT - BOTTOM - (y - ys[0]) / (ys[-1] - ys[0]) * (HEIGHT - TOP - BOTTOM)

    return LineChart(
        title,
        [(across(x), _short(x)) for x in xs],
        [(down(y), _short(y)) for y in ys],
        [(name, colour, [(across(x), down(y)) for x, y in c], len(c) <= DOTTED) for name, colour, c in series],
    )


def bars(rows: Sequence[tuple[str, str, float | None, float | None]], limit: float) -> list[Bar]:
    """Horizontal bars, highest first, those without figure last.

    Args:
        rows: name, group (``base`` or ``novel``, the colour), percent or None, standard deviation or None.
        limit: percent that fill the width.
    """
    found = []
    for name, group, value, spread in sorted(rows, key=lambda r: (r[2] is None, -(r[2] or 0.0), r[0])):
        share = 0.0 if value is None or limit <= 0 else max(0.0, 100.0 * value / limit)
        found.append(Bar(name, group, share, figure_text(value, spread)))
    return found


def figure_text(value: float | None, spread: float | None) -> str:
    """Percent with one decimal and its standard deviation, a dash where there is none."""
    return "–" if value is None else f"{value:.1f}" + ("" if spread is None else f" ± {spread:.1f}")


def _range(values: Iterable[float]) -> tuple[float, float]:
    values = list(values)
    low, high = min(values), max(values)
    apart = high - low > 1e-9 * max(abs(low), abs(high))  # closer ones are rounding, and have no ticks between them
    return (low, high) if apart else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers, evenly spaced, from at most ``low`` to at least ``high``."""
    rough = (high - low) / (count - 1)
    size = 10 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, last + 1)]


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10000 else f"{value:.4g}"
