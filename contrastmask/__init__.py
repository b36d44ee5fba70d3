"""Partially-supervised instance segmentation: boxes for all, masks for some."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    if name == "Predictor":  # only then: torch is slow to import
        try:
            from contrastmask.prediction.predictor import Predictor
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "torchvision"):
                raise
            # where torch is not, exported models are all there is to predict with
            from contrastmask.runtime.predictor import open_predictor as Predictor
        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
