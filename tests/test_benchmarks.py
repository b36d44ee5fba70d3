"""Every benchmark runs at a tiny size and leaves its table; how long things take is not asserted."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

TINY = {
    "masks": ("size=tiny", "masks=4"),
    "pixel_sets": ("rois=6",),
    "evaluation": ("images=6", "detections=22", "peer_images=3"),
    "inference": ("size=tiny",),
    "data": ("images=20", "objects=60", "root=missing"),
    "completion": ("size=tiny", "boxes=2"),
    "step": ("size=tiny", "positives=6"),
}


def test_every_benchmark_is_tried() -> None:
    folder = Path(__file__).parents[1] / "benchmarks"
    assert {p.stem for p in folder.glob("*.py")} - {"__init__", "harness"} == set(TINY)


@pytest.mark.parametrize("name", TINY)
def test_it_leaves_a_table(name: str, tmp_path: Path) -> None:
    importlib.import_module(f"benchmarks.{name}").main([*TINY[name], f"out={tmp_path}"])
    found = json.loads((tmp_path / f"{name}.json").read_text())
    assert found["header"]["threads"] >= 1
    assert found["rows"]
    for row in found["rows"]:
        assert row.get("same as full pasting", True)
        assert row.get("as many pixels", True)
        assert row.get("figures apart by, percent", 0) < 1e-9


def test_unknown_words_are_named() -> None:
    with pytest.raises(SystemExit, match="rois="):
        importlib.import_module("benchmarks.pixel_sets").main(["roi=3"])
