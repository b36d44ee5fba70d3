"""What counts against a mask is judged by the file's other masks, and a wrong one among many right ones comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contrastmask.audit.measures import Measures
from contrastmask.audit.signs import Signs, signs_of

COUNT = 400


def usual(seed: int = 0, count: int = COUNT) -> Measures:
    """Masks that nothing is wrong with: a model overlaps them by what it is sure of, give or take."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.3, 0.95, count)
    odds = np.log(confidence / (1 - confidence)) + random.normal(0, 0.4, count)
    size = np.exp(random.uniform(6, 11, count))
    return Measures(
        positions=np.arange(count), overlap=1 / (1 + np.exp(-odds)), confidence=confidence, size=size,
        extent=0.95 * size,
        agreement=np.full(count, 0.98), filled=np.full(count, 0.6), filled_by_model=np.full(count, 0.6),
        beside=np.zeros(count), neighbour=np.full(count, -1), covered=np.full(count, -1),
    )  # fmt: skip


def with_one(measures: Measures, at: int, **values: Any) -> Measures:
    """The same with one object's values changed."""
    changed = {}
    for name, value in values.items():
        column = getattr(measures, name).copy()
        column[at] = value
        changed[name] = column
    return replace(measures, **changed)


@pytest.mark.parametrize(
    ("sign", "values"),
    [
        ("overlap", {"overlap": 0.2, "confidence": 0.9}),
        ("box", {"agreement": 0.5}),
        ("beside", {"overlap": 0.1, "beside": 0.8, "neighbour": 3}),
        ("covers", {"covered": 3}),
        ("rectangle", {"filled": 1.0}),
    ],
)
def test_each_sign_puts_its_object_first(sign: str, values: dict[str, Any]) -> None:
    signs = signs_of(with_one(usual(), 7, **values))
    assert int(signs.suspicion.argmax()) == 7
    assert getattr(signs, sign)[7] == getattr(signs, sign).max() > 2
    assert signs.suspicion[7] > 0.3


def test_a_low_overlap_counts_where_the_model_is_sure() -> None:
    measures = with_one(with_one(usual(), 1, overlap=0.3, confidence=0.95), 2, overlap=0.3, confidence=0.32)
    signs = signs_of(measures)
    assert signs.overlap[1] > 4
    assert signs.overlap[2] < 1
    assert signs.usual[1] > 0.85


def test_the_file_itself_says_what_is_usual() -> None:
    """Loose boxes, and boxes filled as masks, are nothing special where all are so."""
    measures = usual()
    loose = replace(measures, agreement=np.random.default_rng(1).uniform(0.5, 0.9, COUNT))
    assert (
        signs_of(with_one(measures, 7, agreement=0.6)).box[7] > signs_of(with_one(loose, 7, agreement=0.6)).box[7] + 2
    )
    filled = replace(measures, filled=np.ones(COUNT))
    assert signs_of(filled).rectangle.max() == 0
    assert signs_of(with_one(measures, 7, filled=1.0, extent=100.0)).rectangle[7] == 0  # small ones are by chance


def test_suspicion_is_one_half_at_four_distances() -> None:
    zero, four = np.zeros(2), np.array([0.0, 4.0])
    signs = Signs(overlap=four, usual=zero, box=zero, beside=zero, covers=zero, rectangle=zero, other_class=zero)
    assert signs.suspicion.tolist() == [0.0, 0.5]


@pytest.mark.parametrize("count", [0, 1, 2, 19, 21])
def test_few_masks_are_judged_by_their_median(count: int) -> None:
    signs = signs_of(usual(count=count))
    assert signs.suspicion.shape == (count,)
    assert np.isfinite(signs.suspicion).all()
    assert (signs.suspicion < 1).all()


def test_another_class_counts_by_how_much_surer_it_is() -> None:
    surer = np.zeros(COUNT)
    surer[5] = 0.8
    signs = signs_of(usual(), surer)
    assert int(signs.suspicion.argmax()) == 5
