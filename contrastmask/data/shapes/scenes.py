"""One scene of `data=shapes`: an image and the visible mask of every object in it.

A scene is a function of (settings, subset, index) alone, so scenes can be made in any order or in parallel. Objects are
painted back to front; each claims the pixels that it covers by at least half, and takes them from those behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from contrastmask.data.shapes.classes import ShapeClass, draw_outline
from contrastmask.data.shapes.outlines import Outline
from contrastmask.data.shapes.textures import background, contrasting_colours, fill

# Drawn so many times the size and averaged: smooth edges. Odd, so that no pixel is covered by exactly one half; five,
# because Pillow draws half a pixel over the edge, which at three would make every mask 4 % too large.
SUPERSAMPLING = 5
MIN_PIXELS = 30  # a smaller visible part is nothing that a detector could learn
MIN_INSIDE = 0.7  # share of an object inside the image: a cut one and a hidden one are different lessons
PLACEMENTS = 12  # positions tried for an object before it is left out of the scene


@dataclass(frozen=True)
class SceneSettings:
    """What a scene looks like; `shapes.ShapesConfig` documents the values and checks them."""

    classes: tuple[ShapeClass, ...]
    seed: int
    size: int
    objects: tuple[int, int]
    object_size: tuple[float, float]
    rotation: float
    overlap: float
    min_visible: float
    contrast: float
    clutter: float
    noise: float
    class_colour: float


@dataclass(frozen=True)
class SceneObject:
    """An object as one sees it.

    Attributes:
        shape: its class.
        mask: bool [size, size], the visible pixels.
        full_area: pixels it would show unoccluded and untruncated.
        polygons: its outline, float64 [P, 2] each, in image pixels; empty where it has holes or is not wholly visible.
    """

    shape: ShapeClass
    mask: np.ndarray
    full_area: int
    polygons: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Scene:
    """image: uint8 [size, size, 3] RGB; objects: back to front."""

    image: np.ndarray
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True)
class _Sprite:
    """An object before it has a place: coverage float32 [s, s] in 0..1, its outline in the window's pixels."""

    shape: ShapeClass
    coverage: np.ndarray
    outline: Outline


def _rasterise(shape: ShapeClass, outline: Outline, rng: np.random.Generator) -> _Sprite:
    reach = max(float(np.abs(part).max()) for part in outline.parts)
    side = 2 * int(np.ceil(reach + 2))
    centre = side / 2 + rng.uniform(-0.5, 0.5, 2)
    moved = Outline(tuple(p + centre for p in outline.parts), tuple(h + centre for h in outline.holes))
    canvas = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    brush = ImageDraw.Draw(canvas)
    for polygons, value in ((moved.parts, 255), (moved.holes, 0)):
        for polygon in polygons:
            # Pillow's integer coordinates are pixel centres; ours are pixel corners.
            brush.polygon([tuple(p) for p in (polygon * SUPERSAMPLING - 0.5).tolist()], fill=value)
    coverage = np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32) / 255
    return _Sprite(shape, coverage, moved)


def _into(window: np.ndarray, size: int, left: int, top: int) -> np.ndarray:
    """The window [s, s] pasted into an empty [size, size] with its corner at (left, top); what lies outside is lost."""
    side = window.shape[0]
    out = np.zeros((size, size), dtype=window.dtype)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, size), min(top + side, size)
    if x0 < x1 and y0 < y1:
        out[y0:y1, x0:x1] = window[y0 - top : y1 - top, x0 - left : x1 - left]
    return out


def _place(
    sprite: _Sprite, owner: np.ndarray, full_areas: list[int], s: SceneSettings, rng: np.random.Generator
) -> tuple[int, int] | None:
    """A corner (left, top) that leaves this object and all behind it visible enough; None where no try succeeds.

    owner: int16 [size, size], the index of the object that each pixel shows, -1 = background.
    """
    solid = sprite.coverage >= 0.5
    side, full = solid.shape[0], int(solid.sum())
    visible = np.bincount(owner[owner >= 0], minlength=len(full_areas))
    for _ in range(PLACEMENTS):
        centre = rng.uniform(0.1, 0.9, 2) * s.size
        if full_areas and rng.random() < s.overlap:  # beside or over an earlier object
            y, x = np.nonzero(owner == rng.integers(len(full_areas)))
            centre = np.array([x.mean(), y.mean()]) + rng.normal(0, 0.35, 2) * (side + np.sqrt(len(x)))
        left, top = (int(c) for c in np.round(centre - side / 2))
        mask = _into(solid, s.size, left, top)
        taken = np.bincount(owner[mask & (owner >= 0)], minlength=len(full_areas))
        touched = taken > 0
        enough = np.maximum(s.min_visible * np.array(full_areas), MIN_PIXELS)
        if mask.sum() >= max(MIN_INSIDE * full, MIN_PIXELS) and (visible - taken >= enough)[touched].all():
            return left, top
    return None


def _paint(
    canvas: np.ndarray, coverage: np.ndarray, shape: ShapeClass, s: SceneSettings, rng: np.random.Generator
) -> None:
    """Blends a textured object with coverage float32 [size, size] into the canvas, in place."""
    rows, columns = np.nonzero(coverage.any(1))[0], np.nonzero(coverage.any(0))[0]
    pad = 4
    y = slice(max(rows[0] - pad, 0), rows[-1] + 1 + pad)
    x = slice(max(columns[0] - pad, 0), columns[-1] + 1 + pad)
    view, alpha = canvas[y, x], coverage[y, x]
    grown = Image.fromarray((alpha * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * pad - 1))
    ring = (np.asarray(grown) > 0) & (alpha == 0)
    surround = view[ring] if ring.any() else view.reshape(-1, 3)
    hue = shape.hue if rng.random() < s.class_colour else None
    paint = fill(rng, alpha.shape, contrasting_colours(rng, surround, s.contrast, hue))
    view += alpha[..., None] * (paint - view)


def render_scene(settings: SceneSettings, subset: int, index: int) -> Scene:
    """Scene `index` of a subset (0 = train, 1 = val)."""
    s = settings
    rng = np.random.default_rng([s.seed, subset, index])
    canvas = background(rng, s.size, s.clutter)
    owner = np.full((s.size, s.size), -1, dtype=np.int16)
    sprites: list[_Sprite] = []
    corners: list[tuple[int, int]] = []
    full_areas: list[int] = []
    for _ in range(int(rng.integers(s.objects[0], s.objects[1] + 1))):
        shape = s.classes[int(rng.integers(len(s.classes)))]
        low, high = np.log(s.object_size)
        long_side = float(np.exp(rng.uniform(low, high))) * s.size
        sprite = _rasterise(shape, draw_outline(shape, long_side, s.rotation, rng), rng)
        corner = _place(sprite, owner, full_areas, s, rng)
        if corner is None:
            continue
        coverage = _into(sprite.coverage, s.size, *corner)
        _paint(canvas, coverage, shape, s, rng)
        owner[coverage >= 0.5] = len(sprites)
        full_areas.append(int((sprite.coverage >= 0.5).sum()))
        sprites.append(sprite)
        corners.append(corner)
    canvas += rng.normal(0, s.noise, canvas.shape).astype(np.float32)
    image = (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)
    objects = []
    for i, (sprite, corner, full) in enumerate(zip(sprites, corners, full_areas, strict=True)):
        mask = owner == i
        simple = not sprite.outline.holes and int(mask.sum()) == full
        polygons = tuple(part + corner for part in sprite.outline.parts) if simple else ()
        objects.append(SceneObject(sprite.shape, mask, full, polygons))
    return Scene(image, tuple(objects))
