"""The outline of an object of `data=shapes`, and the strokes that outlines are made of.

An outline lives in its own frame: x right, y down, centred on the origin, long side 1. Every call jitters the
proportions, so that two bottles differ as two bottles do. Strokes stay above 7 % of the long side: thinner ones vanish
in small objects, and a mask nobody can see teaches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outline:
    """The union of `parts` minus the union of `holes`; each a closed polygon float64 [P, 2] of (x, y)."""

    parts: tuple[np.ndarray, ...]
    holes: tuple[np.ndarray, ...] = ()

    def transformed(self, matrix: np.ndarray) -> Outline:
        """Every point times a [2, 2] matrix."""
        return Outline(tuple(p @ matrix.T for p in self.parts), tuple(h @ matrix.T for h in self.holes))

    def normalised(self) -> Outline:
        """Centred on the origin, long side 1."""
        points = np.concatenate(self.parts)
        low, high = points.min(0), points.max(0)
        centre, scale = (low + high) / 2, 1 / (high - low).max()
        return Outline(tuple((p - centre) * scale for p in self.parts), tuple((h - centre) * scale for h in self.holes))


def mirrored(right: list[tuple[float, float]]) -> np.ndarray:
    """A shape symmetric about x = 0 from its right half, listed from top to bottom."""
    half = np.array(right, dtype=np.float64)
    return np.concatenate([half, half[::-1] * [-1, 1]])


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0, stop: float = 360) -> np.ndarray:
    """An elliptic arc; angles in degrees, clockwise on screen, 0 = right."""
    angle = np.deg2rad(np.linspace(start, stop, max(8, round(abs(stop - start) / 10)), endpoint=stop - start != 360))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)
