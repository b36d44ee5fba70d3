"""An exported model opened as what it is, crop branch or detector, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contrastmask.runtime.crops import CropPredictor
from contrastmask.runtime.detector import DetectorPredictor
from contrastmask.runtime.given_boxes import GivenBoxes
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.schema import CROPS


def open_predictor(
    checkpoint: str | Path,
    device: str | None = None,
    *,
    precision: str = "fp32",
    tta: str = "none",
    threads: int | None = None,
    **others: Any,
) -> GivenBoxes:
    """An exported model ready for images.

    Args:
        checkpoint: a file of ``contrastmask export``, ``.onnx`` or ``.xml``; of a detector one of its two.
        device: see :class:`contrastmask.runtime.model_file.ModelFile`.
        precision: of the file; nothing else can be asked for. threads: of one run.
        tta: of a crop branch: ``"none"``, or ``"flip"``: a mask is the mean of the crop's and of the mirrored crop's.
        others: settings that are fixed in an exported model: refused where given.

    Raises:
        CheckpointError: the file cannot be read, or a detector's other part is missing.
        ConfigError: its runtime is not installed, or has not the device.
        ValueError: a setting that it cannot have.
    """
    given = [name for name, value in others.items() if value is not None and value != () and value != []]
    if given:
        raise ValueError(f"{checkpoint} is an exported model, which takes no {', '.join(given)}")
    path = Path(checkpoint)
    model = ModelFile(path, None if device is None else str(device), threads)
    if precision not in ("fp32", model.about.precision):
        raise ValueError(f"{path} is {model.about.precision}: precision={precision} cannot be chosen afterwards")
    known = ("none", "flip") if model.about.kind == CROPS else ("none",)
    if tta not in known:
        raise ValueError(f"{path} has tta={' or '.join(known)}, not {tta}; the checkpoint itself may have more")
    if model.about.kind == CROPS:
        return CropPredictor(path, model, tta)
    return DetectorPredictor(path, model, device, threads)
