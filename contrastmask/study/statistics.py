"""Means over seeds, their intervals, and the paired comparison of two variants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_PATTERNS = 20  # pairs of the exact test, which counts 2^n sign patterns


@dataclass(frozen=True)
class Mean:
    """A mean over n seeds; ``half`` is half the width of its 95 % interval (Student's t), None for one seed."""

    mean: float
    half: float | None
    n: int


@dataclass(frozen=True)
class Comparison:
    """One variant over another, seed by seed.

    Attributes:
        difference: mean of the differences and its 95 % interval.
        p: two-sided p of the paired t-test; p_exact: of the exact sign-flip test, which assumes no distribution and
            cannot fall below 2 / 2^n. None for one seed; p_exact also for more than ``MOST_PATTERNS`` pairs.
    """

    difference: Mean
    p: float | None
    p_exact: float | None


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and 95 % interval.

    Raises:
        ValueError: no values.
    """
    x = np.asarray(values, dtype=np.float64)
    if not x.size:
        raise ValueError("no values")
    if x.size == 1:
        return Mean(float(x[0]), None, 1)
    error = float(x.std(ddof=1)) / math.sqrt(x.size)
    return Mean(float(x.mean()), t_quantile(0.975, x.size - 1) * error, int(x.size))


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Comparison:
    """Paired comparison; values at the same place belong to the same seed.

    Raises:
        ValueError: different lengths, or nothing.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} and {len(theirs)} values are no pairs")
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    summary = mean_of(differences)
    if summary.n == 1:
        return Comparison(summary, None, None)
    error = float(differences.std(ddof=1)) / math.sqrt(summary.n)
    if error == 0:
        p = 1.0 if summary.mean == 0 else 0.0
    else:
        p = 2 * t_tail(abs(summary.mean) / error, summary.n - 1)
    return Comparison(summary, p, sign_flip_p(differences) if summary.n <= MOST_PATTERNS else None)


def sign_flip_p(differences: Sequence[float]) -> float:
    """Exact two-sided p: the share of all 2^n sign patterns whose mean is at least as far from 0 (n at most 20)."""
    x = np.asarray(differences, dtype=np.float64)
    if x.size > MOST_PATTERNS:
        raise ValueError(f"{x.size} differences have too many sign patterns")
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=x.size)))
    sums = np.abs(signs @ x)
    return float((sums >= abs(x.sum()) * (1 - 1e-12)).mean())


def t_tail(t: float, freedom: int) -> float:
    """P(T > t) of Student's distribution, t >= 0: half the regularised incomplete beta function at v / (v + t^2)."""
    return 0.5 * _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def t_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = probability, 0.5 < probability < 1; by bisection."""
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > 1 - probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > 1 - probability else (low, middle)
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, the mirrored one does not
        return 1 - _incomplete_beta(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    fraction = 0.0
    for m in range(200, 0, -1):  # from the tail: 200 terms are far beyond double precision here
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = odd / (1 + even / (1 + fraction))
    return math.exp(log_front) / (a * (1 + fraction))
