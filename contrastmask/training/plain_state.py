"""A state of plain values and tensors, compared with one of the same kind that is known to be sound."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
from torch import Tensor

LARGEST = 2**53  # of a count
_ORDER = ("ready", "started", "processed", "completed")  # Lightning counts a thing in this order


def misfit(given: Any, own: Any, where: str) -> str | None:
    """What is wrong with ``given``, which should be of the kind of ``own``; None where nothing is.

    Dictionaries have at least ``own``'s names, lists as many items, tensors the same shape; whole numbers are counts,
    other numbers finite. Where ``own`` is None, not set yet, any single value will do. Values may differ.

    Args:
        where: the place, for the answer.
    """
    kind = type(given).__name__
    if isinstance(own, Counter):
        fine = isinstance(given, dict) and all(_is_count(n) for pair in given.items() for n in pair)
        return None if fine else f"{where} holds no whole numbers"
    if isinstance(own, dict):
        if not isinstance(given, dict):
            return f"{where} is of type {kind}"
        if lacking := [str(name) for name in own if name not in given]:
            return f"{where} lacks {', '.join(lacking[:3])}"
        return next(filter(None, (misfit(given[name], own[name], f"{where}.{name}") for name in own)), None)
    if isinstance(own, (list, tuple)):
        if not isinstance(given, (list, tuple)):
            return f"{where} is of type {kind}"
        if len(given) != len(own):
            return f"{where} has {len(given)} items, this training {len(own)}"
        found = (misfit(item, mine, f"{where}[{k}]") for k, (item, mine) in enumerate(zip(given, own, strict=True)))
        return next(filter(None, found), None)
    return None if _is_alike(given, own) else f"{where} is {_shown(given)}"


def _is_alike(given: Any, own: Any) -> bool:
    if isinstance(own, Tensor):
        return isinstance(given, Tensor) and tensor_misfit(given, own.shape) is None
    if isinstance(own, (bool, str)):
        return type(given) is type(own)
    if isinstance(own, int):
        return _is_count(given)
    if isinstance(own, float):
        return type(given) in (int, float) and (math.isfinite(given) or math.isnan(own))
    if isinstance(given, Tensor):
        return given.numel() == 1
    return given is None or isinstance(given, (bool, int, float, str))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} and shape {tuple(value.shape)}"
    return f"{str(value)[:40]!r}" if isinstance(value, (str, bytes)) else str(value)[:40]


def tensor_misfit(given: Any, shape: torch.Size) -> str | None:
    """Why ``given`` is no plain tensor of floating-point numbers, none of them NaN, in this shape."""
    if not isinstance(given, Tensor):
        return f"is of type {type(given).__name__}"
    if given.shape != shape:
        return f"has the shape {tuple(given.shape)}, this training's {tuple(shape)}"
    if given.layout != torch.strided or given.is_quantized or not given.is_floating_point():
        return f"is of {given.dtype}"
    return "has values that are no numbers" if torch.isnan(given).any() else None


def counts_apart(node: Any, where: str) -> str | None:
    """Counts of a progress that contradict each other: more now than in all, more ended than begun; None if none do.

    A validation's are left alone: Lightning begins its sums anew in the middle.
    """
    if not isinstance(node, dict) or ".val_loop." in where:
        return None
    now, all_ = node.get("current"), node.get("total")
    if isinstance(now, dict) and isinstance(all_, dict):
        for name, value in now.items():
            if name in all_ and value > all_[name]:
                return f"{where} counts {value} {name} of {all_[name]}"
    steps = [node[name] for name in _ORDER if type(node.get(name)) is int]
    if steps != sorted(steps, reverse=True):
        return f"{where} counts more ended than begun"
    return next(filter(None, (counts_apart(value, f"{where}.{name}") for name, value in node.items())), None)
