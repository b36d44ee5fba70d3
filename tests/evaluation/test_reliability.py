"""Whether a confidence means what it says, by hand and beside SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from contrastmask.evaluation.reliability import calibration_error, rank_correlation, reliability


def test_calibration_error_by_hand() -> None:
    said, true = np.array([0.05, 0.92, 0.98, 1.0]), np.array([0.15, 0.8, 0.8, 0.6])
    # one object of four is 0.1 off, three are said to be 0.9667 and are 0.7333
    assert calibration_error(said, true) == pytest.approx((0.1 + 3 * (2.9 / 3 - 2.2 / 3)) / 4)
    assert reliability(said, true)[0] == {"objects": 1, "said": pytest.approx(0.05), "true": pytest.approx(0.15)}
    assert [row["objects"] for row in reliability(said, true)] == [1, 3]


def test_errors_of_one_bin_may_cancel() -> None:
    assert calibration_error(np.array([0.55, 0.55]), np.array([0.1, 1.0])) == pytest.approx(0)


def test_nothing_to_judge() -> None:
    nothing = np.zeros(0)
    assert calibration_error(nothing, nothing) is None
    assert rank_correlation(nothing, nothing) is None
    assert rank_correlation(np.array([1.0, 1.0]), np.array([0.1, 0.2])) is None


def test_ranks_as_scipy_has_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.integers(0, 8, (2, 40))  # many ties
        assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_of_few_objects_no_correlation_of_ranks_is_told() -> None:
    rising = np.linspace(0.1, 0.9, 10)
    assert rank_correlation(rising, rising) == pytest.approx(1)
    assert rank_correlation(rising[:9], rising[:9]) is None
