"""The LightningModule: steps, optimiser, logging. No mathematics of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from contrastmask.data.splits import Split
from contrastmask.evaluation.given_boxes import given_box_scores
from contrastmask.evaluation.slices import evaluate
from contrastmask.losses.contrastive import ramp
from contrastmask.model.detector import Detector
from contrastmask.spoken import say
from contrastmask.training.evaluated import Batch, EvaluatedModule, as_prediction
from contrastmask.training.optimization import OptimizerOptions, build_optimizer, rate_lines
from contrastmask.training.steps import expected_steps

LOSSES = ("loss", "loss_rpn_cls", "loss_rpn_box", "loss_cls", "loss_box", "loss_mask", "loss_contrastive")


class ContrastMaskModule(EvaluatedModule):
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
        super().__init__(split, config, categories)
        self.detector = detector
        self.optimizer_options = optimizer
        self.images_per_process = images_per_process
        self.contrastive_weight, self.ramp_start, self.ramp_epochs = contrastive_weight, ramp_start, ramp_epochs
        self.seed = seed
        self.given_boxes, self.evaluator = given_boxes, evaluator
        # the ramp counts the epochs of the model's own training, so its counter travels with the weights
        self.register_buffer("epoch", torch.zeros((), dtype=torch.long))
        self._weight = 0.0
        self.means = torch.nn.ModuleDict({name: MeanMetric() for name in LOSSES})

    # -------------------------------------------------------------------------------------------- training
    def on_train_start(self) -> None:
        options, trainer = self.optimizer_options, self.trainer
        images = self.images_per_process * trainer.world_size * trainer.accumulate_grad_batches
        steps, resumed = expected_steps(trainer), trainer.ckpt_path is not None
        length = f"{trainer.max_epochs} epochs, {steps:g} steps" if trainer.max_epochs > 0 else f"{steps:g} steps"
        say(f"training: {length} of {images} images, on {trainer.world_size} x {self.device.type}")
        say("\n".join(rate_lines(options, images, trainer.optimizers[0], steps, resumed=resumed)))
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
        total = sum(losses.values())
        for name, value in {"loss": total.detach(), **losses}.items():
            self.means[name].update(value.detach())
            self.log(f"train/{name}", value.detach(), prog_bar=name == "loss", batch_size=len(images))
        self.log("train/contrastive_weight", self._weight, batch_size=len(images))
        return total

    def on_train_epoch_end(self) -> None:
        self.whole_epochs += int(self.trainer.is_last_batch)
        for name, mean in self.means.items():
            if mean.update_called:
                self.log(f"epoch/{name}", mean.compute())
            mean.reset()

    def configure_optimizers(self) -> tuple[list, list]:
        images = self.images_per_process * self.trainer.world_size * self.trainer.accumulate_grad_batches
        options = self.optimizer_options.fitted(expected_steps(self.trainer))
        clipped_mixed = bool(self.trainer.gradient_clip_val) and self.trainer.precision.endswith("-mixed")
        parts = build_optimizer(self.detector.parameters(), options, images, fusible=not clipped_mixed)
        schedulers = [
            {"scheduler": parts["warmup"], "interval": "step", "name": "lr"},
            {"scheduler": parts["decay"], "interval": "epoch", "name": "lr_decay"},
        ]
        return [parts["optimizer"]], schedulers

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
