"""Scenes of `data=shapes`: a function of their index; hard in the ways that they are meant to be."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from scipy import ndimage

from contrastmask.data.shapes.classes import SHAPE_CLASSES, draw_outline
from contrastmask.data.shapes.generate import ShapesConfig
from contrastmask.data.shapes.scenes import MIN_INSIDE, render_scene
from contrastmask.data.splits import VOC_CLASSES

VOC = {shape.id for shape in SHAPE_CLASSES if shape.name in VOC_CLASSES}
HARD = {"classes": None, "objects": (2, 6), "object_size": (0.16, 0.55), "rotation": 180, "overlap": 0.5}


def test_a_scene_depends_on_seed_subset_and_index_alone() -> None:
    settings = ShapesConfig(size=64).scene_settings()
    alone = render_scene(settings, 0, 4)
    for index in range(4):
        render_scene(settings, 0, index)
    again = render_scene(settings, 0, 4)
    assert np.array_equal(alone.image, again.image)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(alone.objects, again.objects, strict=True))
    for other in (render_scene(settings, 1, 4), render_scene(dataclasses.replace(settings, seed=1), 0, 4)):
        assert not np.array_equal(alone.image, other.image)


def test_objects_hide_each_other_but_stay_in_sight() -> None:
    config = ShapesConfig()
    hidden = total = 0
    for index in range(60):
        things = render_scene(config.scene_settings(), 0, index).objects
        assert np.sum([t.mask for t in things], axis=0).max() <= 1  # a pixel shows one object
        for thing in things:
            share = thing.mask.sum() / thing.full_area
            assert min(config.min_visible, MIN_INSIDE) <= share <= 1
            hidden, total = hidden + (share < 0.9), total + 1
    assert 0.1 < hidden / total < 0.6
    assert total > 60 * 2.7  # of 3 on average: few found no room


def test_objects_stand_out_from_their_surround() -> None:
    settings = dataclasses.replace(ShapesConfig().scene_settings(), overlap=0.0)
    clear = []
    for index in range(40):
        scene = render_scene(settings, 0, index)
        anything = np.any([t.mask for t in scene.objects], axis=0)
        for thing in scene.objects:
            ring = ndimage.binary_dilation(thing.mask, iterations=3) & ~ndimage.binary_dilation(anything)
            if ring.any():
                inside, outside = scene.image[thing.mask].mean(0), scene.image[ring].mean(0)
                clear.append(np.abs(inside - outside).max() > 30)
    assert np.mean(clear) > 0.95


def test_holes_and_bays_on_both_sides_of_the_split() -> None:
    rng = np.random.default_rng(0)
    config = ShapesConfig(objects=(1, 1), object_size=(0.4, 0.5))
    holes, bays = defaultdict(list), defaultdict(list)
    for shape in SHAPE_CLASSES:
        settings = ShapesConfig(**{**dataclasses.asdict(config), "classes": [shape.name]}).scene_settings()
        for index in range(6):
            (thing,) = render_scene(settings, 0, index).objects
            filled = ndimage.binary_fill_holes(thing.mask)
            holes[shape.id].append((filled & ~thing.mask).sum() / filled.sum())
        outline = draw_outline(shape, 50, 180, rng).parts[0]
        (x0, y0), (x1, y1) = np.diff(outline, axis=0)[:-1].T, np.diff(outline, axis=0)[1:].T
        turns = x0 * y1 - y0 * x1
        bays[shape.id].append(min((turns > 1e-6).sum(), (turns < -1e-6).sum()))
    with_holes = {k for k, v in holes.items() if np.mean(v) > 0.05}
    with_bays = {k for k, v in bays.items() if max(v) >= 2}
    assert with_holes & VOC
    assert len(with_holes - VOC) >= 2
    assert len(with_bays & VOC) >= 3
    assert len(with_bays - VOC) >= 2


@pytest.mark.parametrize("arguments", [{}, HARD])
def test_a_filled_box_is_a_poor_mask(arguments: dict) -> None:
    """Its IoU with a visible mask is the mask's share of its box."""
    ious = defaultdict(list)
    for index in range(80):
        for thing in render_scene(ShapesConfig(**arguments).scene_settings(), 0, index).objects:
            y, x = np.nonzero(thing.mask)
            ious[thing.shape.id in VOC].append(thing.mask.sum() / ((np.ptp(y) + 1) * (np.ptp(x) + 1)))
    assert all(0.3 < np.mean(side) < 0.55 for side in ious.values())
    assert np.mean(ious[True] + ious[False]) < 0.5
