"""Strokes of a picture: masks, boxes and name tags in an instance's colour; coordinates in pixels of the picture."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ImageDraw, ImageFont
from torch import Tensor

Colour = tuple[int, int, int]
FILL = 0.45  # opacity of a mask
RIM: Colour = (0, 0, 0)  # beside the lines of boxes


def paint(canvas: Tensor, mask: Tensor, colour: Colour, line: int) -> None:
    """Fill ``mask [H, W]`` translucently and draw its outline, into ``canvas [3, H, W]`` float."""
    tint = torch.tensor(colour, dtype=canvas.dtype)[:, None]
    canvas[:, mask] = (1 - FILL) * canvas[:, mask] + FILL * tint
    # one pixel of background around the picture, so that an outline follows its border too
    outside = F.pad((~mask).float()[None], (line,) * 4, value=1.0)
    near_outside = F.max_pool2d(outside, 2 * line + 1, stride=1)[0] > 0
    canvas[:, mask & near_outside] = tint


def rectangle(draw: ImageDraw.ImageDraw, box: np.ndarray, colour: Colour, line: int, *, dashed: bool) -> None:
    """Draw the box (xyxy ``[4]``), dashed or solid, with a dark rim that tells it from a ground of its own colour;
    sides beyond the picture run along its border."""
    width, height = draw.im.size
    left, top, right, bottom = np.clip(box, 0, [width - 1, height - 1] * 2).tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    strokes = (
        [stroke for a, b in itertools.pairwise(corners) for stroke in _dashes(a, b, line)] if dashed else [corners]
    )
    for shade, wide in ((RIM, line + 2 * (line // 3)), (colour, line)):
        for stroke in strokes:
            draw.line(stroke, shade, wide)


def _dashes(start: tuple[float, float], end: tuple[float, float], line: int) -> Iterator[list[tuple[float, float]]]:
    """Strokes from ``start`` on, as long as the gaps between them."""
    (x0, y0), (x1, y1) = start, end
    length, dash = max(abs(x1 - x0), abs(y1 - y0)), 4 * line
    for begin in np.arange(0, length, 2 * dash):
        a, b = begin / length, min(1.0, (begin + dash) / length)
        yield [(x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0))]


def tag(draw: ImageDraw.ImageDraw, text: str, box: np.ndarray, colour: Colour, font: Any, taken: list[tuple]) -> None:
    """Write ``text`` at a corner of ``box``, inside the picture and where it covers the least of earlier tags."""
    x0, y0, x1, y1 = draw.textbbox((0, 0), text, font)
    width, height = x1 - x0 + 4, y1 - y0 + 4
    left, top, right, bottom = box.tolist()
    limit = (draw.im.size[0] - width, draw.im.size[1] - height)
    best, least = None, float("inf")
    for x in (left, right - width):
        for y in (top - height, top, bottom, bottom - height):
            spot = (max(0, min(x, limit[0])), max(0, min(y, limit[1])))
            place = (*spot, spot[0] + width, spot[1] + height)
            covered = sum(_overlap(place, other) for other in taken)
            if covered < least:
                best, least = place, covered
    taken.append(best)
    draw.rectangle(best, colour)
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140
    draw.text((best[0] + 2 - x0, best[1] + 2 - y0), text, "black" if light else "white", font)


def _overlap(a: tuple, b: tuple) -> float:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def instance_colour(index: int) -> Colour:
    """Hues a golden section apart: neighbours differ, and no two of the first hundred agree."""
    red, green, blue = colorsys.hsv_to_rgb((0.02 + index * 0.618034) % 1, 0.75 if index % 2 else 0.95, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def legible_font(size: tuple[int, int]) -> Any:
    """A font that can be read in a picture of ``(height, width)`` pixels, 13 px at least."""
    return ImageFont.load_default(size=max(13, round(max(size) / 45)))
