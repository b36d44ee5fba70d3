"""What a file tells of itself, and files that tell something else."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from contrastmask.errors import CheckpointError
from contrastmask.runtime.schema import CROPS, MASKS, About, read_about

PATH = Path("model.onnx")
ABOUT = About(CROPS, "0.1.0", [{"id": 1, "name": "cat"}], [123.0, 117.0, 104.0], side=128, context=0.1)


def test_there_and_back() -> None:
    assert read_about(ABOUT.to_json(), PATH) == ABOUT
    assert read_about(json.dumps({**asdict(ABOUT), "later": 1}), PATH) == ABOUT  # what is new does no harm


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "is of format 2"),
        ({"kind": "classifier"}, "wrong kind"),
        ({"side": -1}, "wrong side"),
        ({"side": "128"}, "wrong side"),
        ({"mean": [1, 2]}, "wrong mean"),
        ({"categories": [{"id": 1}]}, "wrong categories"),
        ({"categories": None}, "wrong categories"),
        ({"context": None}, "wrong context"),
        ({"kind": MASKS}, "wrong short_side, long_side, divisor"),
    ],
)
def test_another_form_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        read_about(json.dumps({**asdict(ABOUT), **change}), PATH)


@pytest.mark.parametrize("text", [None, "", "[]", "{", "{}"])
def test_no_description(text: str | None) -> None:
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        read_about(text, PATH)
