"""Weights of the golden figures, drawn from a seed under MMDetection's names (MT19937): numpy alone is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

SEEDS = {"r50": 50, "r101": 101, "x50": 5032, "x101": 10132}
# sha256 of all values: what a correct recipe over the right list of names and shapes gives
DIGESTS = {
    "r50": "92c9cff6d213116a160c95735285e2ae96c5ca7ba3a6565133bf8d082ca2d0f2",
    "r101": "8a2777a6669e47ec2cf8d3a0ab84a7a911f99cea3b4137dc7ff5e8ffdd8745d6",
    "x50": "ad68fe862277c6039a1d2e80557ecd3639f937677d917bbc50e4ead62e4d407a",
    "x101": "25d33fcd532df21a793a2540f3bcee3ebc093dd5488bc986d9717801ef7fc30f",
}
_GAINS = {
    "rpn_head.rpn_cls": 0.3,
    "rpn_head.rpn_reg": 0.06,
    "roi_head.bbox_head.fc_cls": 14.0,
    "roi_head.bbox_head.fc_reg": 6.0,
    "roi_head.mask_head.conv_logits": 1.0,
}
_TRANSPOSED = "roi_head.mask_head.upsample"


def make_weights(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Float32 arrays (int64 zeros for BatchNorm's counters) of the given shapes, in the order of the sorted names.

    The order of the draws is part of the figures: change a line here and the goldens no longer belong to the weights.
    """
    random = np.random.RandomState(seed)
    norms = {name.removesuffix(".running_mean") for name in shapes if name.endswith(".running_mean")}
    state = {}
    for name in sorted(shapes):
        module, kind = name.rsplit(".", 1)
        if kind == "num_batches_tracked":
            state[name] = np.zeros((), np.int64)
            continue
        drawn = random.randn(*shapes[name])
        if module in norms:
            values = _norm(kind, drawn, last_of_block=module.endswith(".bn3"))
        elif kind == "bias":
            values = 0.05 * drawn
        else:
            fan_in = shapes[name][0] if module == _TRANSPOSED else int(np.prod(shapes[name][1:]))
            gain = 0.8 if name.startswith("neck.") else _GAINS.get(module, 2.9)
            # centred, or a random network of ReLUs maps every RoI to the same class
            centred = drawn - drawn.mean(axis=tuple(range(1, drawn.ndim)), keepdims=True)
            values = centred * np.sqrt(gain / fan_in)
        state[name] = values.astype(np.float32)
    return state


def _norm(kind: str, drawn: np.ndarray, last_of_block: bool) -> np.ndarray:
    if kind == "running_var":
        return 1.0 + 0.1 * np.abs(drawn)
    if kind == "weight":
        return (1.0 + 0.1 * drawn) * (0.25 if last_of_block else 1.0)
    return 0.1 * drawn


def digest(state: Mapping[str, np.ndarray]) -> str:
    """sha256 over the values, in the order of the sorted names."""
    sha = hashlib.sha256()
    for name in sorted(state):
        sha.update(np.ascontiguousarray(state[name]).tobytes())
    return sha.hexdigest()
