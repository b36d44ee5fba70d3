"""Places that cannot be written: results and tables come first, pictures are done without."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from contrastmask.errors import DataError
from contrastmask.training import callbacks
from tests.tiny_run import named_data, run_test


@pytest.fixture(scope="session")
def run(stepped: Path, stepped_checkpoint: Path) -> tuple[str, ...]:
    score = ("model.roi.score=0.0", "model.roi.limit=5")
    return (*named_data(stepped / "data"), f"ckpt_path={stepped_checkpoint}", *score)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("writer", ["save_png", "write_gallery"])
def test_pictures_that_cannot_be_written_cost_no_results(
    writer: str, run: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(callbacks, writer, full)
    run_test(tmp_path, *run)
    assert "No space left on device" in caplog.text
    assert json.loads((tmp_path / "results.json").read_text())["images"]["evaluated"] == 3


def test_results_that_cannot_be_written_are_on_the_screen_and_named(
    run: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "results.json").mkdir(parents=True)  # nothing can take its place
    (tmp_path / "results.json" / "held").touch()
    with pytest.raises(DataError, match=r"results\.json cannot be written"):
        run_test(tmp_path, *run)
    assert "novel" in caplog.text
