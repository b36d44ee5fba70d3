"""Resize and flip as MMDetection does them, on tv_tensors.

h, w: size before; H, W: size after (the network frame). Images uint8 [3, h, w]; boxes float32 xyxy [N, 4] in pixels of
the frame they live in; masks uint8 {0, 1} [M, h, w]. A *target* is any dict: its `BoundingBoxes` and `Mask` entries
follow the image, every other entry passes through untouched.

Deviations from torchvision's own v2 transforms, each for parity with MMDetection 2.14:

- size: both sides rounded, where `v2.Resize` truncates the longer (differs for 42 % of COCO-like sizes);
- pixels: bilinear on uint8 without antialiasing; what is left against OpenCV 5.0 is at most 1 grey level, on average
  0.2 (0.13 brighter: OpenCV rounds down);
- boxes: clipped to the resized image, which `v2.functional.resize` does not do;
- masks: OpenCV's nearest rule in float64, no difference left in 1,500 COCO-like resizes; torch's float32 rule takes
  another source row or column in 13 % of them (0.07 % of all pixels).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from contrastmask.errors import ConfigError
from contrastmask.runtime.resizing import resized_size

Target = dict[str, Any]


def nearest_index(old: int, new: int) -> Tensor:
    """Source of each of `new` output positions, int64 [new]: floor(i * (1 / (new / old))) in float64, as OpenCV."""
    step = 1.0 / (new / old)
    return (torch.arange(new, dtype=torch.float64) * step).floor().long().clamp_(max=old - 1)


def resize_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest resize of masks [M, h, w] on the CPU to [M, H, W], any dtype kept."""
    height, width = masks.shape[-2:]
    if (height, width) == tuple(size):
        return masks
    # numpy's take is twice as fast as torch's nearest interpolation and seven times as fast as index_select.
    rows, columns = nearest_index(height, size[0]).numpy(), nearest_index(width, size[1]).numpy()
    # Whole rows are copied at once, columns value by value: the columns' turn comes where there are fewer rows.
    picks = [(rows, -2), (columns, -1)] if size[0] < height else [(columns, -1), (rows, -2)]
    resized = masks.numpy()
    for index, axis in picks:
        resized = resized.take(index, axis=axis)
    return torch.from_numpy(resized)


def resize(image: tv_tensors.Image, target: Target, size: tuple[int, int]) -> tuple[tv_tensors.Image, Target]:
    """Bring image, boxes and masks to (H, W). Boxes are scaled per axis (float32) and clipped to [0, W] x [0, H]."""

    def follow(value: Any) -> Any:
        if isinstance(value, tv_tensors.BoundingBoxes):
            return F.clamp_bounding_boxes(F.resize(value, list(size)))
        if isinstance(value, tv_tensors.Mask):
            return tv_tensors.wrap(resize_masks(value.as_subclass(Tensor), size), like=value)
        return value

    image = F.resize(image, list(size), interpolation=InterpolationMode.BILINEAR, antialias=False)
    return image, {key: follow(value) for key, value in target.items()}


def horizontal_flip(image: tv_tensors.Image, target: Target) -> tuple[tv_tensors.Image, Target]:
    """Mirror image, boxes (x -> W - x) and masks."""
    moving = (tv_tensors.BoundingBoxes, tv_tensors.Mask)
    flipped = {key: F.horizontal_flip(v) if isinstance(v, moving) else v for key, v in target.items()}
    return F.horizontal_flip(image), flipped


def _check_sides(short: int, long: int) -> None:
    if not 1 <= short <= long:
        raise ConfigError(f"image size: the short side ({short}) must be at least 1 and at most the long side ({long})")


class TrainTransform:
    """Multi-scale resize and random flip.

    The short side is drawn uniformly among the integers of `short_sides` (both ends included), the long side is bounded
    by `long_side`; then a mirror image with probability `flip`.

    Raises:
        ConfigError: sides not in order, or `flip` outside [0, 1].
    """

    def __init__(self, short_sides: tuple[int, int] = (640, 800), long_side: int = 1333, flip: float = 0.5) -> None:
        low, high = short_sides
        _check_sides(low, long_side)
        _check_sides(high, long_side)
        if low > high:
            raise ConfigError(f"short_sides: smallest first, got ({low}, {high})")
        if not 0.0 <= flip <= 1.0:
            raise ConfigError(f"flip is a probability in [0, 1], got {flip}")
        self.short_sides, self.long_side, self.flip = (low, high), long_side, flip

    def __call__(
        self, image: tv_tensors.Image, target: Target, generator: torch.Generator
    ) -> tuple[tv_tensors.Image, Target]:
        """Draw from `generator` (always two numbers) and apply; see `resize` for frames and shapes."""
        low, high = self.short_sides
        short = int(torch.randint(low, high + 1, (), generator=generator))
        mirrored = float(torch.rand((), generator=generator)) < self.flip
        height, width = image.shape[-2:]
        image, target = resize(image, target, resized_size(height, width, short, self.long_side))
        return horizontal_flip(image, target) if mirrored else (image, target)


class TestTransform:
    """Resize to one short side, long side bounded; nothing random.

    Raises:
        ConfigError: sides not in order.
    """

    __test__ = False  # the name is the field's; pytest would take the class for a test case

    def __init__(self, short_side: int = 800, long_side: int = 1333) -> None:
        _check_sides(short_side, long_side)
        self.short_side, self.long_side = short_side, long_side

    def __call__(
        self, image: tv_tensors.Image, target: Target | None = None, generator: torch.Generator | None = None
    ) -> tuple[tv_tensors.Image, Target]:
        """Same form as `TrainTransform`; `generator` is not used."""
        height, width = image.shape[-2:]
        return resize(image, target or {}, resized_size(height, width, self.short_side, self.long_side))


class BesideItself:
    """Another transform, and the image as it was beside what becomes of it: of a detector whose masks are cut out.

    Adds to the target ``pixels``, uint8 ``[3, h, w]``, and ``own_boxes``, float32 ``[N, 4]``, in their frame.
    """

    def __init__(self, transform: TestTransform) -> None:
        self.transform = transform

    def __call__(
        self, image: tv_tensors.Image, target: Target, generator: torch.Generator | None = None
    ) -> tuple[tv_tensors.Image, Target]:
        """What the other transform makes of them, and those two."""
        pixels, boxes = image.as_subclass(Tensor), target["boxes"].as_subclass(Tensor)
        image, target = self.transform(image, target, generator)
        return image, {**target, "pixels": pixels, "own_boxes": boxes}


class AsItIs:
    """No transform: the crop branch cuts objects out of the image at its own size."""

    short_side = long_side = None

    def __call__(
        self, image: tv_tensors.Image, target: Target, generator: torch.Generator | None = None
    ) -> tuple[tv_tensors.Image, Target]:
        """The image and the target."""
        return image, target
