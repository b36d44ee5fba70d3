"""A file of a run's own data that lacks masks: what its model may complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastmask.programs.predict_config import PredictDataConfig
from contrastmask.programs.reading_settings import reading_settings

if TYPE_CHECKING:  # the programs' help needs no torch
    from contrastmask.checkpoints.read import Checkpoint
    from contrastmask.data.subsets import Subsets


@dataclass(frozen=True)
class Incomplete:
    """An annotation file, the folder of its images, and the settings of its reading that are no default of predict."""

    annotations: Path
    images: Path
    reading: Mapping[str, Any]


def incomplete(subsets: Subsets, data: Mapping[str, Any], trained_on: Incomplete | None = None) -> Incomplete | None:
    """The training file where it was read and lacks masks, else ``trained_on``, else the file of the evaluation where
    that lacks some; None where nothing lacks. Masks that the split withheld are not lacking.

    Args:
        data: the run's settings of the group ``data``.
        trained_on: of the checkpoint that was evaluated, see :func:`of_training`.
    """
    lacking = {}
    for side, records in subsets.records.items():
        without = ~(records.crowd | records.has_mask | records.predicted)
        lacking[side] = int(without.sum()) - (subsets.withheld if side == "train" else 0)
    reading = reading_settings(data, PredictDataConfig)
    own = {side: Incomplete(*subsets.paths[side], reading) for side, count in lacking.items() if count > 0}
    return own.get("train") or trained_on or own.get("val")


def of_training(checkpoint: Checkpoint) -> Incomplete | None:
    """The file that a checkpoint was trained on, where it still is there and some of its classes have no masks."""
    split, data = checkpoint.settings.get("split"), checkpoint.settings.get("data")
    if not isinstance(split, dict) or not isinstance(data, dict) or checkpoint.base is None:
        return None
    by_masks = split.get("rule") == "as_annotated" and split.get("base") is None and split.get("novel") is None
    names = [data.get(name) for name in ("root", "train_annotations", "train_images")]
    if not by_masks or len(checkpoint.base) == checkpoint.classes or not all(isinstance(n, str) for n in names):
        return None
    root, annotations, images = map(Path, names)
    found = Incomplete(root / annotations, root / images, reading_settings(data, PredictDataConfig))
    return found if found.annotations.is_file() and found.images.is_dir() else None
