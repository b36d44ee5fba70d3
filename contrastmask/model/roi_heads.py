"""From features and proposals to losses (training) or to detections with masks (test).

N images, R sampled RoIs, P positive ones, M of them in the mask loss, K classes; boxes xyxy in network-input pixels.

Gradient routes: the contrastive loss reaches the projector and the encoder only (its features and CAMs are detached);
the mask loss reaches the mask head, the encoder through the enhanced map, the pyramid through the 14x14 features, and
through the CAM the classification convolutions, never the classifier's weight.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from contrastmask.losses.cam import upsample_cam
from contrastmask.losses.detection import box_losses, mask_loss
from contrastmask.losses.pixel_sets import PixelSets, sample_keys
from contrastmask.model.box_head import CAMBoxHead
from contrastmask.model.boxes import TwoSidedCoder
from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.mask_head import MaskHead
from contrastmask.model.masks import mask_targets
from contrastmask.model.postprocess import BoxSelection, DetectedBoxes
from contrastmask.model.roi_align import PyramidRoIAlign
from contrastmask.model.sampling import Positives, RoISampler, SampledRoIs


class RoIHeads(nn.Module):
    """Box head with CAM, contrastive head and mask head over one RoIAlign.

    Args:
        align, sampler, box_head, selection, mask_head: the parts.
        contrastive_head: None for a detector without contrastive branch.
        contrastive: numbers of the contrastive loss, or None to leave the loss out (the enhancement may stay).
        box_stds: of the box deltas (.1, .1, .2, .2).
        use_cam: add the class activation map to the mask head's features.
        mask_rois: ``"objects"`` takes the mask loss on ground-truth boxes only (the method), ``"positives"`` on all
            positive RoIs; both only where the object has a mask.
    """

    BOX_SIZE, MASK_SIZE, PIXEL_SIZE = 7, 14, 28

    def __init__(
        self,
        align: PyramidRoIAlign,
        sampler: RoISampler,
        box_head: CAMBoxHead,
        selection: BoxSelection,
        mask_head: MaskHead,
        contrastive_head: ContrastiveHead | None = None,
        *,
        contrastive: ContrastiveOptions | None = None,
        box_stds: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2),
        use_cam: bool = True,
        mask_rois: str = "objects",
    ) -> None:
        super().__init__()
        if mask_rois not in ("objects", "positives"):
            raise ValueError(f"mask_rois is 'objects' or 'positives', not {mask_rois!r}")
        self.align = align
        self.sampler = sampler
        self.box_head = box_head
        self.selection = selection
        self.mask_head = mask_head
        self.contrastive_head = contrastive_head
        self.contrastive = contrastive
        self.coder = TwoSidedCoder(weights=tuple(1.0 / s for s in box_stds))
        self.use_cam = use_cam
        self.mask_rois = mask_rois
        self.sample_keys: Callable[..., PixelSets] = sample_keys  # a seam: a test may feed recorded draws

    # ------------------------------------------------------------------------------------------------ training
    def losses(
        self,
        features: list[Tensor],
        proposals: list[Tensor],
        targets: list[dict[str, Tensor]],
        *,
        contrastive_weight: float,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """The losses of one batch: ``loss_cls`` and ``loss_box`` (of a box head in training mode), ``loss_mask`` and,
        if built in, ``loss_contrastive``.

        Args:
            features: P2..P5, each ``[N, C, H/s, W/s]``; proposals: per image ``[q, 4]``.
            targets: per image ``boxes [G, 4]``, ``labels [G]``, ``has_mask [G]`` bool and ``masks [G', H, W]`` uint8
                for the G' objects that have one.
            contrastive_weight: factor of the contrastive loss (weight times ramp).
            generator: randomness of the pixel draw; None takes torch's own.
        """
        with torch.no_grad():
            sampled = [self.sampler(p, t, self.box_head.classes) for p, t in zip(proposals, targets, strict=True)]
        labels = torch.cat([s.labels for s in sampled])
        positives = self._positives(sampled, targets, labels)
        losses = {}
        if self.box_head.training:
            logits, deltas, cls_map = self.box_head(self.align(features, [s.boxes for s in sampled], self.BOX_SIZE))
            objects = [
                t["boxes"][s.objects] if len(t["boxes"]) else s.boxes for s, t in zip(sampled, targets, strict=True)
            ]
            wanted = self.coder.encode_single(torch.cat(objects).float(), torch.cat([s.boxes for s in sampled]))
            losses = box_losses(logits, deltas, labels, wanted)
            cams = self.box_head.cam(cls_map[positives.rows], positives.labels)
        else:
            cams = self.cams_of(features, positives.boxes, [positives.labels])
        encoded = None
        if self.contrastive is not None:
            encoded = self._encode(features, positives.boxes)
            losses["loss_contrastive"] = contrastive_weight * self._contrast(encoded, cams, positives, generator)
        losses["loss_mask"] = self._mask_loss(features, cams, encoded, positives)
        return losses

    def _positives(self, sampled: list[SampledRoIs], targets: list[dict[str, Tensor]], labels: Tensor) -> Positives:
        rows, boxes, has_mask, in_loss, masks, start = [], [], [], [], [], 0
        for rois, target in zip(sampled, targets, strict=True):
            count = rois.positives
            rows.append(torch.arange(start, start + count, device=labels.device))
            start += len(rois.boxes)
            boxes.append(rois.boxes[:count])
            objects = rois.objects[:count]
            known = target["has_mask"][objects]
            mask_row = (target["has_mask"].long().cumsum(0) - 1)[objects]
            with_mask = torch.where(known)[0]  # once, not by boolean indices: a GPU is waited for at each
            grid = known.new_zeros((count, self.PIXEL_SIZE, self.PIXEL_SIZE))
            grid[with_mask] = mask_targets(target["masks"], rois.boxes[with_mask], mask_row[with_mask], self.PIXEL_SIZE)
            has_mask.append(known)
            own = torch.where(known & rois.is_object[:count])[0]
            in_loss.append(own if self.mask_rois == "objects" else with_mask)
            masks.append(grid)
        index = torch.cat(rows)
        return Positives(index, boxes, labels[index], torch.cat(has_mask), in_loss, torch.cat(masks))

    def _encode(self, features: list[Tensor], boxes: list[Tensor]) -> Tensor:
        return self.contrastive_head.encode(self.align([f.detach() for f in features], boxes, self.PIXEL_SIZE))

    def _contrast(
        self, encoded: Tensor, cams: Tensor, positives: Positives, generator: torch.Generator | None
    ) -> Tensor:
        head, options = self.contrastive_head, self.contrastive
        if len(encoded) == 0:  # BatchNorm has no statistics of nothing; keep every parameter in the graph
            return sum(p.sum() for p in head.projector.parameters()) * 0.0 + encoded.float().sum()
        with torch.no_grad():
            heat = upsample_cam(cams.detach(), self.PIXEL_SIZE)
            sets = options.sets(heat, positives.masks, positives.has_mask)
            sets = self.sample_keys(sets, options.sample_ratio, generator)
        return options.loss(head.project(encoded), sets)

    def _mask_loss(self, features: list[Tensor], cams: Tensor, encoded: Tensor | None, positives: Positives) -> Tensor:
        boxes = [b[rows] for b, rows in zip(positives.boxes, positives.in_mask_loss, strict=True)]
        chosen = positives.mask_rows()
        logits = self.mask_logits(features, boxes, cams[chosen], None if encoded is None else encoded[chosen])
        return mask_loss(logits, positives.masks[chosen])

    def mask_logits(
        self, features: list[Tensor], boxes: list[Tensor], cams: Tensor, encoded: Tensor | None = None
    ) -> Tensor:
        """Mask logits ``[R, 28, 28]`` of boxes (per image ``[r, 4]``) with their CAMs ``[R, 7, 7]``.

        Args:
            encoded: ``[R, C, 28, 28]`` of the contrastive branch's encoder, where it has been asked before.
        """
        enhanced = None
        if self.mask_head.fuse is not None:
            enhanced = self.contrastive_head.enhance(self._encode(features, boxes) if encoded is None else encoded)
        cam = upsample_cam(cams, self.MASK_SIZE) if self.use_cam else None
        return self.mask_head(self.align(features, boxes, self.MASK_SIZE), enhanced, cam)

    # ------------------------------------------------------------------------------------------------ test
    def detect(
        self, features: list[Tensor], proposals: list[Tensor], sizes: list[tuple[int, int]]
    ) -> list[tuple[DetectedBoxes, Tensor]]:
        """Score, refine and select the proposals of each image (``sizes``: height and width, network input).

        Returns:
            per image the boxes kept and their CAMs ``[D, 7, 7]``, each read at the *proposal* that the detection was
            decoded from (reading it at the refined box instead moves mask probabilities by up to 0.35).

        Raises:
            FloatingPointError: a score is not a number. It is above no threshold: nothing would be found, silently.
        """
        logits, cls_map, shared = self.box_head.score(self.align(features, proposals, self.BOX_SIZE))
        probs = logits.float().softmax(dim=1)
        if probs.isnan().any():
            raise FloatingPointError("the box head's scores are NaN")
        # a proposal without any class above the threshold cannot become a detection: its box is not refined
        promising = torch.where((probs[:, :-1] > self.selection.score).any(dim=1))[0]
        refined = self.box_head.refine(shared[promising])
        deltas = refined.new_zeros((len(probs), refined.shape[1])).index_copy(0, promising, refined)
        counts = [len(p) for p in proposals]
        results = []
        parts = zip(proposals, probs.split(counts), deltas.split(counts), cls_map.split(counts), sizes, strict=True)
        for boxes, image_probs, image_deltas, image_map, size in parts:
            decoded = self.coder.decode_single(image_deltas, boxes).unflatten(1, (-1, 4))
            found = self.selection(image_probs, decoded, size)
            results.append((found, self.box_head.cam(image_map[found.proposals], found.labels)))
        return results

    def cams_of(self, features: list[Tensor], boxes: list[Tensor], labels: list[Tensor]) -> Tensor:
        """CAMs ``[R, 7, 7]`` of given boxes, each for its given class."""
        _, cls_map, _ = self.box_head.score(self.align(features, boxes, self.BOX_SIZE))
        return self.box_head.cam(cls_map, torch.cat(labels))

    def masks(self, features: list[Tensor], boxes: list[Tensor], cams: Tensor) -> Tensor:
        """Mask probabilities ``[R, 28, 28]`` float32 of boxes (per image ``[r, 4]``) with their CAMs ``[R, 7, 7]``."""
        return self.mask_logits(features, boxes, cams).float().sigmoid()

    def foreground_similarity(self, features: list[Tensor], boxes: list[Tensor], probs: Tensor) -> Tensor | None:
        """How close each pixel of a RoI lies to the foreground in the contrastive branch's space.

        The foreground query is the loss's, with predicted masks in place of true ones: the mean over RoIs of each RoI's
        mean projected pixel inside its mask. RoIs with an empty mask have no part in it.

        Args:
            features: P2..P5; boxes: per image ``[r, 4]``; probs: ``[R, 28, 28]`` of :meth:`masks`.

        Returns:
            cosines ``[R, 28, 28]`` in -1..1, float32; None for a detector without projector.
        """
        if self.contrastive_head is None or self.contrastive_head.projector is None:
            return None
        projected = self.contrastive_head.project(self._encode(features, boxes)).float()
        inside = (probs >= 0.5).float()
        area = inside.sum(dim=(1, 2))
        means = (projected * inside[:, None]).sum(dim=(2, 3)) / area.clamp(min=1)[:, None]
        query = means.sum(dim=0) / (area > 0).sum().clamp(min=1)
        return torch.cosine_similarity(projected, query[None, :, None, None], dim=1)
