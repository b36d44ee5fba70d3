"""Checkpoints of a whole detector, in our layouts and MMDetection's: reading, checking, loading, converting.

python -m contrastmask.checkpoints convert contrastmask.pth contrastmask.safetensors
python -m contrastmask.checkpoints convert outputs/…/last.ckpt mmdetection.pth
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contrastmask.checkpoints.mmdetection import (
    from_mmdetection,
    is_mmdetection,
    mmdetection_name,
    network_of,
    to_mmdetection,
)
from contrastmask.checkpoints.tensor_files import differences, named_tensors, read_tensors, write_safetensors
from contrastmask.data.records import Category
from contrastmask.data.splits import Trained
from contrastmask.errors import CheckpointError

GROUPS = ("backbone", "model", "loss")
MARK = "contrastmask"  # the entry that tells our own files, and what we know beyond the tensors of another's
_PREFIX = "detector."  # of the tensors in a training checkpoint


@dataclass(frozen=True)
class Checkpoint:
    """A detector's weights and what the file says about them."""

    path: Path
    layout: str  # "contrastmask" or "mmdetection"
    state: dict[str, Tensor]  # under the Detector's own names
    network: dict[str, Any]  # settings of the groups backbone, model and loss, as far as the file tells
    categories: list[dict[str, Any]] | None  # [{"id", "name"}, …] in label order (id None where untold), or untold
    sides: tuple[int, int] | None = None  # short and longest side of the images it is tested on, px, or untold
    base: tuple[str, ...] | None = None  # names of the classes that had masks in training, or untold

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        bias = self.state.get("roi_heads.box_head.fc_cls.bias")
        if bias is None:
            raise CheckpointError(f"{self.path} has no classifier (roi_heads.box_head.fc_cls.bias)")
        return len(bias) - 1

    @property
    def trained(self) -> Trained | None:
        """Its classes, for data that are to have its labels; None where it does not name them."""
        if self.categories is None:
            return None
        return Trained(tuple(category["name"] for category in self.categories), str(self.path), self.base)

    def check_classes(self, categories: Sequence[Category]) -> None:
        """Compare the checkpoint's label table with the data's.

        Raises:
            CheckpointError: they differ; classes are named. Where the file has no table, their numbers differ.
        """
        theirs = [c.name for c in categories]
        if self.categories is None:
            if self.classes != len(theirs):
                raise CheckpointError(
                    f"{self.path} has {self.classes} classes (it does not name them), the data {len(theirs)}: "
                    f"{', '.join(theirs)}"
                )
            return
        mine = [c["name"] for c in self.categories]
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


def read_checkpoint(path: str | Path, *, allow: Sequence[str] = ()) -> Checkpoint:
    """Read a checkpoint of ``train.py``, one that :func:`write_checkpoint` wrote, or one in MMDetection's layout.

    Args:
        allow: foreign objects that the file may hold, by the names that the error message gives; they are left out.

    Raises:
        CheckpointError: no such file, foreign objects in it, a layout that is not known, or tensors that a
            ContrastMask does not have.
    """
    path = Path(path)
    content = read_tensors(path, allow)
    about = described(content)
    state = named_tensors(content, path)
    if is_mmdetection(state):
        state = _attempt(path, from_mmdetection, state)
        meta = content.get("meta") or {}
        names = meta.get("CLASSES") if isinstance(meta, dict) else None
        categories = [{"id": None, "name": str(n)} for n in names] if isinstance(names, (list, tuple)) else None
        network = {**_attempt(path, network_of, state), **_groups(about)}
        return _checked(
            Checkpoint(
                path, "mmdetection", state, network, about.get("categories", categories), _sides(about), _base(about)
            )
        )
    if about:
        # a training checkpoint also holds the module's own buffers
        whole = any(name.startswith(_PREFIX) for name in state)
        ours = {name.removeprefix(_PREFIX): v for name, v in state.items() if name.startswith(_PREFIX) or not whole}
        network = _groups(about)
        return _checked(Checkpoint(path, MARK, ours, network, about["categories"], _sides(about), _base(about)))
    raise CheckpointError(
        f"{path} is no checkpoint of this program, nor a ContrastMask in MMDetection's layout: it begins with "
        f"{', '.join(list(state)[:3])}. (Weights to start training from are a matter of load_initialisation and of "
        "backbone.weights)"
    )


