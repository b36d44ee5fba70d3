"""What a detector has seen of its class in given boxes, for a crop branch that is told so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from contrastmask.data.batches.transforms import TestTransform
from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.errors import CheckpointError
from contrastmask.model.detector import Detector


def _of_one(found: Tensor) -> Tensor:
    return found[None]


class DetectorCams:
    """A given detector's class activation maps of boxes in images at their own size. The detector learns nothing.

    Args:
        detector: in eval mode. transform: the size of its inputs.
        class_names: of its labels, in their order. path: of its file, for messages.
    """

    def __init__(self, detector: Detector, transform: TestTransform, class_names: Sequence[str], path: Path) -> None:
        self.detector, self.transform = detector.eval().requires_grad_(False), transform
        self.class_names, self.path = list(class_names), path

    @torch.no_grad()
    def __call__(self, image: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
        """float32 ``[N, 7, 7]``, unnormalised, on the image's device.

        Args:
            image: uint8 ``[3, H, W]``; boxes: ``[N, 4]`` xyxy in its pixels; labels: ``[N]``, the detector's.
        """
        if not len(boxes):
            return boxes.new_zeros((0, 7, 7), dtype=torch.float32)
        target = {"boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=tuple(image.shape[-2:]))}
        resized, target = self.transform(tv_tensors.Image(image), target)
        with torch.autocast(image.device.type, enabled=False):
            detector = self.detector.to(image.device)
            (cams,) = detector.cams([resized.as_subclass(Tensor)], [target["boxes"].as_subclass(Tensor)], [labels])
        return cams.float()

    def of_records(
        self,
        records: Records,
        rows: np.ndarray,
        device: torch.device,
        *,
        pixels: Callable[[int], Tensor | None] | None = None,
        shard: tuple[int, int] = (0, 1),
        gather: Callable[[Tensor], Tensor] = _of_one,
    ) -> np.ndarray:
        """float16 ``[A, 7, 7]`` of all annotations; zeros but for those of ``rows``, each image read once. Zeros, too,
        of images that are skipped.

        Args:
            rows: int64, ascending.
            pixels: as of :class:`~contrastmask.data.batches.object_crops.ObjectCrops`.
            shard: number of this process and how many share the images; all of them must ask.
            gather: ``[…]`` of this process → ``[processes, …]`` of all, in their order, on the same device.

        Raises:
            CheckpointError: the records have other classes than the detector.
            DataError: an image cannot be read.
        """
        self.check([category.name for category in records.categories])
        read = pixels or partial(read_image_of, records)
        rank, processes = shard
        images, turn = np.unique(np.searchsorted(records.offsets, rows, side="right") - 1, return_inverse=True)
        parts = [rows[turn % processes == process] for process in range(processes)]
        # as long as the longest part: all processes give a tensor of one shape
        found = torch.zeros((max(map(len, parts)), 7, 7), dtype=torch.float16, device=device)
        ends = np.cumsum(np.bincount(turn, minlength=len(images))[rank::processes])
        for image, start, end in zip(images[rank::processes].tolist(), [0, *ends], ends, strict=False):
            mine = parts[rank][start:end]
            boxes = torch.from_numpy(records.boxes[mine].astype(np.float32)).to(device)
            labels = torch.from_numpy(records.labels[mine]).to(device)
            image_pixels = read(image)
            if image_pixels is not None:
                found[start:end] = self(image_pixels.to(device), boxes, labels)
        cams = np.zeros((len(records.labels), 7, 7), np.float16)
        for part, maps in zip(parts, gather(found).cpu().numpy(), strict=True):
            cams[part] = maps[: len(part)]
        return cams

    def check(self, class_names: Sequence[str]) -> None:
        """Whether labels of these classes are the detector's.

        Raises:
            CheckpointError: they are not.
        """
        if list(class_names) != self.class_names:
            raise CheckpointError(
                f"mask_branch.cam={self.path} knows the classes {', '.join(self.class_names)}, the data have "
                f"{', '.join(class_names)}: take a detector of these data"
            )
