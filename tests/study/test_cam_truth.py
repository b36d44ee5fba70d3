"""How right the CAM is: figures of known maps, and of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from contrastmask.study.cam_truth import FILE, _figures, measure
from contrastmask.study.figures import CAM_TRUTH
from contrastmask.study.objects import class_means


def test_what_it_says_of_known_maps() -> None:
    mask = torch.zeros(28, 28, dtype=torch.bool)
    mask[:7] = True
    right = _figures(mask.float(), mask, 0.1)
    assert right == {"inside": 0.25, "foreground": 1.0, "background": 1.0, "auc": 1.0}
    wrong = _figures((~mask).float(), mask, 0.1)
    assert (wrong["foreground"], wrong["background"], wrong["auc"]) == (0.0, 0.0, 0.0)
    flat = _figures(torch.zeros(28, 28), mask, 0.1)  # takes everything for background
    assert math.isnan(flat["foreground"])
    assert (flat["background"], flat["auc"]) == (0.75, 0.5)
    # delta decides which cells count: half of those above 0.6 are in the mask, all of those above 0.9
    cam = torch.full((28, 28), 0.0)
    cam[:7], cam[7:14] = 0.95, 0.7
    assert _figures(cam, mask, 0.1)["foreground"] == 1.0
    assert _figures(cam, mask, 0.4)["foreground"] == 0.5
    full = torch.ones(28, 28, dtype=torch.bool)
    means = class_means({"cup": [right, flat, _figures(mask.float(), full, 0.1)]})["cup"]
    assert means["objects"] == 3
    assert means["foreground"] == pytest.approx(100)  # the flat map has none
    assert means["auc"] == pytest.approx(75)  # an object that fills its box has none
    assert class_means({"cup": [flat]})["cup"]["foreground"] is None


def test_a_run_is_measured(stepped: Path) -> None:
    found = measure(stepped / "out")
    assert {"kite", "stop sign"} <= set(found)
    assert all(set(row) == {"objects", *CAM_TRUTH} for row in found.values())
    assert all(0 <= value <= 100 for row in found.values() for value in row.values() if value is not None)
    assert json.loads((stepped / "out" / FILE).read_text()) == found
