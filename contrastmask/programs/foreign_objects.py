"""Other people's objects that a configuration names by ``_target_``: their arguments are looked at before any work."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from hydra.utils import get_object
from omegaconf import DictConfig

from contrastmask.errors import ConfigError
from contrastmask.programs.key_names import did_you_mean

_HYDRAS = ("_target_", "_partial_", "_recursive_", "_convert_", "_args_")


def check_arguments(cfg: DictConfig) -> None:
    """Compare the keys of ``trainer``, ``logger`` and ``callbacks`` with what the objects that they make take.

    Raises:
        ConfigError: a key that is no argument, or a ``_target_`` that cannot be imported.
    """
    for place in ("trainer", "logger", "callbacks"):
        for where, node in _targets(cfg.get(place), place):
            try:
                signature = inspect.signature(get_object(node._target_))
            except (ImportError, AttributeError, ValueError, TypeError) as error:
                raise ConfigError(f"{where}._target_={node._target_} cannot be had: {error}") from error
            takes = signature.parameters
            if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values()):
                continue
            for key in node:
                if key not in takes and key not in _HYDRAS:
                    near = did_you_mean(str(key), takes)
                    raise ConfigError(f"{where}.{key} is no argument of {node._target_}{near}")


def _targets(node: object, where: str) -> Iterator[tuple[str, DictConfig]]:
    if not isinstance(node, DictConfig):
        return
    if node.get("_target_") is not None:
        yield where, node
    for key in node:
        yield from _targets(node._get_node(key), f"{where}.{key}")
