"""Weights of timm's bodies: a file in timm's own layout, or timm's own, downloaded once."""

from __future__ import annotations

import torch
from torch import Tensor

from contrastmask.checkpoints.pretrained import check_body, file_state
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.model.crops.timm_body import TimmBody, create, key_of


def timm_state(weights: str, name: str) -> dict[str, Tensor]:
    """The tensors of a whole network of timm, its classifier among them where the source has one.

    Args:
        weights: ``"imagenet"`` for timm's own of this name (of whatever data: a tag after the name chooses, as in
            ``convnext_tiny.fb_in22k``), or the path of a file that holds them under timm's names.
        name: of the network.

    Raises:
        CheckpointError: timm has no weights of this name, they cannot be downloaded, or the file cannot be read.
        ConfigError: timm is not installed, or has no such network.
    """
    if weights != "imagenet":
        return file_state(weights)
    try:
        return create(name, pretrained=True).state_dict()
    except ConfigError:
        raise
    except Exception as error:  # of the hub's client, which has many
        said = str(error).rstrip(".")
        raise CheckpointError(
            f"cannot get timm's weights of {name}: {said}. Fetch its model.safetensors on another machine and give it "
            "with backbone.weights=FILE, or backbone.weights=null to start from scratch"
        ) from error


def load_timm_body(body: TimmBody, name: str, state: dict[str, Tensor], source: str) -> None:
    """Load a whole network's tensors into the part of it that is a body, strictly.

    Raises:
        CheckpointError: tensors are missing, unknown to the network or of another shape; each is named. Those of the
            network's classifier, whatever their shape, may be there or not.
    """
    own, whole = body.pretrained(), {key_of(n): n for n in create(name).state_dict()}
    given = {whole.get(key_of(n), n): v.float() if v.is_floating_point() else v for n, v in state.items()}
    left_out = {n for key, n in whole.items() if key not in own}
    given = {n: v for n, v in given.items() if n not in left_out}
    wanted = {whole[key]: value for key, value in own.items()}
    check_body(wanted, given, f"{source} (as timm's {name})")
    with torch.no_grad():
        for n, value in given.items():
            wanted[n].copy_(value)
