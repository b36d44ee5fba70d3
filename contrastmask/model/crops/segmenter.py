"""Masks of given boxes from crops of the image: no proposals, no boxes learnt, no classes needed.

N boxes of an image; S pixels on a side of a crop, G = S/2 cells on a side of a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from contrastmask.model.crops.calibration import Calibration, overlap
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.planes import near_of, neighbour_plane, planes_of
from contrastmask.model.crops.windows import cut_out, into_windows, mirrored_boxes, windows_of

CHUNK = 64  # crops that go through the network together: memory does not grow with the objects of an image


class CropSegmenter(nn.Module):
    """The crop branch, from image and boxes to masks.

    Args:
        network: says which pixels of a crop are the object.
        side: S; context: share of the box's sides around it; see :mod:`contrastmask.model.crops.windows`.
        mean, std: of the three channels, of 0..255.
        flip_test: masks are the mean of the crop's and of the mirrored crop's.
    """

    def __init__(
        self,
        network: CropNetwork,
        *,
        side: int,
        context: float,
        mean: Sequence[float],
        std: Sequence[float],
        flip_test: bool = False,
    ) -> None:
        super().__init__()
        self.flip_test = flip_test
        self.network, self.calibration = network, Calibration()
        self.side, self.context = side, context
        self.register_buffer("mean", torch.tensor(list(mean)).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(3, 1, 1), persistent=False)

    def forward(self, crops: Tensor, boxes: Tensor, neighbours: Tensor) -> CropOutput:
        """What the network says of crops.

        Args:
            crops: uint8 ``[N, 3, S, S]``. boxes: ``[N, 4]``, whose object is meant, in shares of the crop.
            neighbours: ``[N, S, S]``, of :func:`contrastmask.model.crops.planes.neighbour_plane`.
        """
        return self.network((crops.float() - self.mean) / self.std, planes_of(boxes, neighbours))

    def segment(
        self,
        images: Sequence[Tensor],
        original_sizes: Sequence[tuple[int, int]],
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        beside: Sequence[Tensor] | None = None,
    ) -> list[dict[str, Tensor]]:
        """Masks of given boxes; the same form as a detector's, but for the frame of the masks.

        Args:
            images: uint8 ``[3, H, W]`` each, as they are; original_sizes: their ``(H, W)``.
            boxes: per image ``[N, 4]`` xyxy in its pixels; labels: per image ``[N]``, handed through.
            beside: per image ``[M, 4]``, boxes of other objects, which no mask is asked of: they tell what is near.

        Returns:
            per image ``boxes``, ``labels``, ``scores`` ``[N]`` (the IoU that the mask expects, 0..1), ``mask_probs``
            ``[N, G, G]`` in 0..1, zero outside the box, and ``windows`` ``[N, 4]``, the frame that they lie in.
        """
        found = []
        others = [given[:0] for given in boxes] if beside is None else beside
        for image, given, classes, more in zip(images, boxes, labels, others, strict=True):
            windows, all_boxes = windows_of(given, self.context), torch.cat([given, more]).float()
            parts = [self._probs(image, windows, all_boxes, i) for i in range(0, len(windows), CHUNK)]
            cells = self.side // 2
            probs = torch.cat([p for p, _ in parts]) if parts else given.new_zeros((0, cells, cells))
            scores = torch.cat([s for _, s in parts]) if parts else given.new_zeros(0)
            probs = probs * box_cells(into_windows(given.float(), windows), cells)
            found.append({"boxes": given, "labels": classes, "scores": scores, "mask_probs": probs, "windows": windows})
        return found

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]]) -> int:
        """Fit the confidence to objects that training did not see; how many there were.

        Args:
            batches: of :mod:`contrastmask.data.batches.object_crops`, objects with masks.
        """
        device, quality, overlaps = self.mean.device, [], []
        for batch in batches:
            boxes = batch["box"].to(device).float()
            said = self(batch["crop"].to(device), boxes, near_of(batch["near"].to(device)))
            inside = box_cells(boxes, said.logits.shape[-1])
            logits = said.logits.masked_fill(~inside, -torch.inf)
            quality.append(said.quality.cpu())
            overlaps.append(overlap(logits, batch["mask"].to(device)).cpu())
        if quality:
            self.calibration.fit(torch.cat(quality), torch.cat(overlaps))
        return sum(map(len, quality))

    def _probs(self, image: Tensor, windows: Tensor, boxes: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Of the windows from ``start`` on; ``boxes``: theirs, then others."""
        windows = windows[start : start + CHUNK]
        crops = cut_out(image, windows, self.side, self.mean.flatten())
        shares = into_windows(boxes[None], windows[:, None])
        own = torch.arange(start, start + len(windows), device=boxes.device)[:, None]
        counts = torch.arange(len(boxes), device=boxes.device) != own
        given = shares.gather(1, own[..., None].expand(-1, 1, 4))[:, 0]
        near = neighbour_plane(shares, counts, self.side)
        said = self(crops, given, near)
        probs, quality = said.logits.sigmoid(), self.calibration(said.quality)
        if self.flip_test:
            mirrored = self(crops.flip(-1), mirrored_boxes(given), near.flip(-1))
            probs = (probs + mirrored.logits.sigmoid().flip(-1)) / 2
            quality = (quality + self.calibration(mirrored.quality)) / 2
        return probs, quality


def box_cells(boxes: Tensor, cells: int) -> Tensor:
    """Cells of a crop's grid that a box touches.

    Args:
        boxes: ``[N, 4]`` in shares of the crop (:func:`contrastmask.model.crops.windows.into_windows`).
        cells: G.

    Returns:
        bool ``[N, G, G]``; at least one cell on each axis.
    """
    low, high = (boxes[:, :2] * cells).floor(), (boxes[:, 2:] * cells).ceil()
    high = torch.maximum(high, low + 1)
    place = torch.arange(cells, device=boxes.device)
    across = (place >= low[:, :1]) & (place < high[:, :1])
    down = (place >= low[:, 1:]) & (place < high[:, 1:])
    return down[:, :, None] & across[:, None, :]
