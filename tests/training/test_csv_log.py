"""Figures of a resumed run stand after those of its first part."""

from __future__ import annotations

import csv
import os
import resource
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


@pytest.mark.parametrize("later", ["a", "b"])  # a row behind the others, or a longer header
def test_a_full_disk_costs_nothing_that_was_there(
    later: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = log(tmp_path, (0, {"a": 1.0}))
    before = (tmp_path / "csv" / "metrics.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(logger.experiment, "_append", full)
        patch.setattr(os, "fsync", full)
        for value in (2.0, 2.5):
            logger.log_metrics({later: value}, 1)
            logger.save()
            assert caplog.text.count("No space left") == 1  # told once
        assert (tmp_path / "csv" / "metrics.csv").read_bytes() == before
    logger.log_metrics({"a": 3.0}, 2)
    logger.save()
    assert [row["step"] for row in rows(tmp_path)] == ["0", "1", "1", "2"], "with room, what waited is there, too"
    assert [row["a"] for row in rows(tmp_path)][::3] == ["1.0", "3.0"]


def test_a_row_of_which_the_disk_took_a_part_is_no_row(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    del capsys  # what is said goes into memory: the limit is one of every file
    logger = log(tmp_path, (0, {"a": 1.0}))
    path = tmp_path / "csv" / "metrics.csv"
    before, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, limit[1]))
        logger.log_metrics({"a": 2.0}, 1)
        logger.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    logger.save()
    assert [row["a"] for row in rows(tmp_path)] == ["1.0", "2.0"]


def test_a_damaged_file_costs_no_training(tmp_path: Path) -> None:
    log(tmp_path, (0, {"a": 1.0}))
    path = tmp_path / "csv" / "metrics.csv"
    path.write_bytes(path.read_bytes() + b'\xff\x00,1,2,3,4\r\n"')
    log(tmp_path, (1, {"a": 2.0, "b": 1.0}))
    assert rows(tmp_path)[0]["a"] == "1.0"
    assert rows(tmp_path)[-1]["b"] == "1.0"
