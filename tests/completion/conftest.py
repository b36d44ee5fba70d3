"""One trained model for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model(stepped_checkpoint: Path) -> Path:
    """A checkpoint of one step; its data set lies at ``model.parents[2] / "data"``."""
    return stepped_checkpoint
