"""The LightningModule: steps, optimiser, logging. No mathematics of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from contrastmask.data.splits import Split
from contrastmask.evaluation.given_boxes import given_box_scores
from contrastmask.evaluation.slices import evaluate
from contrastmask.losses.contrastive import ramp
from contrastmask.model.detector import Detector
from contrastmask.training.evaluated import Batch, as_prediction
from contrastmask.training.optimization import OptimizerOptions
from contrastmask.training.trained import TrainedModule

LOSSES = ("loss", "loss_rpn_cls", "loss_rpn_box", "loss_cls", "loss_box", "loss_mask", "loss_contrastive")


class ContrastMaskModule(TrainedModule):
    """Trains and evaluates a :class:`Detector`.

    Args:
        detector: the model.
        split: base and novel classes of the evaluation.
        optimizer: rate and schedule.
        images_per_process: training images of one process and step, for the scaling of the rate.
        contrastive_weight, ramp_start, ramp_epochs: weight of the contrastive loss and its ramp over the epochs.
        seed: of the random draws in a step, together with the epoch and the batch's images.
        given_boxes: evaluate masks of ground-truth boxes, too.
        evaluator: ``backend`` of :func:`~contrastmask.evaluation.slices.evaluate`.
        config: the resolved configuration as plain containers; stored in the checkpoint, never instantiated from it.
        categories: ``[{"id": …, "name": …}, …]`` in label order; stored in the checkpoint.
    """

    def __init__(
        self,
        detector: Detector,
        split: Split,
        optimizer: OptimizerOptions,
        *,
        images_per_process: int,
        contrastive_weight: float,
        ramp_start: float,
        ramp_epochs: float,
        seed: int,
        given_boxes: bool,
        config: dict[str, Any],
        categories: list[dict[str, Any]],
        evaluator: str = "arrays",
    ) -> None:
        about = {"split": split, "config": config, "categories": categories}
        super().__init__(LOSSES, optimizer, images_per_process, **about)
        self.detector = detector
        self.contrastive_weight, self.ramp_start, self.ramp_epochs = contrastive_weight, ramp_start, ramp_epochs
        self.seed = seed
        self.given_boxes, self.evaluator = given_boxes, evaluator
        # the ramp counts the epochs of the model's own training, so its counter travels with the weights
        self.register_buffer("epoch", torch.zeros((), dtype=torch.long))
        self._weight = 0.0

    # -------------------------------------------------------------------------------------------- training
    def on_train_start(self) -> None:
        super().on_train_start()
        # a training resumed within an epoch is not told that the epoch starts
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        self.epoch.fill_(self.current_epoch)
        self._weight = self.contrastive_weight * ramp(int(self.epoch), self.ramp_start, self.ramp_epochs)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # draws depend on the epoch and the images alone: a resumed run, and one on other process counts, repeat them
        images = (target["image_id"] for target in batch[1])
        torch.manual_seed(hash((self.seed, self.current_epoch, *images)) % 2**63)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        images, targets = batch
        if not images:  # every image of the batch was unreadable and skipped; other processes may still have theirs
            return sum(p.sum() for p in self.detector.parameters() if p.requires_grad) * 0.0
        losses = self.detector(images, targets, contrastive_weight=self._weight)
        total = self.log_losses(losses, len(images))
        self.log("train/contrastive_weight", self._weight, batch_size=len(images))
        return total

    def configure_optimizers(self) -> tuple[list, list]:
        return self.optimise(self.detector.parameters())

    def _predict(self, batch: Batch) -> None:
        images, targets = batch
        if not images:
            return
        sizes = [t["original_size"] for t in targets]
        extracted = self.detector.extract(images)
        for target, found in zip(targets, self.detector.predict(extracted, sizes), strict=True):
            self.predictions.append(as_prediction(found, target))
        if self.given_boxes:
            boxes, labels = [t["boxes"] for t in targets], [t["labels"] for t in targets]
            for target, found in zip(targets, self.detector.segment(extracted, sizes, boxes, labels), strict=True):
                prediction = as_prediction(found, target)
                self.given_predictions.append({**prediction, "ann_ids": target["ann_ids"].cpu()})

    def _judge(self, predictions: list[dict[str, Any]], given: list[dict[str, Any]]) -> dict[str, Any]:
        seen = None if self.saw_everything else [p["image_id"] for p in predictions]
        classes = self.truth.categories
        backend = self.evaluator
        results = evaluate(self.truth_file, predictions, self.split, classes=classes, image_ids=seen, backend=backend)
        if self.given_boxes:
            results["given_boxes"] = given_box_scores(self.truth, given, self.split, backend=backend)
        return results
