"""The judge of the parity tests, and the ledger in which every comparison is entered.

Two judgements of figures that are not whole numbers:

``close``
    Every value is near. For single figures (a loss, a sum) and for whatever has no threshold on its way.
``alike``
    Nearly every value is very near. For arrays that passed ReLUs, maxima or thresholds in float32, gradients above
    all: where a ReLU's input is within rounding of 0, its gradient is there or is not, and which of the two it is
    depends on the order in which a machine's kernels add. Such a value is off by far more than rounding, and rightly.

Measured on the gradient of the contrastive head's input, 2,509 values relative to the largest: with AVX-512 ours is
within 5.5e-7 of the golden figures everywhere; with AVX2 or SSE4.1 20 values are more than 1e-3 off (3.0e-3 at most),
while the median is 3.3e-7. Our head in float64 is off that run at 2 values and off the golden figures at 18: there it
was the released float32 that fell on the other side of 0. Winograd's filtering rounds ten times as much as a direct
convolution, and so much oftener a ReLU's input is near enough to 0: on a Xeon (Emerald Rapids) 51 values of ours are
off our float64 and 69 off the golden figures, with a median of 4.7e-6; the golden figures are off our float64 at the
same 18. An error of the method moves all values, or every value of a kind: the median shows the first; the share and
the root mean square show the second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

# What `alike` allows, and the worst measured on kernels of AVX-512, AVX2, SSE4.1 and none, 1 and 2 threads, torch
# 2.11 and 2.14: medians and largest differences relative to an array's largest value.
FORWARD = {"median": 1e-5, "tolerance": 1e-4}
GRADIENTS = {"median": 1e-5, "tolerance": 1e-3, "share": 0.05}
PIXELS = {"median": 1e-3, "tolerance": 5e-3, "scale": 1}  # sides of boxes
SCORES = {"median": 5e-5, "tolerance": 2e-4, "scale": 1}
PROBABILITIES = {"median": 1e-4, "tolerance": 1e-3, "scale": 1}
SUMS = {"median": 1e-4, "tolerance": 1e-3, "share": 0.05}  # gradients of parameters, added up one by one


@dataclass
class Row:
    """One comparison: differences in units of the scale the figures are judged on, and the largest one as it is."""

    what: str
    values: int
    absolute: float
    largest: float
    median: float
    beyond: int  # values off by more than is allowed of each
    allowed: str
    passed: bool

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.beyond} of {self.values} values beyond, median {self.median:.2g}, largest "
            f"{self.largest:.3g} (absolute {self.absolute:.3g}); allowed {self.allowed}"
        )


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
        difference, relative = differences(what, ours, golden, scale)
        within = np.zeros(difference.shape, bool)
        if atol is not None:
            within |= difference <= atol
        if rtol is not None:
            within |= relative <= rtol
        said = " or ".join(f"{kind} {value:g}" for kind, value in (("abs", atol), ("rel", rtol)) if value is not None)
        self._enter(what, difference, relative, int((~within).sum()), said, bool(within.all()))

    def alike(
        self,
        what: str,
        ours: Any,
        golden: Any,
        *,
        median: float,
        tolerance: float,
        share: float = 0.02,
        scale: Any = None,
        float64: Any = None,
    ) -> None:
        """Assert that nearly every value is near (see the head of this file), and enter the differences.

        Args:
            median: the median of the differences may be so large, relative to ``scale``.
            tolerance: a value further off than this is beyond; the root mean square of all differences, those beyond
                included, may be so large.
            share: so many values may be beyond.
            scale: what a difference is relative to, each value to its own; by default the golden array's largest
                absolute value. 1 for absolute differences.
            float64: ours of the same thing, run in float64. It has no rounding worth the name, so it must agree with
                the golden figures *and* with ours in float32, each by the same judgement: the first says that the
                method is the same, whatever the machine; the second that ours is as exact as float32 can be.
        """
        pairs = [(what, ours, golden)]
        if float64 is not None:
            pairs += [(f"{what}, in float64", float64, golden), (f"{what}, float64 against ours", ours, float64)]
        for name, one, other in pairs:
            difference, relative = differences(name, one, other, scale)
            beyond = int((relative > tolerance).sum())
            passed = bool(
                np.median(relative) <= median
                and beyond <= share * relative.size
                and np.sqrt(np.square(relative).mean()) <= tolerance
            )
            said = f"median {median:g}, {share:.0%} beyond {tolerance:g}"
            self._enter(name, difference, relative, beyond, said, passed)

    def equal(self, what: str, ours: Any, golden: Any, share: float = 0) -> None:
        """Assert that all values are the same, or all but a ``share`` of them, and enter how many are not.

        A share is for what was decided by a threshold on computed values, some of which lie within rounding of it.
        """
        difference, _ = differences(what, ours, golden, 1)
        different = int((difference != 0).sum())
        allowed = f"equal but {share:.2%}" if share else "equal"
        self._enter(what, difference, difference, different, allowed, different <= share * difference.size)

    def sampled(
        self, what: str, ours: Tensor, figures: dict[str, np.ndarray], name: str, *, float64: Any = None, **limits: Any
    ) -> None:
        """Compare a large array through the golden sample of it (``alike``), and through its sum of absolutes."""
        flat, step = _array(ours).ravel(), int(figures[f"{name}_stride"])
        exact = None if float64 is None else _array(float64).ravel()[::step]
        self.alike(what, flat[::step], figures[f"{name}_sub"], float64=exact, **limits)
        if f"{name}_summ" in figures:
            # of all values, not of the sample: differences to either side cancel
            total, rtol = figures[f"{name}_summ"][2], limits["tolerance"] / 10
            self.close(f"{what}, sum of absolutes", np.abs(flat).sum(), total, rtol=rtol)

    def table(self) -> list[str]:
        """The lines of the table."""
        width = max((len(row.what) for row in self.rows), default=0)
        head = (
            f"{'golden against ours':{width}}  {'values':>9} {'beyond':>6} {'median':>8} {'largest':>8} {'absolute':>8}"
        )
        lines = [f"{head}  allowed"]
        for row in self.rows:
            figures = f"{row.values:9d} {row.beyond:6d} {row.median:8.1e} {row.largest:8.1e} {row.absolute:8.1e}"
            lines.append(f"{row.what:{width}}  {figures}  {row.allowed}{'' if row.passed else '  EXCEEDED'}")
        return lines

    def _enter(
        self, what: str, difference: np.ndarray, relative: np.ndarray, beyond: int, allowed: str, passed: bool
    ) -> None:
        largest, absolute = (float(d.max(initial=0)) for d in (relative, difference))
        median = float(np.median(relative)) if relative.size else 0.0
        row = Row(what, difference.size, absolute, largest, median, beyond, allowed, passed)
        self.rows.append(row)
        assert passed, str(row)


def differences(what: str, ours: Any, golden: Any, scale: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Absolute differences, and the same in units of ``scale`` (by default the golden array's largest value)."""
    ours, golden = _array(ours), _array(golden)
    assert ours.shape == golden.shape, f"{what}: shape {ours.shape}, golden {golden.shape}"
    assert np.isfinite(ours).all(), f"{what}: not finite"
    difference = np.abs(ours - golden)
    return difference, difference / np.maximum(np.abs(golden).max(initial=0) if scale is None else _array(scale), 1e-12)


def _array(values: Any) -> np.ndarray:
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return values.astype(np.float64)
