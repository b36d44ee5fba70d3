"""Feature separation: chance where features know nothing, 100 percent where they are the mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from contrastmask.study.separation import FILE, _separation, measure


def test_what_it_says_of_known_features() -> None:
    torch.manual_seed(0)
    inside = [torch.rand(14, 14) < 0.5 for _ in range(40)]
    novel = np.arange(40) % 2 == 0
    noise = [torch.randn(3, 14, 14) for _ in inside]
    assert _separation(noise, inside, novel)["novel"] == pytest.approx(50, abs=5)
    known = [1000 * torch.stack([m.float(), 1 - m.float(), torch.zeros(14, 14)]) + 0.1 * n
             for m, n in zip(inside, noise, strict=True)]  # fmt: skip
    assert _separation(known, inside, novel) == {"novel": pytest.approx(100), "base": pytest.approx(100)}
    # features that separate base objects only
    turned = [-k if side else k for k, side in zip(known, novel, strict=True)]
    assert _separation(turned, inside, novel) == {"novel": pytest.approx(0), "base": pytest.approx(100)}
    whole = [torch.ones(14, 14, dtype=torch.bool), *inside[1:]]  # an object without background does not count
    assert _separation(known, whole, novel)["novel"] == pytest.approx(100)


def test_a_run_is_measured(stepped: Path) -> None:
    found = measure(stepped / "out", ["kite", "stop sign"])
    assert set(found) == {"head", "encoder", "projected"}
    assert all(0 <= value <= 100 for figures in found.values() for value in figures.values())
    assert json.loads((stepped / "out" / FILE).read_text()) == found
