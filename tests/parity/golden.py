"""Golden figures, the detector with their weights, and the ledger in which every comparison is entered."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass
class Row:
    """One comparison: largest absolute difference, and the largest one relative to the golden figures."""

    what: str
    values: int
    absolute: float
    relative: float
    allowed: str
    passed: bool


@dataclass
class Ledger:
    """All comparisons of a run of the tests."""

    rows: list[Row] = field(default_factory=list)

    def close(
        self,
        what: str,
        ours: Any,
        golden: Any,
        *,
        atol: float | None = None,
        rtol: float | None = None,
        scale: Any = None,
    ) -> None:
        """Assert that each value is within ``atol``, or within ``rtol`` of its scale, and enter the differences.

        Args:
            scale: what a difference is relative to, each value to its own; by default the golden array's largest.
        """
        ours, golden = _array(ours), _array(golden)
        assert ours.shape == golden.shape, f"{what}: shape {ours.shape}, golden {golden.shape}"
        assert np.isfinite(ours).all(), f"{what}: not finite"
        difference = np.abs(ours - golden)
        relative = difference / np.maximum(np.abs(golden).max() if scale is None else _array(scale), 1e-12)
        within = np.zeros(ours.shape, bool)
        if atol is not None:
            within |= difference <= atol
        if rtol is not None:
            within |= relative <= rtol
        said = " or ".join(f"{kind} {value:g}" for kind, value in (("abs", atol), ("rel", rtol)) if value is not None)
        row = Row(what, ours.size, float(difference.max()), float(relative.max()), said, bool(within.all()))
        self.rows.append(row)
        assert row.passed, f"{what}: abs {row.absolute:.3g}, rel {row.relative:.3g}; allowed {said}"

    def equal(self, what: str, ours: Any, golden: Any) -> None:
        """Assert that every value is the same, and enter how many are not."""
        ours, golden = _array(ours), _array(golden)
        assert ours.shape == golden.shape, f"{what}: shape {ours.shape}, golden {golden.shape}"
        different = int((ours != golden).sum())
        self.rows.append(Row(what, ours.size, float(different), different / max(ours.size, 1), "equal", not different))
        assert not different, f"{what}: {different} of {ours.size} differ"

    def sampled(self, what: str, ours: Tensor, figures: dict[str, np.ndarray], name: str, **tolerance: float) -> None:
        """Compare a large array through the golden sample of it, and through its mean absolute value."""
        flat = _array(ours).ravel()
        step = int(figures[f"{name}_stride"])
        self.close(what, flat[::step], figures[f"{name}_sub"], **tolerance)
        if f"{name}_summ" in figures:
            self.close(f"{what}, sum of absolutes", np.abs(flat).sum(), figures[f"{name}_summ"][2], rtol=1e-5)

    def table(self) -> list[str]:
        """The lines of the table."""
        width = max((len(row.what) for row in self.rows), default=0)
        lines = [f"{'golden against ours':{width}}  {'values':>9} {'largest abs':>12} {'largest rel':>12}  allowed"]
        for row in self.rows:
            end = row.allowed + ("" if row.passed else "  EXCEEDED")
            lines.append(f"{row.what:{width}}  {row.values:9d} {row.absolute:12.2e} {row.relative:12.2e}  {end}")
        return lines


def _array(values: Any) -> np.ndarray:
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return values.astype(np.float64)
