"""What all tests share: one thread each where they run side by side, and a trained run for those that only read one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # `pytest -n 2`: or torch's threads stand in each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny data set (``data``) and the run of one training step on it (``out``); nothing evaluated."""
    from tests.tiny_run import run_train, tiny_data

    root = tmp_path_factory.mktemp("stepped")
    run_train(root / "out", *tiny_data(root / "data"), "trainer.max_steps=1", "evaluate_after=false")
    return root


@pytest.fixture(scope="session")
def stepped_checkpoint(stepped: Path) -> Path:
    """Its checkpoint; the data set lies at ``stepped_checkpoint.parents[2] / "data"``."""
    return stepped / "out" / "checkpoints" / "last.ckpt"
