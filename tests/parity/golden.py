"""Golden figures, and the detector with their weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from contrastmask.checkpoints.mmdetection import from_mmdetection, to_mmdetection
from contrastmask.model.detector import Detector
from tests.detectors import build
from tests.recipe_weights import SEEDS, make_weights

FOLDER = Path(__file__).parents[1] / "golden"


@cache
def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of ``tests/golden/{name}.npz``."""
    with np.load(FOLDER / f"{name}.npz") as file:
        figures = dict(file)
    if "mask_prob" in figures and figures["mask_prob"].dtype == np.uint16:
        figures["mask_prob"] = figures["mask_prob"] / np.float32(65535)
    return figures


def bits(packed: np.ndarray) -> np.ndarray:
    """Packed grids ``[R, 98]`` as bool ``[R, 28, 28]``."""
    return np.unpackbits(packed, axis=1).reshape(-1, 28, 28).astype(bool)


def detector(backbone: str = "r50", **settings: Any) -> Detector:
    """The full-size detector with the golden weights of ``backbone``, in training mode."""
    model = build(backbone, **settings)
    model.load_state_dict(_weights(backbone))
    return model


@cache
def _weights(backbone: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        names = to_mmdetection(build(backbone).state_dict())
    drawn = make_weights({name: tuple(value.shape) for name, value in names.items()}, SEEDS[backbone])
    return from_mmdetection({name: torch.from_numpy(value) for name, value in drawn.items()})
