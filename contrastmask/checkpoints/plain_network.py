"""A checkpoint's plain settings as typed ones, without a configuration framework."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import yaml

from contrastmask.checkpoints.network import MISSING, NetworkConfig
from contrastmask.checkpoints.ranges import check_ranges
from contrastmask.checkpoints.read import Checkpoint
from contrastmask.conf_folder import CONF
from contrastmask.errors import CheckpointError, ConfigError

# whose numbers a released checkpoint, which tells nothing that its tensors' shapes do not show, was trained with
_RELEASED = {"backbone": "r50", "model": "contrastmask", "loss": "released"}


def network_config(checkpoint: Checkpoint) -> NetworkConfig:
    """The settings of a checkpoint's network; what the file does not tell is the released model's.

    Raises:
        CheckpointError: the file lacks settings.
    """
    config = NetworkConfig()
    if any(group not in checkpoint.network for group in _RELEASED) or checkpoint.layout == "mmdetection":
        for group, name in _RELEASED.items():
            settings = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
            _fill(getattr(config, group), settings)
    for group, settings in checkpoint.network.items():
        _fill(getattr(config, group), settings)
    missing = _missing(config, "")
    if missing:
        raise CheckpointError(f"{checkpoint.path} does not tell {', '.join(missing)} of its network")
    try:
        check_ranges(config)
        config.check_body()
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from error
    return config


def _fill(target: Any, settings: dict[str, Any]) -> None:
    """Names and types are right: reading the checkpoint has looked at them."""
    for name, value in settings.items():
        if is_dataclass(getattr(target, name)):
            _fill(getattr(target, name), value)
        else:
            setattr(target, name, value)


def _missing(config: Any, where: str) -> list[str]:
    found = []
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            found += _missing(value, f"{where}{field.name}.")
        elif isinstance(value, str) and value == MISSING:
            found.append(where + field.name)
    return found
