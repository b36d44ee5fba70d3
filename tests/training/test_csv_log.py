"""Figures of a resumed run stand after those of its first part."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from contrastmask.training.csv_log import KeptCSVLogger


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "csv" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def log(folder: Path, *records: tuple[int, dict[str, float]]) -> KeptCSVLogger:
    logger = KeptCSVLogger(folder, name="csv", version="")
    for step, figures in records:
        logger.log_metrics(figures, step)
    logger.save()
    return logger


def test_earlier_rows_stay(tmp_path: Path) -> None:
    log(tmp_path, (0, {"a": 1.0}), (1, {"a": 2.0}))
    log(tmp_path, (2, {"a": 3.0}), (3, {"b": 4.0}))
    found = rows(tmp_path)
    assert [row["step"] for row in found] == ["0", "1", "2", "3"]
    assert [row["a"] for row in found] == ["1.0", "2.0", "3.0", ""]
    assert found[3]["b"] == "4.0"


def test_a_line_cut_off_by_a_kill_stays_a_line_of_its_own(tmp_path: Path) -> None:
    log(tmp_path, (0, {"a": 1.0}))
    path = tmp_path / "csv" / "metrics.csv"
    path.write_text(path.read_text() + "2.0")
    log(tmp_path, (2, {"a": 3.0}))
    assert [row["a"] for row in rows(tmp_path)] == ["1.0", "2.0", "3.0"]


def test_a_full_disk_costs_the_figures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = log(tmp_path, (0, {"a": 1.0}))

    def full() -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(logger.experiment, "save", full)
        logger.log_metrics({"a": 2.0}, 1)
        logger.save()
        assert caplog.text.count("No space left") == 1
        logger.log_metrics({"a": 2.5}, 1)
        logger.save()
        assert caplog.text.count("No space left") == 1  # told once
    logger.log_metrics({"a": 3.0}, 2)
    logger.save()
    assert [row["a"] for row in rows(tmp_path)] == ["1.0", "3.0"]
