"""Checkpoints of a whole detector, in our layouts and MMDetection's: reading, checking, loading."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from contrastmask.checkpoints.mmdetection import (
    MOST_NAMES,
    from_mmdetection,
    has_counterpart,
    is_mmdetection,
    mmdetection_name,
    network_of,
)
from contrastmask.checkpoints.packing import class_names, named_tensors, unfit
from contrastmask.checkpoints.plausible import check_about, check_network, check_sides, check_version
from contrastmask.checkpoints.tensor_files import differences, read_tensors
from contrastmask.data.records import Category
from contrastmask.data.trained import Trained
from contrastmask.errors import CheckpointError

GROUPS = ("backbone", "model", "loss", "mask_branch")
MARK = "contrastmask"  # the entry that tells our own files, and what we know beyond the tensors of another's
_RETIRED = ("flip_test",)  # settings of mask_branch that were no part of the network: tta= of a program now
# what Lightning needs to go on with a training
TRAINING = ("optimizer_states", "lr_schedulers", "loops", "epoch", "global_step")
_VERSION = "pytorch-lightning_version"  # by which Lightning decides how to read the rest
PREFIX = "detector."  # of the tensors in a training checkpoint
_START = "`python train.py init_path={path} …` starts a training from the parts that fit, backbone.weights= from a body"


@dataclass(frozen=True)
class Checkpoint:
    """A detector's weights and what the file says about them."""

    path: Path
    layout: str  # "contrastmask" or "mmdetection"
    state: dict[str, Tensor]  # under the Detector's own names
    network: dict[str, Any]  # settings of GROUPS, as far as the file tells
    categories: list[dict[str, Any]] | None  # [{"id", "name"}, …] in label order (id None where untold), or untold
    sides: tuple[int, int] | None = None  # short and longest side of the images it is tested on, px, or untold
    base: tuple[str, ...] | None = None  # names of the classes that had masks in training, or untold
    settings: dict[str, Any] = field(default_factory=dict)  # all of its training, as far as the file tells

    @property
    def schedule(self) -> dict[str, Any]:
        """Settings of the group ``schedule``, as far as the file tells."""
        return self.settings.get("schedule") or {}

    @property
    def crops(self) -> bool:
        """Whether it is the crop branch alone, which finds no boxes."""
        return self.network.get("mask_branch", {}).get("kind") == "crop"

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        if self.crops:
            return len(self.categories or [])
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
    return checkpoint_of(read_tensors(path, allow), path)


def read_resumable(path: str | Path) -> Checkpoint:
    """Read a checkpoint that a training can go on from.

    Raises:
        CheckpointError: as :func:`read_checkpoint`; or it holds weights without the state of a training.
    """
    path = Path(path)
    content = read_tensors(path)
    checkpoint = checkpoint_of(content, path)
    if lacking := [name for name in TRAINING if name not in content]:
        raise CheckpointError(
            f"{path} has no training to resume: it lacks {', '.join(lacking)}. A checkpoint of train.py has them; "
            f"init_path={path} starts a new training from its weights"
        )
    check_version(path, content.get(_VERSION))
    return checkpoint


def is_contrastmask(content: dict[str, Any], path: Path) -> bool:
    """Whether a file says, or its tensors' names tell, that it is a ContrastMask."""
    state = named_tensors(content, path)
    return bool(described(content, path)) or (is_mmdetection(state) and all(map(has_counterpart, state)))


def checkpoint_of(content: dict[str, Any], path: Path) -> Checkpoint:
    """The checkpoint in a file's ``content``, which ``read_tensors`` gave.

    Raises:
        CheckpointError: the tensors of another model; a description that is damaged or of a later version.
    """
    about = described(content, path)
    state = named_tensors(content, path)
    if is_mmdetection(state):
        state = _attempt(path, from_mmdetection, state)
        names = class_names(content)
        categories = about.get("categories") or (names and [{"id": None, "name": name} for name in names])
        network = {**_attempt(path, network_of, state), **_groups(about)}
        return _checked(
            Checkpoint(path, "mmdetection", state, network, categories or None, _sides(about, path), _base(about))
        )
    if about:
        # a training checkpoint also holds the module's own buffers
        whole = any(name.startswith(PREFIX) for name in state)
        ours = {name.removeprefix(PREFIX): v for name, v in state.items() if name.startswith(PREFIX) or not whole}
        network = _groups(about)
        told = (about.get("categories"), _sides(about, path), _base(about), about.get("config", {}))
        return _checked(Checkpoint(path, MARK, ours, network, *told))
    raise CheckpointError(
        f"{path} is no checkpoint of this program, nor a ContrastMask in MMDetection's layout: it begins with "
        f"{', '.join(list(state)[:3])}. {_START.format(path=path)}"
    )


def described(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """What this program wrote into a file beside its tensors: ``{"format", "config", "categories"}``, or nothing.

    Raises:
        CheckpointError: it is damaged, or of a later version.
    """
    if isinstance(content.get("metadata"), dict):
        try:
            return check_about(path, json.loads(content["metadata"].get(MARK, "{}")))
        except (ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(f"{path}: its description is no JSON ({error})") from error
    meta = content.get("meta")
    about = content.get(MARK, meta.get(MARK) if isinstance(meta, dict) else None)
    return check_about(path, {} if about is None else about)


def _groups(about: dict[str, Any]) -> dict[str, Any]:
    config = about.get("config", {})
    groups = {group: config[group] for group in GROUPS if group in config}
    if isinstance(branch := groups.get("mask_branch"), dict):
        groups["mask_branch"] = {name: value for name, value in branch.items() if name not in _RETIRED}
    return groups


def _sides(about: dict[str, Any], path: Path) -> tuple[int, int] | None:
    data = about.get("config", {}).get("data")
    if not isinstance(data, dict) or "test_short_side" not in data:
        return None
    return check_sides(path, (data["test_short_side"], data.get("long_side")))


def _base(about: dict[str, Any]) -> tuple[str, ...] | None:
    split = about.get("split")
    base = split.get("base") if isinstance(split, dict) else None
    return tuple(map(str, base)) if isinstance(base, (list, tuple)) else None


def _attempt(path: Path, function: Callable[[dict[str, Tensor]], Any], state: dict[str, Tensor]) -> Any:
    try:
        return function(state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}. {_START.format(path=path)}") from error


def _checked(checkpoint: Checkpoint) -> Checkpoint:
    if checkpoint.categories is not None and len(checkpoint.categories) != checkpoint.classes:
        raise CheckpointError(
            f"{checkpoint.path} names {len(checkpoint.categories)} classes, its classifier has {checkpoint.classes}"
        )
    check_network(checkpoint.path, checkpoint.network, checkpoint.state)
    return checkpoint


def load_weights(detector: nn.Module, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a detector, strictly.

    Raises:
        CheckpointError: tensors missing, left over, of another shape or no floating-point numbers, each named, in the
            file's own names.
    """
    own, given = detector.state_dict(), checkpoint.state
    name = mmdetection_name if checkpoint.layout == "mmdetection" else str
    missing, left_over, reshaped = differences(own, given)
    problems = [f"missing: {name(key)}" for key in missing]
    problems += [f"left over: {name(key)}" for key in left_over]
    problems += [f"{name(key)} is {tuple(given[key].shape)}, the model's {tuple(own[key].shape)}" for key in reshaped]
    if not problems:
        problems = [why for key, wanted in own.items() if (why := unfit(name(key), wanted, given[key]))][:MOST_NAMES]
    if problems:
        raise CheckpointError(f"{checkpoint.path} does not fit this model: {'; '.join(problems)}")
    detector.load_state_dict(given)
