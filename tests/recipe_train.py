"""Inputs of the golden training steps and heads, drawn from seeds (MT19937): numpy alone is needed.

The order of the draws is part of the figures: change a line here and the goldens no longer belong to the inputs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.losses.recipes_masks import ellipse, rectangle

# labels of VOC's classes among COCO's 80: box-only in these steps
NOVEL = (0, 1, 2, 3, 4, 5, 6, 8, 14, 15, 16, 17, 18, 19, 39, 56, 57, 58, 60, 62)


class TrainImage(NamedTuple):
    """One image of the golden step: 100 more than its seed seeds the objects, 200 more the proposals."""

    seed: int
    height: int
    width: int
    labels: tuple[int, ...]


IMAGES = (TrainImage(2001, 200, 304, (0, 7, 15, 41, 73, 2)), TrainImage(2002, 200, 267, (24, 56, 33, 10)))


def make_objects(image: TrainImage) -> tuple[np.ndarray, np.ndarray]:
    """Sheared ellipses and rectangles in turn: masks bool ``[n, H, W]`` and their tight boxes float32 ``[n, 4]``."""
    random = np.random.RandomState(image.seed + 100)
    row, column = np.indices((image.height, image.width), dtype=np.float64) + 0.5
    masks, boxes = [], []
    for i in range(len(image.labels)):
        x, y, wide, high, shear = random.rand(5)
        dx, dy = column - image.width * (0.15 + 0.7 * x), row - image.height * (0.15 + 0.7 * y)
        reach_x, reach_y = image.width * (0.04 + 0.16 * wide), image.height * (0.04 + 0.2 * high)
        if i % 2:
            mask = (np.abs(dx) < reach_x) & (np.abs(dy) < reach_y)
        else:
            mask = ((dx + (2 * shear - 1) * dy) / reach_x) ** 2 + (dy / reach_y) ** 2 < 1
        ys, xs = np.nonzero(mask)
        masks.append(mask)
        boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return np.stack(masks), np.array(boxes, np.float32)


def make_proposals(image: TrainImage, boxes: np.ndarray, count: int = 1000, near: int = 12) -> np.ndarray:
    """``near`` jittered copies of each box, then boxes anywhere, clipped to the image; float32 ``[count, 4]``."""
    random = np.random.RandomState(image.seed + 200)
    parts = []
    for box in boxes.astype(np.float64):
        size = np.tile(box[2:] - box[:2], 2)
        parts.append(box + (random.rand(near, 4) * 2 - 1) * 0.25 * size)
    x, y, wide, high = random.rand(count - near * len(boxes), 4).T
    left, top = x * (image.width - 9), y * (image.height - 9)
    right, bottom = left + 8 + wide * 0.5 * image.width, top + 8 + high * 0.5 * image.height
    parts.append(np.stack([left, top, right, bottom], axis=1))
    limits = (image.width, image.height, image.width, image.height)
    return np.clip(np.concatenate(parts), 0, limits).astype(np.float32)


class ContrastiveInputs(NamedTuple):
    """Six RoIs for the contrastive head."""

    masks: np.ndarray  # bool [6, 28, 28], the fourth of one pixel
    cams: np.ndarray  # float32 [6, 7, 7]
    features: np.ndarray  # float32 [6, 256, 28, 28]
    has_mask: np.ndarray  # bool [6]


def contrastive_inputs() -> ContrastiveInputs:
    """What the golden contrastive head was given."""
    random = np.random.RandomState(301)
    pixel = np.zeros((28, 28), bool)
    pixel[14, 11] = True
    masks = [ellipse(random), rectangle(random), ellipse(random), pixel, ellipse(random), rectangle(random)]
    cams, features = random.randn(6, 7, 7), random.randn(6, 256, 28, 28)
    has_mask = np.array([True, True, False, True, False, True])
    return ContrastiveInputs(np.stack(masks), cams.astype(np.float32), features.astype(np.float32), has_mask)


class MaskInputs(NamedTuple):
    """Six RoIs for the mask head."""

    features: np.ndarray  # float32 [6, 256, 14, 14]
    contrastive: np.ndarray  # float32 [6, 256, 28, 28], before the encoder
    cams: np.ndarray  # float32 [6, 7, 7]
    masks: np.ndarray  # bool [6, 28, 28]
    valid: np.ndarray  # bool [6]: in the mask loss


def mask_inputs() -> MaskInputs:
    """What the golden mask head was given."""
    random = np.random.RandomState(401)
    drawn = (random.randn(*shape).astype(np.float32) for shape in ((6, 256, 14, 14), (6, 256, 28, 28), (6, 7, 7)))
    features, contrastive, cams = drawn
    masks = np.stack([ellipse(random) for _ in range(6)])
    return MaskInputs(features, contrastive, cams, masks, np.array([True, False, True, True, False, True]))


def box_inputs() -> np.ndarray:
    """RoI features of the golden box head, float32 ``[6, 256, 7, 7]``."""
    return np.random.RandomState(201).randn(6, 256, 7, 7).astype(np.float32)
