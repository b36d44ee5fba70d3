"""Curves and bars as SVG and HTML text; no script, nothing loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

COLOURS = ("#3366cc", "#d9622b", "#2c8c5a", "#8b4fb3", "#b8860b", "#c2185b", "#00838f", "#6d4c41")
WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34

Series = tuple[str, str, Sequence[tuple[float, float]]]  # name, colour, (x, y)


def line_chart(title: str, series: Sequence[Series], x_name: str = "step") -> str:
    """A figure of curves over a common x axis; a curve of few points shows them as dots.

    Returns:
        HTML; empty where no curve has a point.
    """
    points = [p for _, _, curve in series for p in curve]
    if not points:
        return ""
    xs, ys = _ticks(*_range(x for x, _ in points)), _ticks(*_range(y for _, y in points))
    x0, x1, y0, y1 = xs[0], xs[-1], ys[0], ys[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for y in ys:
        height = place(x0, y)[1]
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{_short(y)}</text>')
    for x in xs:
        parts.append(f'<text x="{place(x, y0)[0]:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{_short(x)}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x_name)}</text>'
    )
    for name, colour, curve in series:
        placed = [place(*p) for p in curve]
        if len(placed) > 1:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            parts.append(f'<polyline points="{line}" stroke="{colour}"><title>{escape(name)}</title></polyline>')
        if len(placed) <= 20:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
    picture = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    return f'<figure class="chart"><figcaption>{escape(title)}</figcaption>{picture}</figure>'


def line_key(series: Sequence[Series]) -> str:
    """Which colour is which curve, once for charts of the same series."""
    keys = "".join(f'<span><i style="background:{c}"></i>{escape(name)}</span>' for name, c, _ in series)
    return f'<div class="key">{keys}</div>'


def bars(title: str, rows: Sequence[tuple[str, str, float | None, float | None]], limit: float) -> str:
    """Horizontal bars, highest first, those without figure last.

    Args:
        title: above the bars.
        rows: name, group (``base`` or ``novel``, the colour), percent or None, standard deviation or None.
        limit: percent that fill the width.
    """
    lines = []
    for name, group, value, spread in sorted(rows, key=lambda r: (r[2] is None, -(r[2] or 0.0), r[0])):
        share = 0.0 if value is None or limit <= 0 else max(0.0, 100.0 * value / limit)
        text = "–" if value is None else f"{value:.1f}" + ("" if spread is None else f" ± {spread:.1f}")
        lines.append(
            f'<div class="bar {escape(group)}"><span class="name">{escape(name)}</span><span class="track">'
            f'<span class="fill" style="width:{share:.2f}%"></span></span><span class="figure">{text}</span></div>'
        )
    return f'<figure class="bars"><figcaption>{escape(title)}</figcaption>{"".join(lines)}</figure>'


def _range(values: object) -> tuple[float, float]:
    values = list(values)  # type: ignore[call-overload]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers, evenly spaced, from at most ``low`` to at least ``high``."""
    rough = (high - low) / (count - 1)
    size = 10 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, last + 1)]


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10000 else f"{value:.4g}"
