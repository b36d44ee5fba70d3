"""Starting a detector from the parts of another model's checkpoint that fit, with a report of what was used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from contrastmask.checkpoints.mmdetection import detector_name, is_mmdetection
from contrastmask.checkpoints.packing import class_names as names_in
from contrastmask.checkpoints.packing import named_tensors, unfit
from contrastmask.checkpoints.read import described
from contrastmask.checkpoints.tensor_files import differences, read_tensors
from contrastmask.errors import CheckpointError

# torchvision's Mask R-CNN to ours: names before and since its release 0.13, and the mask head's layers
_TORCHVISION = tuple(
    (re.compile(old), new)
    for old, new in (
        (r"^backbone\.fpn\.(inner|layer)_blocks\.(\d+)\.(weight|bias)$", r"backbone.fpn.\1_blocks.\2.0.\3"),
        (r"^rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
        (r"^roi_heads\.mask_predictor\.conv5_mask\.", "roi_heads.mask_head.upsample."),
        (r"^roi_heads\.mask_head\.(\d+)\.0\.", r"roi_heads.mask_head.convs.\1."),
    )
)
_MASK_FCN = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d+)\.")  # counted from 1
_BODY = re.compile(r"^(conv1|bn1|layer[1-4])\.")
_UNUSED = re.compile(r"\.num_batches_tracked$")  # frozen BatchNorms have none, and no result depends on it


@dataclass(frozen=True)
class InitialisationReport:
    """What a detector took from a file, part by part."""

    path: Path
    used: dict[str, int]  # part of the detector: number of its tensors
    not_used: dict[str, str]  # part of the detector: why it keeps its own start
    left_over: tuple[str, ...]  # names in the file that no part of the detector took

    def lines(self) -> list[str]:
        """The report for print."""
        lines = [f"started from {self.path}:"]
        lines += [f"  {part}: {count} tensors" for part, count in self.used.items()]
        lines += [f"  {part}: not used, {why}" for part, why in self.not_used.items()]
        return lines + ([f"  left over in the file: {', '.join(self.left_over)}"] if self.left_over else [])


def load_initialisation(
    detector: nn.Module, path: str | Path, *, class_names: Sequence[str] | None = None, allow: Sequence[str] = ()
) -> InitialisationReport:
    """Load each part of a detector that a file has whole: body, pyramid, proposal head, the layers of the RoI heads.

    A part is taken entire or not at all: a convolution whose normalisation is missing is worse than a fresh one.

    Args:
        path: ImageNet weights in torchvision's layout, a whole Mask R-CNN of torchvision (as its reference scripts
            save it, too), a two-stage detector in MMDetection's layout, or a checkpoint of this program.
        class_names: of the detector, in label order. Where the file names other classes, the classifier and the box
            regressor start anew even if their shapes fit.
        allow: as :func:`contrastmask.checkpoints.read.read_checkpoint`.

    Raises:
        CheckpointError: the file cannot be read, or nothing in it fits.
    """
    path = Path(path)
    content = read_tensors(path, allow)
    given = _our_names(named_tensors(content, path))
    names = _class_names(content, path)
    foreign = class_names is not None and names is not None and list(class_names) != names
    own = detector.state_dict()
    used, not_used, taken = {}, {}, {}
    for part in dict.fromkeys(_part(name) for name in own):
        wanted = {name: value for name, value in own.items() if _part(name) == part}
        found = {name: value for name, value in given.items() if _part(name) == part}
        why = _misfit(wanted, found)
        if why is None and foreign and part.rpartition(".")[2] in ("fc_cls", "fc_reg"):
            why = "the file's classes are others"
        if why is None:
            used[part] = len(found)
            taken |= found
        else:
            not_used[part] = why
    if not used and any(name.startswith("network.laterals.") for name in given):
        raise CheckpointError(f"{path} holds a crop branch, no detector: mask_branch=crop goes on from it")
    if not used:
        raise CheckpointError(f"{path}: no part fits: " + "; ".join(f"{part} {why}" for part, why in not_used.items()))
    detector.load_state_dict(taken, strict=False)
    return InitialisationReport(path, used, not_used, tuple(name for name in given if name not in taken))


def _part(name: str) -> str:
    """The unit of loading that a tensor belongs to: ``backbone.body``, ``rpn.head``, ``roi_heads.box_head.fc_cls``."""
    return ".".join(name.split(".")[: 3 if name.startswith("roi_heads.") else 2])


def _misfit(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    if not found:
        return "not in the file"
    missing, extra, reshaped = differences(wanted, found)
    missing = [name for name in missing if not _UNUSED.search(name)]
    if reshaped:
        first = reshaped[0]
        return f"{first} is {tuple(found[first].shape)}, not {tuple(wanted[first].shape)}"
    if missing or extra:
        said = [f"{len(names)} tensors {what} ({names[0]}, …)" for names, what in
                ((missing, "missing"), (extra, "left over")) if names]  # fmt: skip
        return ", ".join(said)
    return next(filter(None, (unfit(name, wanted[name], value) for name, value in found.items())), None)


def _our_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    if is_mmdetection(state):
        return {detector_name(name): value for name, value in state.items()}
    if "layer1.0.conv1.weight" in state:
        return {_BODY.sub(r"backbone.body.\1.", name): value for name, value in state.items()}
    renamed = {}
    for name, value in state.items():
        name = name.removeprefix("detector.")  # a training checkpoint of this program
        for pattern, new in _TORCHVISION:
            name = pattern.sub(new, name)
        name = _MASK_FCN.sub(lambda m: f"roi_heads.mask_head.convs.{int(m[1]) - 1}.", name)
        renamed[name] = value
    return renamed


def _class_names(content: dict[str, Any], path: Path) -> list[str] | None:
    if categories := described(content, path).get("categories"):
        return [c["name"] for c in categories]
    return names_in(content)
