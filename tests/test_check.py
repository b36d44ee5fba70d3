"""``python -m contrastmask.check``: what training would meet, without training."""

from __future__ import annotations

import pytest

from contrastmask.check import main
from tests.tiny_run import tiny_data


def test_good_data_are_ready(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([*tiny_data(tmp_path, missing_masks=["kite"]), "split=as_annotated"]) == 0
    said = capsys.readouterr().out
    assert "ready to train" in said
    assert "kite" in said
    assert "novel" in said


def test_bad_images_are_listed_and_make_the_status(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    (tmp_path / "train" / "000100.png").write_bytes(b"<html>")
    (tmp_path / "val" / "000107.png").unlink()
    assert main([*data]) == 1
    said = capsys.readouterr().out
    assert "000100.png" in said
    assert f"{tmp_path}/val/000107.png: the image file does not exist\n" in said
    assert "2 image files" in said
    assert main([*data, "data.on_bad=skip"]) == 0
    assert main([*data, "--no-images"]) == 0


def test_missing_data_say_the_layout(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([f"data.root={tmp_path}/nowhere"]) == 1
    assert "instances_train2017.json" in capsys.readouterr().out
