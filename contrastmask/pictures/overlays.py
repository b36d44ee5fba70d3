"""Pictures of objects: the same ones for PNG files, TensorBoard and W&B (whose mask overlays cannot show overlaps).

Images are uint8 RGB tensors ``[3, H, W]`` in and out; boxes xyxy in pixels of the image given. Small images are
enlarged until their text can be read. Classes trained without masks ("box only") have dashed boxes and a ``*`` behind
the name.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.files.whole_file import part_beside
from contrastmask.pictures.drawing import instance_colour, legible_font, paint, rectangle, tag
from contrastmask.pictures.pairing import found_objects

MIN_SIDE = 480  # px of the longer side below which an image is enlarged
GAP = 8  # px between and around the pictures of a panel
HEAT = ((0, 0, 40), (60, 20, 130), (180, 40, 100), (250, 130, 40), (255, 245, 160))  # dark to bright, even in lightness
BOX_ONLY = "dashed box and *: class trained without masks"
MATCHED = "same colour left and right: the same object"


def overlay(
    image: Tensor,
    boxes: Any,
    labels: Any,
    masks: Any = None,
    *,
    class_names: Sequence[str],
    scores: Any = None,
    novel: Collection[int] = (),
    colours: Sequence[int] | None = None,
    min_side: int = MIN_SIDE,
) -> Tensor:
    """Draw objects into a copy of an image, each in its own colour, small ones on top.

    Args:
        image: uint8 ``[3, H, W]``.
        boxes: ``[N, 4]`` tensor or array; labels: ``[N]`` in 0..K-1.
        masks: ``[N, H, W]`` in {0, 1}, or a list of N bitmaps ``[H, W]``, COCO run lengths or None (no mask known);
            None: boxes only.
        class_names: of the K labels; scores: ``[N]`` in 0..1, written behind the name.
        novel: labels of the box-only classes.
        colours: ``[N]`` numbers of the objects' colours, see :func:`instance_colour`; by default 0, 1, …
        min_side: the picture's longer side is at least this many pixels.

    Returns:
        uint8 ``[3, h, w]``, the image's size or larger.

    Raises:
        ValueError: the image is not uint8 ``[3, H, W]``, or the objects' columns differ in length.
    """
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
        raise ValueError(f"need a uint8 image [3, H, W], got {image.dtype} {tuple(image.shape)}")
    boxes, labels = _array(boxes).reshape(-1, 4).astype(float), _array(labels).astype(int)
    masks = [None] * len(boxes) if masks is None else list(masks)
    scores = [None] * len(boxes) if scores is None else _array(scores).tolist()
    shades = [instance_colour(i) for i in (range(len(boxes)) if colours is None else colours)]
    if not len(boxes) == len(labels) == len(masks) == len(scores) == len(shades):
        raise ValueError(
            f"{len(boxes)} boxes, {len(labels)} labels, {len(masks)} masks, {len(scores)} scores, {len(shades)} colours"
        )
    height, width = image.shape[1:]
    scale = max(1.0, min_side / max(height, width))
    size = (round(height * scale), round(width * scale))
    canvas = _resize(image.cpu().float(), size).clamp(0, 255)
    line = max(2, round(max(size) / 400))

    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable").tolist()
    for i in order:
        if masks[i] is not None:
            paint(canvas, _resize(_bitmap(masks[i])[None], size)[0] >= 0.5, shades[i], line)
    picture = _to_pil(canvas)
    draw = ImageDraw.Draw(picture)
    boxes = boxes * np.tile([size[1] / width, size[0] / height], 2)
    for i in order:
        rectangle(draw, boxes[i], shades[i], line + 1, dashed=int(labels[i]) in novel)
    font, taken = legible_font(size), []
    for i in reversed(order):
        star = "*" if int(labels[i]) in novel else ""
        score = "" if scores[i] is None else f" {scores[i]:.2f}"
        tag(draw, f"{class_names[labels[i]]}{star}{score}", boxes[i], shades[i], font, taken)
    return _to_tensor(picture)


def panel(
    image: Tensor,
    truth: Mapping[str, Any],
    prediction: Mapping[str, Any],
    *,
    class_names: Sequence[str],
    novel: Collection[int] = (),
    min_score: float = 0.3,
    captions: tuple[str, str] = ("ground truth", "prediction"),
) -> Tensor:
    """Ground truth beside prediction, with captions and a legend; a detection has the colour of the object it found.

    Args:
        image: uint8 ``[3, H, W]``.
        truth: ``boxes [N, 4]``, ``labels [N]`` and ``masks`` or ``rles`` as :func:`overlay` takes them (or neither).
        prediction: the same with ``scores [N]``; detections below ``min_score`` are not drawn.
        class_names, novel: as in :func:`overlay`; captions: of the left and the right picture.

    Returns:
        uint8 ``[3, h, w]``.
    """
    shown = _best_first(_array(prediction["scores"]), min_score)
    number = len(truth["boxes"])
    boxes, labels = _boxes(prediction)[shown], _array(prediction["labels"])[shown]
    found = found_objects(boxes, labels, _boxes(truth), _array(truth["labels"]))
    # what found nothing has colours behind those of the objects
    colours = [number + i if match < 0 else match for i, match in enumerate(found)]
    pictures = []
    for objects, rows, own in ((truth, range(number), range(number)), (prediction, shown.tolist(), colours)):
        masks, scores = objects.get("masks", objects.get("rles")), objects.get("scores")
        drawn = overlay(
            image,
            _boxes(objects)[list(rows)],
            _array(objects["labels"])[list(rows)],
            None if masks is None else [masks[i] for i in rows],
            class_names=class_names,
            scores=None if scores is None else _array(scores)[list(rows)],
            novel=novel,
            colours=own,
        )
        pictures.append(_to_pil(drawn))
    left, right = pictures
    hidden = len(prediction["boxes"]) - len(shown)
    texts = (captions[0], captions[1] + (f" ({hidden} below {min_score:g} not shown)" if hidden else ""))
    font = legible_font((left.height, left.width))
    strip = 2 * font.size
    column = max(left.width, *(math.ceil(font.getlength(text)) for text in (*texts, BOX_ONLY, MATCHED)))
    page = Image.new("RGB", (2 * column + 3 * GAP, left.height + 2 * strip), "white")
    draw = ImageDraw.Draw(page)
    for picture, text, x in ((left, texts[0], GAP), (right, texts[1], column + 2 * GAP)):
        page.paste(picture, (x, strip))
        draw.text((x, strip / 2), text, "black", font, anchor="lm")
    below = strip + left.height + strip / 2
    if novel:
        draw.text((GAP, below), BOX_ONLY, "black", font, anchor="lm")
    draw.text((column + 2 * GAP, below), MATCHED, "black", font, anchor="lm")
    return _to_tensor(page)


def truth_of(records: Records, row: int) -> dict[str, Any]:
    """The objects of image ``row`` as :func:`panel` takes them, crowd regions left out."""
    rows = range(int(records.offsets[row]), int(records.offsets[row + 1]))
    rows = [a for a in rows if not records.crowd[a]]
    masks = [records.mask(a) if records.has_mask[a] else None for a in rows]
    return {"boxes": records.boxes[rows], "labels": records.labels[rows], "masks": masks}


def heat_map(values: Tensor, side: int = 224) -> Tensor:
    """A class activation map in colours, dark for the least and bright for the greatest of its values.

    Args:
        values: ``[h, w]``, any finite range; a flat map is all dark.
        side: pixels of the picture's longer side.

    Returns:
        uint8 ``[3, H, W]``.
    """
    values = values.detach().float().cpu()
    span = values.max() - values.min()
    level = (values - values.min()) / span if span > 0 else torch.zeros_like(values)
    scale = side / max(values.shape)
    level = _resize(level[None], tuple(max(1, round(n * scale)) for n in values.shape))[0].clamp(0, 1)
    stops = np.linspace(0, 1, len(HEAT))
    channels = [np.interp(level.numpy(), stops, channel) for channel in zip(*HEAT, strict=True)]
    return torch.from_numpy(np.stack(channels).round().astype(np.uint8))


def save_png(path: str | Path, image: Tensor) -> None:
    """Write a uint8 ``[3, H, W]`` picture, whole or not at all; folders are made.

    Raises:
        DataError: no permission, no room.
    """
    path = Path(path)
    part = part_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _to_pil(image).save(part, format="PNG")
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _bitmap(mask: Any) -> Tensor:
    bitmap = coco_mask.decode(mask) if isinstance(mask, Mapping) else _array(mask)
    return torch.from_numpy(np.ascontiguousarray(bitmap, dtype=np.float32))


def _boxes(objects: Mapping[str, Any]) -> np.ndarray:
    return _array(objects["boxes"]).reshape(-1, 4).astype(float)


def _best_first(scores: np.ndarray, least: float) -> np.ndarray:
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] >= least]


def _resize(planes: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(planes.shape[1:]) == size:
        return planes.clone()
    return F.interpolate(planes[None], size=size, mode="bilinear", align_corners=False)[0]


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def _to_pil(image: Tensor) -> Image.Image:
    return Image.fromarray(image.cpu().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def _to_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
