"""CAM and foreground similarity of an image's detections, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from contrastmask.pictures.drawing import legible_font
from contrastmask.pictures.overlays import GAP, heat_map

TILE = 160  # px


def heat_panel(names: Sequence[str], cams: Tensor, similarity: Tensor | None, columns: int = 3) -> Tensor:
    """A tile per detection: its name, its CAM and, where there is one, its foreground similarity; each min-max scaled.

    Args:
        names: of the D > 0 detections; cams: ``[D, 7, 7]``; similarity: ``[D, 28, 28]`` or None.

    Returns:
        uint8 ``[3, h, w]``.
    """
    maps = [("CAM", cams)] + ([] if similarity is None else [("foreground similarity", similarity)])
    font = legible_font((480, 480))
    strip = 2 * font.size
    wide = len(maps) * (TILE + GAP) + GAP
    high = 2 * strip + TILE + GAP
    columns = min(columns, len(names))
    page = Image.new("RGB", (columns * wide, math.ceil(len(names) / columns) * high), "white")
    draw = ImageDraw.Draw(page)
    for i, name in enumerate(names):
        left, top = i % columns * wide, i // columns * high
        draw.text((left + GAP, top + strip / 2), name, "black", font, anchor="lm")
        for k, (title, values) in enumerate(maps):
            x = left + GAP + k * (TILE + GAP)
            draw.text((x, top + strip * 1.5), title, "black", font, anchor="lm")
            picture = heat_map(values[i], TILE).permute(1, 2, 0).contiguous().numpy()
            page.paste(Image.fromarray(picture), (x, top + 2 * strip))
    return torch.from_numpy(np.array(page)).permute(2, 0, 1).contiguous()
