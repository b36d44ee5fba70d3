"""ImageNet bodies: torchvision's own, or a file in torchvision's layout."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torchvision.models import ResNet18_Weights, ResNet50_Weights, ResNet101_Weights, ResNeXt50_32X4D_Weights

from contrastmask.checkpoints.packing import named_tensors, unfit
from contrastmask.checkpoints.tensor_files import differences, read_tensors
from contrastmask.errors import CheckpointError
from contrastmask.files.absent import absent

# IMAGENET1K_V1, as the released model started from; (depth, groups, width per group)
_TORCHVISION = {
    (18, 1, 64): ResNet18_Weights.IMAGENET1K_V1,
    (50, 1, 64): ResNet50_Weights.IMAGENET1K_V1,
    (101, 1, 64): ResNet101_Weights.IMAGENET1K_V1,
    (50, 32, 4): ResNeXt50_32X4D_Weights.IMAGENET1K_V1,
}


def body_state(weights: str, depth: int, groups: int, width_per_group: int) -> dict[str, torch.Tensor]:
    """The float32 tensors of a pretrained body, without its ImageNet classifier.

    Args:
        weights: ``"imagenet"`` for torchvision's (downloaded once) or the path of a file.
        depth, groups, width_per_group: which body.

    Raises:
        CheckpointError: torchvision has no such weights, they cannot be downloaded, or the file cannot be read.
    """
    if weights == "imagenet":
        entry = _TORCHVISION.get((depth, groups, width_per_group))
        if entry is None:
            raise CheckpointError(
                f"torchvision has no ImageNet weights for depth {depth}, {groups} groups of width {width_per_group}; "
                "give a file in torchvision's layout with backbone.weights=FILE (timm's resnext101_32x4d.gluon_in1k "
                "has the right tensors), or backbone.weights=null to start from scratch"
            )
        try:
            state = entry.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except OSError as error:
            raise CheckpointError(
                f"cannot download {entry.url}: {error}. Fetch it on another machine and give it with "
                "backbone.weights=FILE, or backbone.weights=null to start from scratch"
            ) from error
    else:
        state = file_state(weights)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items() if not k.startswith("fc.")}


def file_state(weights: str) -> dict[str, torch.Tensor]:
    """The tensors of the file ``backbone.weights``, as they are.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = Path(weights)
    if said := absent("the file of backbone.weights", path):
        raise CheckpointError(said)
    try:
        return named_tensors(read_tensors(path), path)
    except CheckpointError as error:
        raise CheckpointError(
            f"backbone.weights={weights}: not a file of tensors that loads safely: {error}"
        ) from error


def load_body(body: nn.Module, state: dict[str, torch.Tensor], source: str) -> None:
    """Load ``state`` into a backbone's body, strictly.

    Raises:
        CheckpointError: tensors are missing, left over or of another shape; each is named.
    """
    check_body(body.state_dict(), state, source)
    body.load_state_dict(state, strict=False)


def check_body(own: dict[str, torch.Tensor], state: dict[str, torch.Tensor], source: str) -> None:
    """Compare the tensors of a body, ``own``, with those given for it.

    Raises:
        CheckpointError: as :func:`load_body`.
    """
    missing, left_over, reshaped = differences(own, state)
    problems = [f"missing {k}" for k in missing if not k.endswith("num_batches_tracked")]
    problems += [f"unknown {k}" for k in left_over]
    problems += [f"{k} is {tuple(state[k].shape)}, not {tuple(own[k].shape)}" for k in reshaped]
    problems += [why for k, wanted in own.items() if k in state and (why := unfit(k, wanted, state[k]))]
    if problems:
        more = f" and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise CheckpointError(f"{source} is not this body: " + "; ".join(problems[:8]) + more)
