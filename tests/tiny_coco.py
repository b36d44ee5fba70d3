"""A tiny COCO data set on disk, for every test that starts from files.

Five classes with COCO's names and ids (with holes; person, cat and dog are VOC classes, stop sign and kite are not).
Every image holds one to four objects, drawn as flat ellipses over noise: polygons, sometimes in two parts; image 1 adds
a crowd region as RLE. Sizes alternate between landscape and portrait.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CATEGORIES = [
    {"id": 1, "name": "person"},
    {"id": 13, "name": "stop sign"},
    {"id": 17, "name": "cat"},
    {"id": 18, "name": "dog"},
    {"id": 38, "name": "kite"},
]


@dataclass(frozen=True)
class TinyCoco:
    """Where the data set lies: the annotation file, the image folder, and what was written into the file."""

    annotations: Path
    images: Path
    content: dict

    def rewrite(self, content: dict) -> None:
        """Replace the annotation file's content."""
        self.annotations.write_text(json.dumps(content))


def write_tiny_coco(
    root: Path,
    n_images: int = 6,
    seed: int = 0,
    missing_masks: Collection[str] = (),
    *,
    size: tuple[int, int] = (64, 96),
    name: str = "train",
) -> TinyCoco:
    """Write `<root>/annotations/<name>.json` and `<root>/<name>/*.png`; the same arguments give the same bytes.

    Args:
        missing_masks: class names whose annotations get no `segmentation`.
        size: (height, width) of even images; odd ones are turned by a quarter.
        name: of the subset; the seed, not the name, decides the content.
    """
    random = np.random.default_rng(seed)
    folder = Path(root) / name
    folder.mkdir(parents=True, exist_ok=True)
    (Path(root) / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(n_images):
        height, width = size if number % 2 == 0 else size[::-1]
        image_id = 100 + 7 * number
        pixels = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        images.append({"id": image_id, "file_name": f"{image_id:06d}.png", "height": height, "width": width})
        for _ in range(int(random.integers(1, 5))):
            category = CATEGORIES[int(random.integers(len(CATEGORIES)))]
            row = _object(random, height, width, ImageDraw.Draw(pixels))
            if category["name"] in missing_masks:
                del row["segmentation"]
            annotations.append(
                {"id": 1000 + len(annotations), "image_id": image_id, "category_id": category["id"], **row}
            )
        if number == 1:
            annotations.append({"id": 1000 + len(annotations), "image_id": image_id, **_crowd(height, width)})
        pixels.save(folder / f"{image_id:06d}.png")
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    tiny = TinyCoco(Path(root) / "annotations" / f"{name}.json", folder, content)
    tiny.rewrite(content)
    return tiny


def _object(random: np.random.Generator, height: int, width: int, draw: ImageDraw.ImageDraw) -> dict:
    """One ellipse of 16 corners, or two beside each other, painted and described in COCO's terms."""
    parts = []
    colour = tuple(int(c) for c in random.integers(0, 256, 3))
    for _ in range(1 + int(random.random() < 0.2)):
        radius_y, radius_x = random.uniform(6, height / 4), random.uniform(6, width / 4)
        y, x = random.uniform(radius_y, height - radius_y), random.uniform(radius_x, width - radius_x)
        angle = np.arange(16) * (2 * np.pi / 16)
        corners = np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1).round(2)
        draw.polygon([tuple(c) for c in corners.tolist()], fill=colour)
        parts.append(corners)
    corners = np.concatenate(parts)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    area = sum(_polygon_area(part) for part in parts)
    return {
        "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
        "area": float(area),
        "iscrowd": 0,
        "segmentation": [part.ravel().tolist() for part in parts],
    }


def _polygon_area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _crowd(height: int, width: int) -> dict:
    """A crowd of persons over the left half: uncompressed RLE, column by column, starting with zeros."""
    half = (width // 2) * height
    return {
        "category_id": 1,
        "bbox": [0.0, 0.0, float(width // 2), float(height)],
        "area": float(half),
        "iscrowd": 1,
        "segmentation": {"size": [height, width], "counts": [0, half, height * width - half]},
    }
