"""What of the contrastive encoder reaches the mask head: figures of known maps, and of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from contrastmask.study.branch_reach import FILE, _figures, measure
from contrastmask.study.figures import BRANCH_REACH
from tests.tiny_run import named_data, run_train


def test_what_it_says_of_known_maps() -> None:
    mask = torch.zeros(28, 28, dtype=torch.bool)
    mask[:14] = True
    sharp = torch.stack([mask.float(), (~mask).float()])  # apart by (1, -1), on average (0.5, 0.5)
    blurred = 0.5 + 0.1 * (sharp - 0.5)
    half = mask[::2, ::2].float()
    own = torch.stack([10 * half, torch.zeros(14, 14)])  # 5 either side of its mean
    added = torch.stack([0.5 * half, torch.full((14, 14), 3.0)])
    found = _figures({"encoder": sharp, "enhanced": blurred, "own": own, "added": added}, mask)
    assert found["encoder"] == pytest.approx(2)
    assert found["enhanced"] == pytest.approx(0.2)
    assert found["pattern"] == pytest.approx(0.05)
    assert found["constant"] == pytest.approx(math.hypot(0.25, 3) / 5)
    whole = _figures({"encoder": sharp, "enhanced": sharp, "own": own, "added": added}, torch.ones_like(mask))
    assert math.isnan(whole["encoder"])


def test_a_run_is_measured(stepped: Path, tmp_path: Path) -> None:
    found = measure(stepped / "out")
    assert {"kite", "stop sign"} <= set(found)
    assert all(set(row) == {"objects", *BRANCH_REACH} for row in found.values())
    assert all(0 < row["enhanced"] < row["encoder"] for row in found.values())  # a mean lies between its pixels
    assert json.loads((stepped / "out" / FILE).read_text()) == found
    words = ("model=mask_rcnn", "trainer.max_steps=1", "evaluate_after=false")
    run_train(tmp_path / "plain", *named_data(stepped / "data"), *words)
    assert measure(tmp_path / "plain") == {}
