"""An optimiser's state in a checkpoint, compared with the optimiser that is to go on with it."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from contrastmask.training.plain_state import LARGEST, misfit, tensor_misfit

_MOMENTS = {"AdamW": {"step", "exp_avg", "exp_avg_sq"}, "SGD": {"momentum_buffer"}}


def optimizer_misfit(given: Any, optimizer: Optimizer, where: str) -> str | None:
    """What is wrong with an optimiser's state, which ``optimizer`` is to take over; None where nothing is.

    Groups have the same parameters and sound rates, moments are those of this kind of optimiser, each of its
    parameter's shape. A parameter without moments has had no gradient yet.

    Args:
        where: the place, for the answer.
    """
    own = optimizer.state_dict()["param_groups"]
    if not isinstance(given, dict) or not isinstance(given.get("state"), dict):
        return f"{where} holds no moments"
    groups = given.get("param_groups")
    if not isinstance(groups, list) or len(groups) != len(own):
        return f"{where}.param_groups is no list of {len(own)}"
    for number, (theirs, mine) in enumerate(zip(groups, own, strict=True)):
        if wrong := _group(theirs, mine, f"{where}.param_groups[{number}]"):
            return wrong
    shapes = [p.shape for group in optimizer.param_groups for p in group["params"]]
    wanted = _MOMENTS[type(optimizer).__name__]
    found = (_moments(key, state, shapes, wanted, f"{where}.state") for key, state in given["state"].items())
    return next(filter(None, found), None)


def begin_moments(given: dict[str, Any], optimizer: Optimizer) -> int:
    """Begin the moments of parameters that have none in a sound state, where others have; how many these are.

    AdamW begins them itself; PyTorch's fused SGD stumbles over some that are there and some that are not. Zeros are
    what a first step starts from.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    begun = [key for key in range(len(parameters)) if given["state"] and key not in given["state"]]
    if isinstance(optimizer, torch.optim.SGD):
        none = [key for key, state in given["state"].items() if state["momentum_buffer"] is None]
        if len(none) < len(given["state"]):
            given["state"] |= {key: {"momentum_buffer": torch.zeros_like(parameters[key])} for key in (*begun, *none)}
    return len(begun)


def _group(given: Any, own: dict[str, Any], where: str) -> str | None:
    params = given.get("params") if isinstance(given, dict) else None
    if not isinstance(params, list) or not all(type(p) is int for p in params) or params != own["params"]:
        return f"{where} is of other parameters: this training has {len(own['params'])} in it"
    numbers = {name: value for name, value in own.items() if type(value) in (float, int, tuple)}
    if wrong := misfit(given, numbers, where):
        return wrong
    for name in numbers:
        values = given[name] if isinstance(own[name], tuple) else [given[name]]
        if not all(float(value) >= 0 for value in values) or (name == "betas" and max(values) >= 1):
            return f"{where}.{name} is {str(given[name])[:40]}"
    # a name that a file of another version has not is added by PyTorch; these two are ways to compute the same
    for name, value in own.items():
        if type(value) is bool and name != "fused" and given.get(name, value) is not value:
            return f"{where}.{name} is {str(given[name])[:40]}, here {value}"
    ways = [given.get(name) for name in ("fused", "foreach")]
    if not all(way is None or type(way) is bool for way in ways) or all(ways):
        return f"{where} has fused={str(ways[0])[:40]}, foreach={str(ways[1])[:40]}"
    return None


def _moments(key: Any, state: Any, shapes: list[torch.Size], wanted: set[str], where: str) -> str | None:
    where = f"{where}[{str(key)[:20]}]"
    if type(key) is not int or not 0 <= key < len(shapes):
        return f"{where} is of no parameter"
    if not isinstance(state, dict) or state.keys() != wanted:
        return f"{where} does not hold {', '.join(sorted(wanted))}"
    for name, value in state.items():
        if name == "momentum_buffer" and value is None:
            continue
        if wrong := tensor_misfit(value, torch.Size() if name == "step" else shapes[key]):
            return f"{where}.{name} {wrong}"
        if name == "step" and not 0 <= float(value) <= LARGEST:
            return f"{where}.step is {float(value):g}"
    return None
