"""The LightningModule of the crop branch: steps, optimiser, logging; evaluation is masks in given boxes."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor

from contrastmask.data.batches.detector_cams import DetectorCams
from contrastmask.data.splits import Split
from contrastmask.evaluation.given_boxes import given_box_scores
from contrastmask.losses.contrastive import ramp
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.losses import BoxLessons, crop_losses, loss_names
from contrastmask.model.crops.planes import near_of
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.training.evaluated import Batch, as_prediction
from contrastmask.training.optimization import OptimizerOptions
from contrastmask.training.trained import TrainedModule


class CropModule(TrainedModule):
    """Trains and evaluates a :class:`CropSegmenter`.

    Args:
        segmenter: the model.
        split: base and novel classes of the evaluation.
        optimizer: rate and schedule; its body is the segmenter's.
        objects_per_process: objects with masks of one process and step, for the scaling of the rate.
        lessons: what boxes teach; contrast: of the contrastive one, where it has a weight.
        seed: of its random draws, together with the epoch and the batch's objects.
        evaluator: ``backend`` of :func:`~contrastmask.evaluation.slices.evaluate`.
        cams: the detector whose class activation maps the segmenter takes.
        config, categories: see :class:`EvaluatedModule`.
    """

    unit = "objects"
    explains = False

    def __init__(
        self,
        segmenter: CropSegmenter,
        split: Split,
        optimizer: OptimizerOptions,
        *,
        objects_per_process: int,
        lessons: BoxLessons,
        contrast: CropContrast | None,
        seed: int,
        evaluator: str = "arrays",
        cams: DetectorCams | None = None,
        config: dict[str, Any],
        categories: list[dict[str, Any]],
    ) -> None:
        about = {"split": split, "config": config, "categories": categories}
        super().__init__(("loss", *loss_names(lessons)), optimizer, objects_per_process, **about)
        self.detector = segmenter  # the name that a checkpoint's tensors carry
        self.contrast = contrast
        self.cams = cams
        self.lessons, self.evaluator, self.seed = lessons, evaluator, seed

    def size_of(self, batch: dict[str, Tensor]) -> int:
        return len(batch["crop"])

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if self.contrast is not None:  # all else that is random was drawn with the batch
            torch.manual_seed(hash((self.seed, self.current_epoch, *batch["row"].tolist())) % 2**63)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        share = ramp(self.current_epoch, 0.0, self.lessons.ramp_epochs)
        said = self.detector(batch["crop"], batch["given"].float(), near_of(batch["near"]), batch.get("cam"))
        losses = crop_losses(said, batch, self.lessons, share, self.contrast)
        return self.log_losses(losses, self.size_of(batch))

    def on_validation_start(self) -> None:
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self._calibrate()

    def on_train_end(self) -> None:
        self._calibrate()

    def _calibrate(self) -> None:
        """Fit the confidence as it stands; the checkpoint of these weights gets it."""
        training = self.detector.training
        self.detector.eval()
        with self.trainer.precision_plugin.forward_context():
            self.detector.calibrate(self.trainer.datamodule.held_out_batches())
        self.detector.train(training)

    def configure_optimizers(self) -> tuple[list, list]:
        trained = chain(*(part.parameters() for part in (self.detector, self.contrast) if part is not None))
        return self.optimise(trained, self.detector.network.pretrained_parameters())

    def _predict(self, batch: Batch) -> None:
        images, targets = batch
        sizes = [t["original_size"] for t in targets]
        boxes, labels = [t["boxes"] for t in targets], [t["labels"] for t in targets]
        cams = None
        if self.cams is not None:
            cams = [self.cams(*part) for part in zip(images, boxes, labels, strict=True)]
            for target, maps in zip(targets, cams, strict=True):
                target["cams"] = maps  # of a batch that is kept because its figures are none, for `contrastmask debug`
        found_all = self.detector.segment(images, sizes, boxes, labels, cams=cams)
        for target, found in zip(targets, found_all, strict=True):
            prediction = as_prediction(found, target)
            self.predictions.append({**prediction, "ann_ids": target["ann_ids"].cpu()})

    def _judge(self, predictions: list[dict[str, Any]], given: list[dict[str, Any]]) -> dict[str, Any]:
        # no box is found here: the predictions are the given boxes with their masks
        images = {"evaluated": len(predictions), "of": len(self.truth.image_ids)}
        return {
            "images": images,
            "given_boxes": given_box_scores(self.truth, predictions, self.split, backend=self.evaluator),
        }
