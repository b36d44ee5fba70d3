"""What a file says about itself, looked at before anything is built of it.

A wrong type is an error that names the setting, and so is a figure that the file's own tensors contradict by far: a
depth of 1e9 would be built for hours.
"""

from __future__ import annotations

import math
import re
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from torch import Tensor

from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.errors import CheckpointError

FORMAT = 1
LARGEST = 1_000_000  # of any whole number that no tensor bounds
LONGEST = 64  # list
_LAYERS = ("depth", "extra", "shared", "cls", "reg", "blocks")  # each makes tensors
_WIDTHS = ("fpn_channels", "channels", "projection", "groups", "width_per_group")  # each is a side of a tensor
_LIMITS = {"divisor": 4096, "test_short_side": 32768, "long_side": 32768}


def check_about(path: Path, about: Any) -> dict[str, Any]:
    """The file's own description, its form beyond doubt: ``{"format", "config", "categories"}``, or nothing.

    Raises:
        CheckpointError: a form that this version does not know; no list of classes.
    """
    if not isinstance(about, dict):
        raise CheckpointError(f"{path}: its description is of type {type(about).__name__}: it is damaged")
    if not about:
        return about
    version = about.get("format", FORMAT)
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise CheckpointError(
            f"{path} has format {version!r}, this version knows 1 to {FORMAT}; use the version that wrote it"
        )
    if not isinstance(about.get("config", {}), dict):
        raise CheckpointError(f"{path}: its settings are of type {type(about['config']).__name__}")
    names = about.get("categories")
    if names is not None and not (isinstance(names, list) and all(map(_is_category, names))):
        raise CheckpointError(f"{path}: its list of classes is damaged: {str(names)[:80]}")
    split = about.get("split")
    fine = isinstance(split, dict) and _are_names(split.get("base", [])) and _are_names(split.get("novel", []))
    if split is not None and not fine:
        raise CheckpointError(f"{path}: its base and novel classes are damaged: {str(split)[:80]}")
    return about


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


def _is_category(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and type(value.get("id")) in (int, NoneType)


def check_network(path: Path, network: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Compare the settings of backbone, model and loss with their types and with the size of the tensors.

    Raises:
        CheckpointError: an unknown setting, a wrong type, or a figure out of all proportion; it is named.
    """
    widest = max((side for value in state.values() for side in value.shape), default=1)
    limits = {**dict.fromkeys(_LAYERS, len(state)), **dict.fromkeys(_WIDTHS, widest), **_LIMITS}
    _check(path, NetworkConfig, network, "", limits)


def check_sides(path: Path, sides: tuple[Any, Any]) -> tuple[int, int]:
    """Short and longest side of the images that it is tested on, px, in that order.

    Raises:
        CheckpointError: no whole numbers, or none that an image may have.
    """
    for name, value in zip(("test_short_side", "long_side"), sides, strict=True):
        if why := _misfit(int, value, _LIMITS[name], least=1):
            raise CheckpointError(f"{path}: the setting data.{name}={value!r} {why}")
    return sides


def check_version(path: Path, version: Any) -> None:
    """The version of Lightning that a file of a training is from.

    Raises:
        CheckpointError: it is none.
    """
    if not isinstance(version, str) or not re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,2}([.+a-z]\w{0,20})*", version):
        raise CheckpointError(f"{path}: its pytorch-lightning_version is {str(version)[:40]!r}: it is damaged")


def _check(path: Path, kind: type, settings: Any, where: str, limits: dict[str, int]) -> None:
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path}: the settings {where.rstrip('.')} are of type {type(settings).__name__}")
    known = get_type_hints(kind)
    for name, value in settings.items():
        if name not in known:
            raise CheckpointError(
                f"{path}: the setting {where}{name} is unknown to this version; use the one it is from"
            )
        if is_dataclass(known[name]):
            _check(path, known[name], value, f"{where}{name}.", limits)
            continue
        limit = 1000 if f"{where}{name}" == "backbone.depth" else limits.get(name, LARGEST)
        if why := _misfit(known[name], value, limit):
            raise CheckpointError(f"{path}: the setting {where}{name}={str(value)[:40]} {why}")


def _misfit(kind: Any, value: Any, limit: int, least: int = -1) -> str | None:
    if get_origin(kind) is UnionType:
        kinds = get_args(kind)
        if value is None and NoneType in kinds:
            return None
        return _misfit(next(k for k in kinds if k is not NoneType), value, limit)
    if get_origin(kind) is list:
        if not isinstance(value, (list, tuple)) or len(value) > LONGEST:
            return f"must be a list of at most {LONGEST}"
        return next(filter(None, (_misfit(get_args(kind)[0], item, limit) for item in value)), None)
    if kind is float:
        return None if type(value) in (int, float) and math.isfinite(value) else "must be a finite number"
    if type(value) is not kind:
        return f"must be of type {kind.__name__}"
    if kind is int and not least <= value <= limit:
        return f"is out of proportion: {least} to {limit} would fit this file; it is damaged, or made by hand"
    return None
