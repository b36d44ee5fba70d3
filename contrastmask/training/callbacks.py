"""Pictures of fixed validation images: into the run folder, and to the loggers that can show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from contrastmask.data.images.read import read_image_of
from contrastmask.errors import DataError
from contrastmask.evaluation.tables import class_table
from contrastmask.pictures.gallery import write_gallery
from contrastmask.pictures.heat_panels import heat_panel
from contrastmask.pictures.overlays import panel, save_png, truth_of
from contrastmask.spoken import warn
from contrastmask.training.loggers import log_pictures, log_table, show_pictures
from contrastmask.training.trained import TrainedModule

SHOWN = 6  # detections of an image with heat maps


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """A picture that cannot be made or written ends nothing: a full disk, an image that has gone."""
    try:
        yield
    except (OSError, DataError) as error:
        warn(f"{what}: not all could be made ({error}); nothing else depends on them")


class Overlays(pl.Callback):
    """Draw the first ``count`` evaluated images, ground truth beside prediction, after each evaluation.

    Args:
        folder: receives ``<image id>.png`` after a test run (and ``../gallery`` objects); during training the loggers
            get the pictures.
        count: images, 0 for none.
        score: detections below it are not drawn.
    """

    def __init__(self, folder: Path, count: int, score: float = 0.3) -> None:
        self.folder, self.count, self.score = folder, count, score

    @rank_zero_only
    def on_validation_end(self, trainer: pl.Trainer, module: TrainedModule) -> None:
        """Show the pictures and the per-class table in the loggers."""
        if trainer.sanity_checking or not show_pictures(trainer.loggers):
            return
        step = trainer.global_step
        with _going_on("pictures for the loggers"):
            log_pictures(trainer.loggers, "val/overlays", [p for _, p in self._draw(module)], step)
            if module.explains:
                log_pictures(trainer.loggers, "val/heat_maps", self._heat(trainer, module), step)
            log_table(trainer.loggers, "val/per_class", *class_table(module.results), step)

    @rank_zero_only
    def on_test_end(self, trainer: pl.Trainer, module: TrainedModule) -> None:
        """Write the pictures, and those of best, median and worst novel objects, into the run folder."""
        with _going_on(f"pictures in {self.folder}"):
            for image_id, picture in self._draw(module):
                save_png(self.folder / f"{image_id}.png", picture)
        gallery = self.folder.parent / "gallery"
        with _going_on(f"pictures in {gallery}"):
            if self.count:
                detector = module.detector if module.explains else None
                dataset = trainer.datamodule.val_dataset
                write_gallery(gallery, detector, dataset, module.predictions, module.split.novel)

    def _heat(self, trainer: pl.Trainer, module: TrainedModule) -> list[Tensor]:
        """What the mask head saw of the best detections of the same images; none of an image without detections."""
        position = {int(image_id): i for i, image_id in enumerate(module.truth.image_ids)}
        names, novel, pictures = module.truth.class_names, set(module.split.novel), []
        for prediction in module.predictions[: self.count]:
            labels = prediction["labels"][:SHOWN]  # best first; whatever their score: early ones show most
            if not len(labels):
                continue
            image, target = trainer.datamodule.val_dataset[position[prediction["image_id"]]]
            height, width = target["original_size"]
            scale = torch.tensor([image.shape[2] / width, image.shape[1] / height] * 2)
            boxes = (prediction["boxes"][: len(labels)] * scale).to(module.device)
            with torch.no_grad():
                (seen,) = module.detector.explain([image.to(module.device)], [boxes], [labels.to(module.device)])
            tags = [names[i] + ("*" if i in novel else "") for i in labels.tolist()]
            pictures.append(heat_panel(tags, seen["cams"], seen["similarity"]))
        return pictures

    def _draw(self, module: TrainedModule) -> list[tuple[int, Tensor]]:
        records, novel, pictures = module.truth, set(module.split.novel), []
        position = {int(image_id): i for i, image_id in enumerate(records.image_ids)}
        for prediction in module.predictions[: self.count]:
            index = position[prediction["image_id"]]
            image = read_image_of(records, index)
            picture = panel(
                image,
                truth_of(records, index),
                prediction,
                class_names=records.class_names,
                novel=novel,
                min_score=self.score,
            )
            pictures.append((prediction["image_id"], picture))
        return pictures
