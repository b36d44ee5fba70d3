"""One trained model for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_run import run_train, tiny_data


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of one step; its data set lies at ``model.parents[2] / "data"``."""
    root = tmp_path_factory.mktemp("completion")
    run_train(root / "out", *tiny_data(root / "data"), "trainer.max_steps=1", "evaluate_after=false")
    return root / "out" / "checkpoints" / "last.ckpt"
