"""Textures and colours of `data=shapes`: cluttered backgrounds, object fills, colours that stand out from a surround.

Images here are float32 [H, W, 3] in 0..1. Texture does not depend on an object's class; its hue may.
"""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw

# RGB → (Y, Cb, Cr) of ITU-R BT.601: a distance here weighs lightness against hue roughly as an eye does.
_YCC = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], dtype=np.float32)

HUE_JITTER = 0.03  # standard deviation of an object's hue about its class's, of a full turn


def _smooth(rng: np.random.Generator, cells: int, shape: tuple[int, int], channels: int) -> np.ndarray:
    """Random values on a cells x cells grid, bicubically enlarged: float32 [H, W, channels] in 0..1."""
    grid = rng.integers(0, 256, (cells, cells, channels), dtype=np.uint8)
    size = (shape[1], shape[0])
    enlarged = [Image.fromarray(grid[..., c]).resize(size, Image.Resampling.BICUBIC) for c in range(channels)]
    return np.stack([np.asarray(e, dtype=np.float32) for e in enlarged], axis=2) / 255


def pattern(rng: np.random.Generator, shape: tuple[int, int], period: float) -> np.ndarray:
    """A random scalar field float32 [H, W] in 0..1: ramp, stripes, checks, dots or blotches.

    Args:
        rng: consumed.
        shape: (H, W).
        period: pixels from one stripe, check or dot to the next.
    """
    height, width = shape
    kind = rng.integers(5)
    angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, 2)
    if kind == 4:
        return _smooth(rng, max(3, round(max(shape) / period)), shape, 1)[..., 0]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    if kind == 0:
        return (u - u.min()) / max(float(np.ptp(u)), 1.0)
    wave_u, wave_v = np.sin(u * (2 * np.pi / period) + phase[0]), np.sin(v * (2 * np.pi / period) + phase[1])
    # The gain sets the edges of a pattern: soft (1) to hard (6).
    gain = rng.uniform(1, 6)
    wave = (wave_u, wave_u * wave_v, wave_u + wave_v - 0.6)[kind - 1]
    return np.clip(0.5 + 0.5 * gain * wave, 0, 1).astype(np.float32)


def background(rng: np.random.Generator, size: int, clutter: float) -> np.ndarray:
    """A cluttered surround without objects: gradients, a faint pattern, lines, blobs and shards.

    Args:
        rng: consumed.
        size: side in pixels.
        clutter: 0 (a smooth gradient) to 1 (busy).

    Returns:
        float32 [size, size, 3] in 0..1.
    """
    low, high = np.sort(rng.uniform(0.05, 0.95, (2, 3)), axis=0)
    canvas = low + (high - low) * _smooth(rng, int(rng.integers(2, 5)), (size, size), 3)
    field = pattern(rng, (size, size), rng.uniform(0.05, 0.25) * size) - 0.5
    canvas = np.clip(canvas + clutter * rng.uniform(-0.25, 0.25, 3) * field[..., None], 0, 1)
    # Twice the size and back: smooth edges, so that hard ones do not give the objects away.
    picture = Image.fromarray((canvas * 255).astype(np.uint8)).resize((2 * size, 2 * size), Image.Resampling.BILINEAR)
    brush = ImageDraw.Draw(picture)
    for _ in range(rng.poisson(14 * clutter)):
        x, y = rng.integers(0, size, 2)
        colour = np.clip(canvas[y, x] + clutter * rng.uniform(-0.45, 0.45, 3), 0, 1)
        fill, centre = tuple((colour * 255).astype(int).tolist()), np.array([2 * x, 2 * y])
        reach = rng.uniform(0.04, 0.2) * 2 * size
        kind = rng.integers(3)
        if kind == 0:
            ends = centre + rng.normal(0, 2 * reach, (2, 2))
            brush.line([tuple(e) for e in ends.tolist()], fill=fill, width=int(rng.integers(2, 9)))
        elif kind == 1:
            radii = reach * rng.uniform(0.3, 0.8, 2)
            brush.ellipse([*(centre - radii).tolist(), *(centre + radii).tolist()], fill=fill)
        else:
            corners = centre + rng.uniform(-reach, reach, (int(rng.integers(3, 5)), 2))
            brush.polygon([tuple(c) for c in corners.tolist()], fill=fill)
    return np.asarray(picture.reduce(2), dtype=np.float32) / 255


def contrasting_colours(
    rng: np.random.Generator, surround: np.ndarray, margin: float, hue: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Two colours that, with every mixture of them, stand out from most of a surround.

    Args:
        rng: consumed.
        surround: float32 [N, 3] colours of the pixels around the object.
        margin: the distance wanted, in YCbCr with Y in 0..1, at the surround's nearest fifth.
        hue: 0..1, that of both colours, give or take; None: any.

    Returns:
        Two float32 [3]; the best of the candidates where none keeps the margin.
    """
    first = rng.uniform(0, 1, (24, 3)).astype(np.float32)
    if hue is not None:
        turns = rng.normal(hue, HUE_JITTER, 24) % 1
        first = np.array(
            [colorsys.hsv_to_rgb(h, 0.5 + 0.5 * s, 0.4 + 0.6 * v) for h, (s, v, _) in zip(turns, first, strict=True)],
            dtype=np.float32,
        )
    # The second colour strays from the first, or half the time hardly at all.
    reach = np.where(rng.random((24, 1)) < 0.5, 0.15, 0.6 if hue is None else 0.3)
    second = np.clip(first + rng.uniform(-1, 1, (24, 3)) * reach, 0, 1).astype(np.float32)
    stops = np.stack([first, (first + second) / 2, second], axis=1) @ _YCC.T  # [24, 3, YCbCr]
    around = surround[:: max(1, len(surround) // 64)] @ _YCC.T
    distance = np.linalg.norm(stops[:, :, None] - around, axis=-1).min(axis=1)  # [24, N]
    clear = np.quantile(distance, 0.2, axis=1)
    best = int(np.argmax(clear >= margin)) if (clear >= margin).any() else int(clear.argmax())
    return first[best], second[best]


def fill(rng: np.random.Generator, shape: tuple[int, int], colours: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """An object's fill float32 [H, W, 3]: a pattern between two colours."""
    blend = pattern(rng, shape, rng.uniform(5, 16))[..., None]
    return colours[0] + (colours[1] - colours[0]) * blend
