"""Where a mask fails: figures of known probabilities, and of a run, and their picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from contrastmask.study.figures import MASK_TRUTH
from contrastmask.study.mask_truth import FILE, _figures, measure
from contrastmask.study.sheet import write_sheet


def test_what_it_says_of_known_masks() -> None:
    mask = torch.zeros(28, 28, dtype=torch.bool)
    mask[:7] = True
    right = _figures(mask.float(), mask)
    assert right == {"area": 0.25, "predicted area": 0.25, "IoU": 1.0, "best IoU": 1.0, "auc": 1.0}
    shy = _figures(0.4 * mask.float(), mask)  # the right order, the wrong line
    assert shy == {"area": 0.25, "predicted area": 0.0, "IoU": 0.0, "best IoU": 1.0, "auc": 1.0}
    wrong = _figures((~mask).float(), mask)
    assert (wrong["predicted area"], wrong["IoU"], wrong["auc"]) == (0.75, 0.0, 0.0)
    assert wrong["best IoU"] == 0.0
    assert math.isnan(_figures(mask.float(), torch.ones_like(mask))["auc"])


def test_a_run_is_measured_and_shown(stepped: Path, tmp_path: Path) -> None:
    folder = stepped / "out"
    found = measure(folder)
    assert {"kite", "stop sign"} <= set(found)
    assert all(set(row) == {"objects", *MASK_TRUTH} for row in found.values())
    assert all(0 <= value <= 100 for row in found.values() for value in row.values() if value is not None)
    assert json.loads((folder / FILE).read_text()) == found
    write_sheet(tmp_path / "sheet.png", {"full": folder}, ["kite", "stop sign"], columns=3)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width > 300
        colours = picture.convert("RGB").getcolors(1 << 24)
        assert colours is not None
        assert len(colours) > 50
    with pytest.raises(ValueError, match="unicorn"):
        write_sheet(tmp_path / "none.png", {"full": folder}, ["unicorn"])
