"""Objects as the crop branch learns them: each cut out of its image with some of what surrounds it.

A sample is a dict, for crops of side S:

    crop      uint8 [3, S, S]       RGB
    mask      uint8 [S/2, S/2]      share of each cell that is the object's, 255 all of it; zeros where it has no mask
    has_mask  bool
    predicted bool                  a model made the mask: no truth to measure anything by
    weight    float32               of what is learnt from the mask, 0..1: 1 of a drawn one, 0 without mask
    box       float32 [4]           the object's box in shares of the crop, 0..1 inside it
    given     float32 [4]           the same as the network is told of it: in training, as a person might draw it
    near      uint8 [S, S]          how many other boxes of the image lie there (planes.near_as_bytes)
    image     float32 [4]           what of the crop the image covers, in the same shares
    cam       float16 [7, 7]        a detector's class activation map of the box; only where there is one
    row       int                   of the records

A batch holds the same, stacked by torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as F

from contrastmask.data.batches.sampler import Key
from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.model.crops.planes import near_as_bytes, neighbour_plane
from contrastmask.model.crops.windows import cut_out, into_windows, mirrored_boxes, windows_of

UNTOLD = 0.5  # confidence of a predicted mask that tells none


class CropOptions(NamedTuple):
    """How objects are cut out and varied."""

    side: int  # S, px; a multiple of 32
    context: float  # share of the box's sides that is added at each end
    jitter: float  # the window: each side of the box that it is around moves by at most this share, in training
    box_noise: float  # the box that the network is told: each side moves by at most this share, in training
    flip: float  # probability of a mirrored crop, in training
    colour: float  # brightness, contrast and saturation change by at most this share, in training
    fill: tuple[float, float, float]  # RGB of what lies outside the image, 0..255
    trust: float = 1.0  # power of a predicted mask's confidence that is its weight; 0: as a drawn one


class ObjectCrops(Dataset):
    """Crops of some objects, in training augmented by a generator seeded from (seed, epoch, draw, index) alone.

    Args:
        records: after the split: masks that are not to be seen are absent.
        rows: int64 ``[O]``, rows of the records (:func:`usable`).
        seed: not negative.
        varied: False: each object as it is, whatever the key.
        cams: float16 ``[A, 7, 7]`` of all annotations; None: objects have none.
        pixels: position of an image → uint8 ``[3, H, W]``, or None where it is to be skipped; None: read, or an error.
    """

    def __init__(
        self,
        records: Records,
        rows: np.ndarray,
        options: CropOptions,
        *,
        seed: int = 0,
        varied: bool = True,
        cams: np.ndarray | None = None,
        pixels: Callable[[int], Tensor | None] | None = None,
    ) -> None:
        self.cams, self._pixels = cams, pixels or partial(read_image_of, records)
        self.records, self.rows, self.seed = records, rows, seed
        self.options = options if varied else options._replace(jitter=0.0, box_noise=0.0, flip=0.0, colour=0.0)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        """One object, varied by the key; in place of one whose image is skipped the next one whose image is not.

        Raises:
            DataError: its image cannot be read, or all are skipped, or its mask cannot be decoded.
        """
        for step in range(len(self)):
            sample = self.sample(key._replace(index=(key.index + step) % len(self)))
            if sample is not None:
                return sample
        raise DataError("data.on_bad=skip leaves no image to learn from: not one can be read")

    def sample(self, key: Key) -> dict[str, Any] | None:
        """One object, varied by the key; None where its image is skipped.

        Raises:
            DataError: as above.
        """
        row, options = int(self.rows[key.index]), self.options
        rng = np.random.default_rng((self.seed, *key))
        records, image = self.records, self.records.image_of(row)
        pixels = self._pixels(image)
        if pixels is None:
            return None
        true_box = torch.from_numpy(records.boxes[row][None].copy())
        window = windows_of(_moved(true_box, options.jitter, rng), options.context)
        crop = cut_out(pixels, window, options.side, torch.tensor(options.fill))[0]
        mask = torch.zeros((options.side // 2, options.side // 2), dtype=torch.uint8)
        if records.has_mask[row]:
            bitmap = torch.from_numpy(np.array(records.mask(row), dtype=np.uint8))[None] * 255
            mask = cut_out(bitmap, window, options.side // 2)[0, 0]
        height, width = pixels.shape[1:]
        frame = true_box.new_tensor([[0, 0, width, height]])
        given = _moved(true_box, options.box_noise, rng)
        shares = into_windows(torch.cat([true_box, frame, given]), window)
        near = self._near(row, image, window)
        cam = {} if self.cams is None else {"cam": torch.from_numpy(self.cams[row])}
        crop = _recoloured(crop, options.colour, rng)
        if rng.random() < options.flip:
            crop, mask, near, shares = crop.flip(-1), mask.flip(-1), near.flip(-1), mirrored_boxes(shares)
            cam = {name: maps.flip(-1) for name, maps in cam.items()}
        return {
            "crop": crop,
            "mask": mask,
            "has_mask": bool(records.has_mask[row]),
            "predicted": bool(records.has_mask[row] & records.predicted[row]),
            "weight": self._weight(row),
            "box": shares[0],
            "given": shares[2],
            "near": near_as_bytes(near),
            "image": shares[1].clamp(0, 1),
            **cam,
            "row": row,
        }

    def _weight(self, row: int) -> np.float32:
        records = self.records
        if not records.has_mask[row] or not records.predicted[row]:
            return np.float32(records.has_mask[row])
        sure = records.confidence[row]
        return np.float32((UNTOLD if np.isnan(sure) else sure) ** self.options.trust)

    def _near(self, row: int, image: int, window: Tensor) -> Tensor:
        """Where the boxes of the image's other objects lie in the crop; crowd regions are no objects."""
        records = self.records
        rows = np.arange(records.offsets[image], records.offsets[image + 1])
        rows = rows[(rows != row) & ~records.crowd[rows]]
        boxes = into_windows(torch.from_numpy(records.boxes[rows].astype(np.float32)), window)
        return neighbour_plane(boxes[None], torch.ones((1, len(rows)), dtype=torch.bool), self.options.side)[0]


def held_out(records: Records, rows: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and rows that are kept apart to see how good the masks of unseen objects are.

    Whole images are kept apart, drawn by the seed, until at least ``share`` of the rows is; none where there are fewer
    than ten images.

    Args:
        share: 0..1.
    """
    images = np.searchsorted(records.offsets, rows, side="right") - 1
    found, counts = np.unique(images, return_counts=True)
    if share <= 0 or len(found) < 10:
        return rows, rows[:0]
    order = np.random.default_rng((seed, len(rows))).permutation(len(found))
    enough = int(np.searchsorted(np.cumsum(counts[order]), share * len(rows))) + 1
    apart = np.isin(images, found[order[:enough]])
    return rows[~apart], rows[apart]


def _moved(box: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Each side moved by at most ``share`` of the box, at least a pixel left between them."""
    moves = torch.from_numpy(rng.uniform(-share, share, 4)).float()
    moved = box + moves * (box[:, 2:] - box[:, :2]).repeat(1, 2)
    moved[:, 2:] = torch.maximum(moved[:, 2:], moved[:, :2] + 1)
    return moved


def _recoloured(crop: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    brightness, contrast, saturation = rng.uniform(1 - share, 1 + share, 3)
    if share == 0:
        return crop
    crop = F.adjust_contrast(F.adjust_brightness(crop, brightness), contrast)
    return F.adjust_saturation(crop, saturation)
