"""Comparison of whole samples, batches and checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch


def identical(a: object, b: object) -> bool:
    """Bit-identical samples, batches or parts of them."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(identical(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def assert_equal_checkpoints(a: Path, b: Path) -> None:
    """Weights, optimiser and schedulers of the two runs' last checkpoints are the same bits."""
    one, two = (torch.load(p / "checkpoints" / "last.ckpt", weights_only=True) for p in (a, b))
    assert one["state_dict"].keys() == two["state_dict"].keys()
    assert len(one["state_dict"]) > 100
    for name, value in one["state_dict"].items():
        assert torch.equal(value, two["state_dict"][name]), name
    for key in ("lr_schedulers", "global_step", "epoch"):
        assert one[key] == two[key]
    states = [c["optimizer_states"][0]["state"] for c in (one, two)]
    for index, state in states[0].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1][index][name])), (index, name)
