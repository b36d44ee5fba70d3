"""Reading checkpoints: safely, by layout, and never taking anything but tensors and plain values from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contrastmask.data.records import Category
from contrastmask.errors import CheckpointError
from contrastmask.model.detector import Detector


@dataclass(frozen=True)
class Checkpoint:
    """A detector's weights and what the file says about them."""

    path: Path
    layout: str  # "contrastmask" or "mmdetection"
    state: dict[str, Tensor]  # under the Detector's own names
    network: dict[str, Any]  # settings of the groups backbone, model and loss, as far as the file tells
    categories: list[dict[str, Any]] | None  # [{"id", "name"}, …] in label order, where the file tells

    def check_classes(self, categories: Sequence[Category]) -> None:
        """Compare the checkpoint's label table with the data's.

        Raises:
            CheckpointError: they differ; classes are named.
        """
        if self.categories is None:
            return
        mine, theirs = [c["name"] for c in self.categories], [c.name for c in categories]
        if mine == theirs:
            return
        missing = [n for n in theirs if n not in mine]
        extra = [n for n in mine if n not in theirs]
        said = [f"the data's {', '.join(missing)} unknown to it"] if missing else []
        said += [f"its {', '.join(extra)} not in the data"] if extra else []
        raise CheckpointError(
            f"{self.path} was trained on other classes: {'; '.join(said) or 'the same names in another order'}. "
            "Evaluate it on data with its own label table, or train on these data"
        )


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of ``train.py``.

    Raises:
        CheckpointError: no such file, not loadable as tensors and plain values, or no layout that is known.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} does not load safely: {error}") from error
    if "contrastmask" not in content:
        raise CheckpointError(f"{path} is no checkpoint of this program")
    prefix = "detector."
    state = {k.removeprefix(prefix): v for k, v in content["state_dict"].items() if k.startswith(prefix)}
    about = content["contrastmask"]
    network = {k: about["config"][k] for k in ("backbone", "model", "loss")}
    return Checkpoint(path, "contrastmask", state, network, about["categories"])


def load_weights(detector: Detector, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a detector, strictly.

    Raises:
        CheckpointError: tensors missing, left over or of another shape, each named.
    """
    try:
        detector.load_state_dict(checkpoint.state)
    except RuntimeError as error:
        raise CheckpointError(f"{checkpoint.path} does not fit this model: {error}") from error
