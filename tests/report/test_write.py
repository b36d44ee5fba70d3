"""The report: figures, differences, groups over seeds, gaps, and a real browser where there is one."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from contrastmask.errors import DataError
from contrastmask.report.runs import read_columns
from contrastmask.report.write import main, write_report


def write_run(folder: Path, ap: float, seed: int = 0, width: int = 8) -> Path:
    group = {"AP": ap, "AP50": 2 * ap, "AP75": None}
    kind = {"base": group, "novel": group, "all": group}
    classes = {
        "cat": {"group": "base", "objects": 3, "mask": {"AP": 10.0}},
        "<dog>": {"group": "novel", "objects": 2, "mask": {"AP": 40.0}},
    }
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps({"mask": kind, "box": kind, "per_class": classes}))
    (folder / "resolved.yaml").write_text(f"seed: {seed}\nrun_name: r-seed{seed}\nmodel:\n  width: {width}\n")
    (folder / "csv").mkdir()
    (folder / "csv" / "metrics.csv").write_text("step,train/loss,val/mask/novel/AP\n9,2.5,\n9,,1.0\n19,1.5,2.0\n")
    return folder


def write_gallery_of(folder: Path) -> bytes:
    (folder / "gallery").mkdir()
    Image.new("RGB", (4, 4), "red").save(folder / "gallery" / "0.png")
    item = {"kind": "best", "iou": 0.75, "class": "cat", "image_id": 7, "score": 0.5, "files": {"truth": "0.png"}}
    content = {"classes": "novel", "found": 1, "missed": 2, "objects": [item]}
    (folder / "gallery" / "gallery.json").write_text(json.dumps(content))
    return base64.b64encode((folder / "gallery" / "0.png").read_bytes())


def test_two_runs_beside_each_other(tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "a", 20.0), write_run(tmp_path / "b", 25.5, width=9)
    picture = write_gallery_of(first)
    text = write_report([first, second], tmp_path / "r.html").read_text()
    assert "<b>25.5</b><small>+5.5</small>" in text
    assert "<b>20.0</b>" not in text
    assert picture.decode() in text
    assert "IoU 75 %" in text
    assert text.index("&lt;dog&gt;") < text.index(">cat<")  # highest first
    assert "<dog>" not in text
    assert "model.width" in text
    assert "train/loss" in text
    assert f"{second}: no gallery" in text
    assert "http" not in text  # nothing is loaded


def test_a_sweep_is_a_column_a_configuration(tmp_path: Path) -> None:
    for job, (ap, seed, width) in enumerate([(20.0, 0, 8), (22.0, 1, 8), (30.0, 0, 9)]):
        write_run(tmp_path / "sweep" / str(job), ap, seed, width)
    columns = read_columns([tmp_path / "sweep"])
    assert [len(column.runs) for column in columns] == [2, 1]
    assert columns[0].figure("mask", "novel", "AP") == (21.0, pytest.approx(2**0.5))
    assert "21.0 ± 1.4" in write_report([tmp_path / "sweep"], tmp_path / "r.html").read_text()


def test_gaps_are_told_and_nothing_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "a", 20.0)
    (run / "results.json").unlink()
    shutil.rmtree(run / "csv")
    (run / "wandb").mkdir()
    text = write_report([run], tmp_path / "r.html").read_text()
    assert "the run was not evaluated" in text
    assert "recorded by wandb" in text
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty"), "-o", str(tmp_path / "no.html")]) == 1
    assert "holds neither a run" in capsys.readouterr().err
    assert not (tmp_path / "no.html").exists()
    (run / "results.json").write_text("{")
    with pytest.raises(DataError, match=r"results\.json"):
        read_columns([run])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
def test_a_browser_shows_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    report = write_report([run], tmp_path / "r.html")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += ["--window-size=500,900", f"--screenshot={tmp_path}/shot.png", report.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with Image.open(tmp_path / "shot.png") as shot:
        assert shot.width == 500
        assert len(shot.convert("RGB").getcolors(1 << 20)) > 10
