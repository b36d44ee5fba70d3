"""Statistics beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from contrastmask.study.statistics import compare, mean_of, sign_flip_p, t_quantile, t_tail


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 30])
@pytest.mark.parametrize("t", [0.0, 0.01, 0.7, 2.0, 4.6, 30.0])
def test_tail(t: float, freedom: int) -> None:
    assert t_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 4, 30])
def test_quantile(freedom: int) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def test_comparison_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 6), rng.normal(0, 1, 6)
    found, theirs = compare(a, b), stats.ttest_rel(a, b)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    interval = theirs.confidence_interval(0.95)
    assert found.difference.mean - found.difference.half == pytest.approx(interval.low)
    assert found.difference.mean + found.difference.half == pytest.approx(interval.high)
    exact = stats.permutation_test((a, b), lambda x, y, axis: (x - y).mean(axis), permutation_type="samples")
    assert found.p_exact == pytest.approx(exact.pvalue)


def test_ends() -> None:
    assert sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0]) == 2 / 32
    assert mean_of([3.0]).half is None
    assert compare([1.0, 2.0], [1.0, 2.0]).p == 1.0
    with pytest.raises(ValueError, match="no pairs"):
        compare([1.0], [1.0, 2.0])


def test_many_pairs_have_no_exact_test() -> None:
    pairs = [1.0, 2.0, 3.0] * 7
    assert compare(pairs, [0.0] * 21).p_exact is None
    assert compare(pairs[:20], [0.0] * 20).p_exact == pytest.approx(2 / 2**20)
