"""Writing a detector's weights, in our layouts or MMDetection's: whole, or what was there before stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contrastmask.checkpoints.mmdetection import to_mmdetection
from contrastmask.checkpoints.read import GROUPS, MARK, PREFIX, Checkpoint
from contrastmask.checkpoints.tensor_files import write_safetensors
from contrastmask.errors import CheckpointError
from contrastmask.files.whole_file import in_place_of


def write_checkpoint(checkpoint: Checkpoint, path: str | Path, layout: str | None = None) -> str:
    """Write the weights, without optimiser or trainer; returns the layout. Values are unchanged, bit for bit.

    Args:
        path: ``*.safetensors`` is written in the safetensors format, everything else by ``torch.save``.
        layout: ``"contrastmask"`` or ``"mmdetection"``; None takes MMDetection's for ``*.pth``, ours otherwise.

    Raises:
        CheckpointError: an unknown layout, MMDetection's in a safetensors file, or no room; what was there before is
            untouched.
    """
    path = Path(path)
    layout = layout or ("mmdetection" if path.suffix == ".pth" else MARK)
    network = {group: checkpoint.network[group] for group in GROUPS if group in checkpoint.network}
    if checkpoint.sides is not None:
        network["data"] = dict(zip(("test_short_side", "long_side"), checkpoint.sides, strict=True))
    about = {"format": 1, "config": network, "categories": checkpoint.categories}
    if checkpoint.base is not None:
        names = [category["name"] for category in checkpoint.categories or []]
        about["split"] = {"base": list(checkpoint.base), "novel": [n for n in names if n not in checkpoint.base]}
    if layout not in (MARK, "mmdetection"):
        raise CheckpointError(f"unknown layout {layout!r}; choose contrastmask or mmdetection")
    if layout == MARK:
        names = {MARK: json.dumps(about)} if path.suffix == ".safetensors" else {MARK: about}
        prefix = "" if path.suffix == ".safetensors" else PREFIX
        write_tensors(path, {prefix + k: v for k, v in checkpoint.state.items()}, names)
        return layout
    if path.suffix == ".safetensors":
        raise CheckpointError("MMDetection reads no safetensors; name the file *.pth")
    classes = checkpoint.categories and tuple(c["name"] for c in checkpoint.categories)
    meta = {MARK: about} | ({"CLASSES": classes} if classes else {})
    write_tensors(path, to_mmdetection(checkpoint.state), {"meta": meta})
    return layout


def write_tensors(path: Path, state: dict[str, Tensor], beside: dict[str, Any]) -> None:
    """Write tensors, and what stands beside them, as the file's name says; whole, or what was there before stays.

    Args:
        beside: plain values; for ``*.safetensors`` strings.

    Raises:
        CheckpointError: the file cannot be written.
    """
    try:
        with in_place_of(path) as part:
            if path.suffix == ".safetensors":
                write_safetensors(part, state, beside)
            else:
                torch.save({**beside, "state_dict": state}, part)
    except (OSError, RuntimeError) as error:  # torch's writer has no error of its own for a full disk
        raise CheckpointError(f"{path} cannot be written: {error}") from error
