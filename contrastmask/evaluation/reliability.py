"""Whether a confidence means what it says: that masks of which it says 0.8 overlap the truth by 0.8 on average."""

from __future__ import annotations

import numpy as np

BINS = 10
LEAST_RANKED = 10  # objects; of fewer a correlation of ranks is chance


def calibration_error(said: np.ndarray, true: np.ndarray, bins: int = BINS) -> float | None:
    """Mean over objects of |mean said - mean true| of their bin, bins of equal width over 0..1 (Guo et al., ICML 2017).

    Args:
        said, true: ``[N]`` in 0..1.

    Returns:
        in 0..1; None of no objects.
    """
    rows = reliability(said, true, bins)
    total = sum(row["objects"] for row in rows)
    return sum(row["objects"] * abs(row["said"] - row["true"]) for row in rows) / total if total else None


def reliability(said: np.ndarray, true: np.ndarray, bins: int = BINS) -> list[dict[str, float | int]]:
    """``objects``, mean ``said`` and mean ``true`` of every bin that has objects, lowest first."""
    place = np.minimum((np.clip(said, 0, 1) * bins).astype(int), bins - 1)
    return [
        {"objects": int(here.sum()), "said": float(said[here].mean()), "true": float(true[here].mean())}
        for number in range(bins)
        if (here := place == number).any()
    ]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's: the correlation of the ranks, ties at their mean rank; -1..1.

    None of fewer than ``LEAST_RANKED`` objects, and where one of the two never varies.
    """
    ranks = [_ranks(values) for values in (first, second)]
    if len(first) < LEAST_RANKED or any(np.ptp(values) == 0 for values in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
