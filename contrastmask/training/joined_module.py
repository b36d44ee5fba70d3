"""A detector and a crop branch, trained apart, evaluated together: its boxes, masks cut out of the image itself."""

from __future__ import annotations

from typing import Any

from contrastmask.model.crops.detections import detect_with_crops
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.training.evaluated import Batch, as_prediction
from contrastmask.training.module import ContrastMaskModule


class JoinedModule(ContrastMaskModule):
    """Evaluates a detector whose masks are a crop branch's; trains nothing.

    Batches are those of :class:`~contrastmask.data.batches.transforms.BesideItself`.

    Args:
        crops: the crop branch; others: of :class:`ContrastMaskModule`.
    """

    explains = False  # its maps steer the detector's own mask head, which is not asked

    def __init__(self, *args: Any, crops: CropSegmenter, **others: Any) -> None:
        super().__init__(*args, **others)
        self.crops = crops

    def _predict(self, batch: Batch) -> None:
        images, targets = batch
        if not images:
            return
        sizes, pixels = [t["original_size"] for t in targets], [t["pixels"] for t in targets]
        found = detect_with_crops(self.detector, self.crops, images, sizes, pixels)
        self.predictions += [as_prediction(part, target) for part, target in zip(found, targets, strict=True)]
        if self.given_boxes:
            boxes, labels = [t["own_boxes"] for t in targets], [t["labels"] for t in targets]
            cams = None
            if self.crops.network.cam:
                cams = self.detector.cams(images, [t["boxes"] for t in targets], labels)
            parts = self.crops.segment(pixels, sizes, boxes, labels, cams=cams)
            for target, part in zip(targets, parts, strict=True):
                self.given_predictions.append({**as_prediction(part, target), "ann_ids": target["ann_ids"].cpu()})