def described(content: dict[str, Any]) -> dict[str, Any]:
    """What this program wrote into a file beside its tensors: ``{"format", "config", "categories"}``, or nothing."""
    if "metadata" in content:
        return json.loads(content["metadata"].get(MARK, "{}"))
    meta = content.get("meta")
    return content.get(MARK) or (meta.get(MARK, {}) if isinstance(meta, dict) else {})


def _groups(about: dict[str, Any]) -> dict[str, Any]:
    config = about.get("config", {})
    return {group: config[group] for group in GROUPS if group in config}


def _sides(about: dict[str, Any]) -> tuple[int, int] | None:
    data = about.get("config", {}).get("data") or {}
    return (data["test_short_side"], data["long_side"]) if "test_short_side" in data else None


def _base(about: dict[str, Any]) -> tuple[str, ...] | None:
    split = about.get("split")
    return tuple(split["base"]) if split else None


def _attempt(path: Path, function: Callable[[dict[str, Tensor]], Any], state: dict[str, Tensor]) -> Any:
    try:
        return function(state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _checked(checkpoint: Checkpoint) -> Checkpoint:
    if checkpoint.categories is not None and len(checkpoint.categories) != checkpoint.classes:
        raise CheckpointError(
            f"{checkpoint.path} names {len(checkpoint.categories)} classes, its classifier has {checkpoint.classes}"
        )
    return checkpoint


def load_weights(detector: nn.Module, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a detector, strictly.

    Raises:
        CheckpointError: tensors missing, left over or of another shape, each named, in the file's own names.
    """
    own, given = detector.state_dict(), checkpoint.state
    name = mmdetection_name if checkpoint.layout == "mmdetection" else str
    missing, left_over, reshaped = differences(own, given)
    problems = [f"missing: {name(key)}" for key in missing]
    problems += [f"left over: {name(key)}" for key in left_over]
    problems += [f"{name(key)} is {tuple(given[key].shape)}, the model's {tuple(own[key].shape)}" for key in reshaped]
    if problems:
        raise CheckpointError(f"{checkpoint.path} does not fit this model: {'; '.join(problems)}")
    detector.load_state_dict(given)


def write_checkpoint(checkpoint: Checkpoint, path: str | Path, layout: str | None = None) -> str:
    """Write the weights, without optimiser or trainer; returns the layout. Values are unchanged, bit for bit.

    Args:
        path: ``*.safetensors`` is written in the safetensors format, everything else by ``torch.save``.
        layout: ``"contrastmask"`` or ``"mmdetection"``; None takes MMDetection's for ``*.pth``, ours otherwise.

    Raises:
        CheckpointError: an unknown layout, or MMDetection's in a safetensors file.
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
    if layout == "mmdetection":
        if path.suffix == ".safetensors":
            raise CheckpointError("MMDetection reads no safetensors; name the file *.pth")
        names = checkpoint.categories and tuple(c["name"] for c in checkpoint.categories)
        meta = {MARK: about} | ({"CLASSES": names} if names else {})
        torch.save({"meta": meta, "state_dict": to_mmdetection(checkpoint.state)}, path)
    elif layout != MARK:
        raise CheckpointError(f"unknown layout {layout!r}; choose contrastmask or mmdetection")
    elif path.suffix == ".safetensors":
        write_safetensors(path, checkpoint.state, {MARK: json.dumps(about)})
    else:
        torch.save({"state_dict": {_PREFIX + k: v for k, v in checkpoint.state.items()}, MARK: about}, path)
    return layout
