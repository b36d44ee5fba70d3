"""Masks of given boxes from crops of the image: no proposals, no boxes learnt, no classes needed.

N boxes of an image; S pixels on a side of a crop, G = S/2 cells on a side of a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from contrastmask.model.crops.calibration import Calibration, overlap
from contrastmask.model.crops.grid_network import GridNetwork
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.planes import cam_plane, mask_of, near_of, neighbour_plane, planes_of
from contrastmask.model.crops.views import View, views_of
from contrastmask.model.crops.windows import cut_out, into_other_windows, into_windows, mirrored_boxes, windows_of
from contrastmask.model.winograd import is_plain

# crops that go through the network together: memory does not grow with the objects of an image. On a CPU activations of
# more than 16 leave the cache (a fifth slower), of fewer its library adds up in another order; laid out for inference
# the network keeps to the cache by itself, and twice as many share its weights.
ON_CPU, LAID_OUT, ELSEWHERE = 16, 32, 64


class CropSegmenter(nn.Module):
    """The crop branch, from image and boxes to masks.

    Args:
        network: says which pixels of a crop are the object.
        side: S; context: share of the box's sides around it; see :mod:`contrastmask.model.crops.windows`.
        mean, std: of the three channels, of 0..255.
        tta: what a mask is the mean of, see :func:`contrastmask.model.crops.views.views_of`. The mean is taken on the
            grid of the branch's own context, where every box has the same cells whatever the image's size.

    Raises:
        ValueError: unknown ``tta``.
    """

    def __init__(
        self,
        network: CropNetwork,
        *,
        side: int,
        context: float,
        mean: Sequence[float],
        std: Sequence[float],
        tta: str = "none",
    ) -> None:
        super().__init__()
        self.views = views_of(tta, context)
        self.network, self.calibration = network, Calibration()
        self.laid_out: GridNetwork | None = None
        self.side, self.context = side, context
        self.register_buffer("mean", torch.tensor(list(mean)).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(3, 1, 1), persistent=False)

    def forward(self, crops: Tensor, boxes: Tensor, neighbours: Tensor, cams: Tensor | None = None) -> CropOutput:
        """What the network says of crops.

        Args:
            crops: uint8 ``[N, 3, S, S]``. boxes: ``[N, 4]``, whose object is meant, in shares of the crop.
            neighbours: ``[N, S, S]``, of :func:`contrastmask.model.crops.planes.neighbour_plane`.
            cams: ``[N, 7, 7]``, a detector's class activation maps of the boxes, for a network that takes them.
        """
        planes = planes_of(boxes, neighbours)
        if self.network.cam:
            if cams is None:
                raise ValueError("this crop branch takes a detector's class activation maps beside the boxes")
            planes = torch.cat([planes, cam_plane(boxes, cams, neighbours.shape[-1])[:, None]], dim=1)
        colours = (crops.float() - self.mean) / self.std
        network = self.network if self.laid_out is None or not is_plain(colours) else self.laid_out
        return network(colours, planes)

    def segment(
        self,
        images: Sequence[Tensor],
        original_sizes: Sequence[tuple[int, int]],
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        beside: Sequence[Tensor] | None = None,
        others: Sequence[Tensor] | None = None,
        cams: Sequence[Tensor] | None = None,
    ) -> list[dict[str, Tensor]]:
        """Masks of given boxes; the same form as a detector's, but for the frame of the masks.

        Args:
            images: uint8 ``[3, H, W]`` each, as they are; original_sizes: their ``(H, W)``.
            boxes: per image ``[N, 4]`` xyxy in its pixels; labels: per image ``[N]``, handed through.
            beside: per image ``[M, 4]``, boxes of other objects, which no mask is asked of: they tell what is near.
            others: per image bool ``[N, N + M]``, which boxes, given ones and those beside, are of other objects than
                each given one; None: all but itself.
            cams: per image ``[N, 7, 7]``, for a network that takes them.

        Returns:
            per image ``boxes``, ``labels``, ``confidence`` ``[N]`` (the IoU that the mask expects, 0..1), the same as
            ``scores``, ``mask_probs`` ``[N, G, G]`` in 0..1, zero outside the box, and ``windows`` ``[N, 4]``, the
            frame that they lie in.
        """
        found = []
        beside = [given[:0] for given in boxes] if beside is None else beside
        others = [None] * len(boxes) if others is None else others
        cams = [None] * len(boxes) if cams is None else cams
        for image, given, classes, more, other, maps in zip(images, boxes, labels, beside, others, cams, strict=True):
            windows, all_boxes = windows_of(given, self.context), torch.cat([given, more]).float()
            if other is None:
                other = ~torch.eye(len(given), len(all_boxes), dtype=torch.bool, device=given.device)
            parts = [
                self._probs(image, windows[first:last], all_boxes, other[first:last], first, maps)
                for first, last in chunks_of(len(windows), self.at_once)
            ]
            cells = self.side // 2
            probs = torch.cat([p for p, _ in parts]) if parts else given.new_zeros((0, cells, cells))
            sure = torch.cat([s for _, s in parts]) if parts else given.new_zeros(0)
            probs = probs * box_cells(into_windows(given.float(), windows), cells)
            found.append({"boxes": given, "labels": classes, "scores": sure, "confidence": sure,
                          "mask_probs": probs, "windows": windows})  # fmt: skip
        return found

    @property
    def at_once(self) -> int:
        """Crops that go through the network together, at the least where there are so many."""
        if self.mean.device.type != "cpu":
            return ELSEWHERE
        return ON_CPU if self.laid_out is None else LAID_OUT

    @torch.no_grad()
    def lay_out(self, dtype: torch.dtype | None = None) -> None:
        """Bring the weights into the form that calls of this kind are quickest with: for inference alone.

        On a CPU in float32 that is another order of work (:class:`contrastmask.model.crops.grid_network.GridNetwork`),
        whose masks agree with the network's to float32's rounding; elsewhere results are the same.

        Args:
            dtype: of the autocast that calls will be in; None: of none. It casts what stays as it is with every call.
        """
        if dtype is None and self.mean.device.type == "cpu" and GridNetwork.takes(self.network):
            self.laid_out = GridNetwork(self.network)
            return
        self.network.to(memory_format=torch.channels_last)
        for module in self.network.modules():
            if dtype is not None and type(module) is nn.Conv2d:  # others may compute with their weights
                module.to(dtype)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]]) -> int:
        """Fit the confidence to objects that training did not see; how many there were.

        Args:
            batches: of :mod:`contrastmask.data.batches.object_crops`, objects with masks.
        """
        device, quality, overlaps = self.mean.device, [], []
        for batch in batches:
            boxes = batch["box"].to(device).float()
            maps = batch["cam"].to(device) if self.network.cam else None
            said = self(batch["crop"].to(device), boxes, near_of(batch["near"].to(device)), maps)
            inside = box_cells(boxes, said.logits.shape[-1])
            logits = said.logits.masked_fill(~inside, -torch.inf)
            quality.append(said.quality.cpu())
            overlaps.append(overlap(logits, mask_of(batch["mask"].to(device))).cpu())
        if quality:
            self.calibration.fit(torch.cat(quality), torch.cat(overlaps))
        return sum(map(len, quality))

    def _probs(
        self, image: Tensor, windows: Tensor, boxes: Tensor, others: Tensor, start: int, cams: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The mean of all views, in ``windows [n, 4]``, and their mean confidence.

        Args:
            boxes: of the image, those of the windows from ``start`` on; others: ``[n, len(boxes)]``; cams: of the
                image's given boxes.
        """
        probs, sure = [], []
        cams = None if cams is None else cams[start : start + len(windows)]
        for view in self.views:
            own = windows_of(boxes[start : start + len(windows)], view.context)
            for seen, confidence in self._seen(image, own, boxes, others, start, view, cams):
                probs.append(seen if view.context == self.context else into_other_windows(seen, own, windows))
                sure.append(confidence)
        return sum(probs) / len(probs), sum(sure) / len(sure)

    def _seen(
        self,
        image: Tensor,
        windows: Tensor,
        boxes: Tensor,
        others: Tensor,
        start: int,
        view: View,
        cams: Tensor | None,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Probabilities and confidence of the crops, and of the mirrored ones where the view has both."""
        crops = cut_out(image, windows, self.side, self.mean.flatten())
        shares = into_windows(boxes[None], windows[:, None])
        own = torch.arange(start, start + len(windows), device=boxes.device)[:, None, None]
        given = shares.gather(1, own.expand(-1, 1, 4))[:, 0]
        near = neighbour_plane(shares, others, self.side)
        for mirrored in view.sides:
            if mirrored:
                maps = None if cams is None else cams.flip(-1)
                said = self(crops.flip(-1), mirrored_boxes(given), near.flip(-1), maps)
                yield said.logits.sigmoid().flip(-1), self.calibration(said.quality)
            else:
                said = self(crops, given, near, cams)
                yield said.logits.sigmoid(), self.calibration(said.quality)


def chunks_of(count: int, step: int) -> list[tuple[int, int]]:
    """First and last (exclusive) of each ``step`` of crops; a rest joins the last ones."""
    starts = [i * step for i in range(max(count // step, 1))]
    return list(zip(starts, [*starts[1:], count], strict=True)) if count else []


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
