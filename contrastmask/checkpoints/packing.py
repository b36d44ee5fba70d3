"""Where the programs of this field put a model's tensors in a file, under which prefixes, and the names of its classes.

Beside the weights many programs keep a running average of them (EMA). Where a file has both, the weights themselves are
taken: those of MMDetection's and MMEngine's hooks are the averaged ones already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contrastmask.errors import CheckpointError

# most programs; torchvision's references; plain torch habits. The averaged weights come last.
_HOLDERS = ("state_dict", "model", "model_state_dict", "module", "network", "net", "weights", "params")
_AVERAGED = ("ema_state_dict", "state_dict_ema", "model_ema", "model_ema_state_dict", "ema_model", "ema", "params_ema")
# DistributedDataParallel and AveragedModel, torch.compile, a LightningModule's or a wrapper's attribute
_WRAPPERS = ("module.", "_orig_mod.", "model.", "online_model.")
_AVERAGED_WRAPPERS = ("ema_model.", "model_ema.", "ema.")
_COUNTERS = {"n_averaged", "steps", "step", "initted", "decay", "num_updates"}
_PREPROCESSOR = "data_preprocessor."  # MMDetection 3: mean and deviation of the pixels, no weights
_MOST = 8


def named_tensors(content: dict[str, Any], path: Path) -> dict[str, Tensor]:
    """A model's tensors by name, without what a wrapper put before the names and without averaged copies.

    Args:
        content: of a file, as :func:`contrastmask.checkpoints.tensor_files.read_tensors` gives it.

    Raises:
        CheckpointError: there are none, or something else is among them: other objects, complex, sparse or quantised
            tensors.
    """
    state = _held(content, path)
    others = [str(name) for name, value in state.items() if not isinstance(value, Tensor) or not isinstance(name, str)]
    if others:
        raise CheckpointError(f"{path}: {', '.join(others[:_MOST])} are not tensors")
    for name, value in state.items():
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.is_meta:
            raise CheckpointError(
                f"{path}: {name} is a {_kind(value)} tensor, no plain real one; save the weights of the model as it "
                "was trained, before any compression"
            )
    return _without_copies(_unwrapped(state))


def _held(content: dict[str, Any], path: Path) -> dict[str, Any]:
    for _ in range(3):  # {"model": {"state_dict": …}}
        held = [n for n in (*_HOLDERS, *_AVERAGED) if isinstance(content.get(n), dict) and content[n]]
        if not held:
            break
        content = content[held[0]]
    if not content:
        raise CheckpointError(f"{path} holds no named tensors")
    if not any(isinstance(value, Tensor) for value in content.values()):
        names = ", ".join(map(str, list(content)[:_MOST]))
        raise CheckpointError(
            f"{path} holds no named tensors; it has {names}. They are looked for under {', '.join(_HOLDERS[:3])}: save "
            "model.state_dict()"
        )
    return content


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off the prefixes that all names share with no more than counters beside them."""
    for _ in range(4):
        names = [name for name in state if name not in _COUNTERS]
        found = [p for p in (*_WRAPPERS, *_AVERAGED_WRAPPERS) if any(name.startswith(p) for name in names)]
        if not found or not all(name.startswith(tuple(found)) for name in names):
            break
        state = {n.removeprefix(found[0]): state[n] for n in names if n.startswith(found[0])}
    return state


def _without_copies(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Leave out averaged copies: ``ema.NAME``, or MMDetection 2's ``ema_NAME`` with underscores for the dots."""
    flat = {f"ema_{name.replace('.', '_')}" for name in state}
    return {
        name: value
        for name, value in state.items()
        if name not in flat
        and not name.startswith(_PREPROCESSOR)
        and not any(name.startswith(p) and name.removeprefix(p) in state for p in _AVERAGED_WRAPPERS)
    }


def _kind(value: Tensor) -> str:
    if value.is_meta:
        return "meta (empty)"
    if value.is_quantized:
        return "quantised"
    return "complex" if value.is_complex() else str(value.layout).removeprefix("torch.")


def unfit(name: str, wanted: Tensor, given: Tensor) -> str | None:
    """Why a tensor of the right shape is no weight nevertheless, None where it is one.

    Floating-point numbers of another precision are cast; whole numbers, truth values, NaN and infinity are refused.
    """
    if wanted.is_floating_point() != given.is_floating_point() or wanted.dtype == torch.bool != given.dtype:
        return (
            f"{name} is {given.dtype}, the model's {wanted.dtype}: a quantised or a damaged file; save the "
            "floating-point weights"
        )
    if given.is_floating_point() and not torch.isfinite(given.float() if given.element_size() < 2 else given).all():
        return f"{name} has values that are not finite"
    return None


def class_names(content: dict[str, Any]) -> list[str] | None:
    """The names of the classes, in label order, that MMDetection 2 (``CLASSES``) or 3 (``dataset_meta``) wrote."""
    meta = content.get("meta")
    if not isinstance(meta, dict):
        return None
    for place in (meta.get("dataset_meta"), meta):
        for key in ("classes", "CLASSES"):
            names = place.get(key) if isinstance(place, dict) else None
            if isinstance(names, str):  # ("cat") for ("cat",)
                return [names]
            if isinstance(names, (list, tuple)) and names:
                return [str(name) for name in names]
    return None
