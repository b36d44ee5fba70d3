"""What every trained module does to be evaluated: predictions image by image, gathered, judged, logged."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from contrastmask.data.records import Records
from contrastmask.data.splits import Split
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth
from contrastmask.files.interruption import at_once
from contrastmask.model.masks import encode_masks
from contrastmask.training.distributed import gather_predictions, share, world_size

Batch = tuple[list[Tensor], list[dict[str, Any]]]


class EvaluatedModule(pl.LightningModule):
    """Collects predictions over an evaluation; a subclass makes them and judges them.

    Args:
        split: base and novel classes of the evaluation.
        config: the resolved configuration as plain containers; stored in the checkpoint, never instantiated from it.
        categories: ``[{"id": …, "name": …}, …]`` in label order; stored in the checkpoint.

    Attributes:
        predictions, given_predictions: of the last evaluation: detections, and masks of given boxes.
        results: its figures. truth_file: what it is judged by; of the process that judges, None of others.
        was_trained: by this run, if only for a part of an epoch (``trainer.max_steps``, ``trainer.max_time``).
    """

    def __init__(self, split: Split, config: dict[str, Any], categories: list[dict[str, Any]]) -> None:
        super().__init__()
        self.split, self.config, self.categories = split, config, categories
        self.results: dict[str, Any] = {}
        self.truth_file: Truth | None = None
        self.predictions: list[dict[str, Any]] = []
        self.given_predictions: list[dict[str, Any]] = []
        self.was_trained = False

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        names = self.split.class_names
        split = {side: [names[label] for label in getattr(self.split, side)] for side in ("base", "novel")}
        checkpoint["contrastmask"] = {
            "format": 1,
            "config": self.config,
            "categories": self.categories,
            "split": {"name": self.split.name, **split},
        }

    @property
    def truth(self) -> Records:
        """The validation records: what the model is asked about."""
        return self.trainer.datamodule.val_records

    def on_fit_start(self) -> None:
        if self.trainer.enable_validation:
            self._read_truth()

    def on_test_start(self) -> None:
        self._read_truth()

    def _read_truth(self) -> None:
        """What the answers are judged by: the annotation file itself, read once and before anything is asked."""
        if self.trainer.is_global_zero and self.truth_file is None:
            records = self.truth
            sides = zip(records.heights.tolist(), records.widths.tolist(), strict=True)
            sizes = dict(zip(records.image_ids.tolist(), sides, strict=True))
            self.truth_file = read_truth(records.path, self.trainer.datamodule.subsets.readings["val"], sizes)

    @property
    def saw_everything(self) -> bool:
        """No limit cut this evaluation short. The first process has the most batches: what it saw whole, all did."""
        trainer = self.trainer
        batches, loader = (
            (trainer.num_test_batches, trainer.test_dataloaders)
            if trainer.testing
            else (trainer.num_val_batches, trainer.val_dataloaders)
        )
        return sum(batches) >= len(loader)

    def _start(self) -> None:
        self.predictions, self.given_predictions = [], []

    def _predict(self, batch: Batch) -> None:
        """Append to ``predictions`` and ``given_predictions`` what the network says of a batch."""
        raise NotImplementedError

    def _judge(self, predictions: list[dict[str, Any]], given: list[dict[str, Any]]) -> dict[str, Any]:
        """The figures of an evaluation's predictions, on one process."""
        raise NotImplementedError

    def _finish(self, stage: str) -> None:
        predictions = gather_predictions(self.predictions, to=0)
        given = gather_predictions(self.given_predictions, to=0)
        if self.trainer.sanity_checking:
            return
        results: dict[str, Any] = {}
        if self.trainer.is_global_zero:
            # judging changes nothing: one process alone may be ended in it, several wait for each other
            with at_once() if world_size() == 1 else nullcontext():
                results = self._judge(predictions, given)
        self.predictions, self.given_predictions = predictions, given
        self.results = share(results)
        self.log_dict(scalars(self.results, stage))

    def on_validation_epoch_start(self) -> None:
        self._start()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._predict(batch)

    def on_validation_epoch_end(self) -> None:
        self._finish("val")

    def on_test_epoch_start(self) -> None:
        self._start()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._predict(batch)

    def on_test_epoch_end(self) -> None:
        self._finish("test")


def as_prediction(found: dict[str, Tensor], target: dict[str, Any]) -> dict[str, Any]:
    """Detections of one image on the host, masks as RLE in original image pixels."""
    found = {k: v.cpu() for k, v in found.items()}
    rles = encode_masks(found["mask_probs"], found.get("windows", found["boxes"]), target["original_size"])
    return {"image_id": int(target["image_id"]), "rles": rles, **{k: found[k] for k in ("boxes", "scores", "labels")}}


def scalars(results: dict[str, Any], stage: str) -> dict[str, float]:
    """Flatten results to names like ``val/mask/novel/AP``; figures without ground truth are left out."""
    flat = {}
    for kind in ("box", "mask", "given_boxes"):
        for group in ("base", "novel", "all"):
            for name, value in results.get(kind, {}).get(group, {}).items():
                if isinstance(value, (int, float)):
                    flat[f"{stage}/{kind}/{group}/{name}"] = float(value)
    return flat
