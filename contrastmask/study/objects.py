"""The validation objects that a finished run is measured on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from contrastmask.data.batches.dataset import CocoDataset
from contrastmask.errors import ConfigError
from contrastmask.files.whole_file import write_whole
from contrastmask.model.masks import mask_targets
from contrastmask.prediction.predictor import Predictor
from contrastmask.programs.build import build_datamodule
from contrastmask.programs.config import Config, typed


@dataclass(frozen=True)
class ImageObjects:
    """The G objects of an image that have a mask, crowds aside.

    Attributes:
        image: network input ``[3, h, w]``; boxes ``[G, 4]`` in its pixels; labels ``[G]`` of the predictor.
        masks: uint8 ``[G, H, W]``; own_boxes ``[G, 4]`` in their pixels.
    """

    image: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor
    own_boxes: Tensor

    def inside(self, size: int) -> Tensor:
        """Which cells of the boxes lie in the masks: bool ``[G, size, size]``."""
        return mask_targets(self.masks, self.own_boxes, torch.arange(len(self.masks)), size)


def open_run(folder: Path) -> tuple[Config, Predictor, CocoDataset]:
    """Settings, model and validation images of a run, by its ``resolved.yaml`` and ``checkpoints/last.ckpt``.

    Raises:
        ConfigError: it is a run of the crop branch, which has none of the features and maps that are measured.
    """
    config = typed(OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.load(folder / "resolved.yaml")))
    if config.mask_branch.kind == "crop":
        raise ConfigError(
            f"{folder} is a run of the crop branch: `measure` and `look` are of a detector's features, class "
            "activation maps and masks on its grid; what its masks are worth stands in its results, for `report`"
        )
    data = build_datamodule(config)
    data.setup("test")
    return config, Predictor(folder / "checkpoints" / "last.ckpt"), data.val_dataset


def class_means(rows: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float | None]]:
    """Class → ``objects``, their number, and the mean of each figure in percent; None where every object has NaN."""
    means: dict[str, dict[str, float | None]] = {}
    for name, found in sorted(rows.items()):
        means[name] = {"objects": len(found)}
        for figure in found[0]:
            values = np.array([row[figure] for row in found])
            means[name][figure] = None if np.isnan(values).all() else 100 * float(np.nanmean(values))
    return means


def keep_means(path: Path, rows: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float | None]]:
    """:func:`class_means`, written to ``path``, too, as JSON."""
    means = class_means(rows)
    write_whole(path, json.dumps(means))
    return means


def roc_area(scores: Tensor, mask: Tensor) -> float:
    """Area under the ROC curve of an object's cells; ``[S, S]``, mask bool. NaN where the mask is empty or full."""
    if not mask.any() or mask.all():
        return float("nan")
    return float(binary_auroc(scores.flatten(), mask.flatten().long()))


def objects_of(predictor: Predictor, dataset: CocoDataset) -> Iterator[ImageObjects]:
    """Image by image; those without such an object are left out."""
    records = dataset.records
    for index in range(len(dataset)):
        rows = [a for a in range(int(records.offsets[index]), int(records.offsets[index + 1]))
                if records.has_mask[a] and not records.crowd[a]]  # fmt: skip
        if not rows:
            continue
        image, target = dataset[index]
        height, width = target["original_size"]
        scale = torch.tensor([image.shape[2] / width, image.shape[1] / height] * 2)
        boxes = torch.from_numpy(records.boxes[rows]).float()
        labels = torch.tensor([predictor.label(records.class_names[k]) for k in records.labels[rows].tolist()])
        masks = torch.from_numpy(np.stack([records.mask(a) for a in rows]))
        yield ImageObjects(image, boxes * scale, labels, masks, boxes)


def probabilities_of(predictor: Predictor, objects: ImageObjects) -> Tensor:
    """What the mask head makes of the objects in their true boxes: ``[G, S, S]`` in 0..1."""
    original = (int(objects.masks.shape[1]), int(objects.masks.shape[2]))
    (given,) = predictor.detector.segment([objects.image], [original], [objects.boxes], [objects.labels])
    return given["mask_probs"].float()
