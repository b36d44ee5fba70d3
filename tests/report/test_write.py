"""The report: figures, differences, groups over seeds, gaps, and a real browser where there is one."""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from contrastmask.errors import ConfigError
from contrastmask.report.charts import line_chart
from contrastmask.report.columns import read_columns
from contrastmask.report.sections import reliability
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


def test_a_group_without_figures_has_the_reason(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    results = json.loads((run / "results.json").read_text())
    lacking = dict.fromkeys(("AP", "AP50", "AP75"))
    results |= {"mask": results["mask"] | {"novel": lacking}, "box": results["box"] | {"novel": lacking}}
    (run / "results.json").write_text(json.dumps(results))
    text = write_report([run], tmp_path / "r.html").read_text()
    for what in ("masks", "objects"):
        assert f'colspan="3">– the validation file has no {what} of novel classes to judge by</td>' in text
    (run / "data.json").write_text('{"split": {"base": ["cat"], "novel": []}}')
    assert "no class is novel" in write_report([run], tmp_path / "r.html").read_text()


def test_the_step_axis_ends_where_the_curves_do() -> None:
    chart = line_chart("loss", [("a", "red", [(10.0, 1.0), (420.0, 0.2)])])
    assert [text for _, text in chart.x_ticks] == ["0", "200", "400"]
    assert chart.curves[0][2][-1][0] == chart.right


def test_what_score_means_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    write_gallery_of(run)
    text = write_report([run], tmp_path / "r.html").read_text()
    assert "cat: IoU 75 %, score 0.50" in text
    assert "<i>Score</i> is the detection" in text
    with (run / "resolved.yaml").open("a") as file:
        file.write("mask_branch:\n  kind: crop\n")
    text = write_report([run], tmp_path / "r.html").read_text()
    assert "cat: IoU 75 %, confidence 0.50" in text
    assert "<i>Confidence</i> is the IoU that the mask itself expects" in text
    assert "box IoU of at least" not in text


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


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content as a disk, a crash or a careless hand might leave it."""
    cut, end = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    odd = rng.choice([b"", b"\x00", b"\xff\xfe", b"null", b"-1e999", b"[]", b'"a"', b"{}", b"NaN", b"true", b"9" * 400])
    return rng.choice([content[:cut], content[cut:], content[:cut] + odd + content[end:], odd])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_damaged_is_said_and_the_rest_shown(tmp_path: Path, seed: int) -> None:
    run = write_run(tmp_path / "a", 20.0)
    write_gallery_of(run)
    (run / "versions.json").write_text(
        '{"packages": {"torch": "2.11"}, "git": "0123", "gpus": ["H100"], "platform": "x"}'
    )
    (run / "data.json").write_text('{"train": {"images_used": 3, "base": {"objects": 4, "with_mask": 2}}}')
    rng = random.Random(seed)
    files = sorted(p for p in run.rglob("*") if p.is_file())
    for _ in range(60):
        path = rng.choice(files)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        text = write_report([run], tmp_path / "r.html").read_text()
        assert "What was run" in text
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "name", ["results.json", "versions.json", "data.json", "gallery/gallery.json", "resolved.yaml"]
)
@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe\x00", b""])
def test_a_file_that_cannot_be_read_is_a_gap(tmp_path: Path, name: str, content: bytes) -> None:
    run = write_run(tmp_path / "a", 20.0)
    write_gallery_of(run)
    (run / name).write_bytes(content)
    text = write_report([run], tmp_path / "r.html").read_text()
    assert re.search(rf"{re.escape(name)} (cannot be read|holds no object)[^<]* left out", text)


def test_wrong_places_are_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    results = json.loads((run / "results.json").read_text())
    results["mask"]["novel"]["AP"] = "high"
    results["per_class"]["cat"] = 7
    (run / "results.json").write_text(json.dumps(results))
    with (run / "csv" / "metrics.csv").open("a") as file:
        file.write("29,word,\n")
    text = write_report([run], tmp_path / "r.html").read_text()
    assert "results.json is damaged, left out of it: mask.novel.AP, per_class.cat" in text
    assert "1 damaged lines are left out" in text
    assert "<b>" not in text
    assert ">20.0<" in text  # the other groups


def test_a_gallery_shows_only_its_own_pictures(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    picture = write_gallery_of(run)
    secret = tmp_path / "secret.png"
    Image.new("RGB", (5, 5), "blue").save(secret)
    (run / "gallery" / "link.png").symlink_to(secret)
    (run / "gallery" / "text.png").write_text("no picture")
    content = json.loads((run / "gallery" / "gallery.json").read_text())
    names = ["0.png", "../../secret.png", str(secret), "link.png", "text.png", "gone.png", "", "..\\secret.png", "a\0b"]
    item = content["objects"][0]
    content["objects"] = [{**item, "files": {"truth": name}} for name in names]
    (run / "gallery" / "gallery.json").write_text(json.dumps(content))
    text = write_report([run], tmp_path / "r.html").read_text()
    assert text.count("data:image/png") == text.count(picture.decode()) == 1
    assert text.count("not a picture of this gallery") == len(names) - 1


def test_every_text_of_a_run_is_escaped(tmp_path: Path) -> None:
    bad = "</title><script>alert(1)</script>"
    run = write_run(tmp_path / "a", 20.0)
    (run / "resolved.yaml").write_text(json.dumps({"run_name": bad, "notes": bad, "split": {"name": bad}, bad: bad}))
    (run / "csv" / "metrics.csv").write_text(f"step,train/loss{bad}\n1,2\n2,3\n")
    (run / "versions.json").write_text(json.dumps({"platform": bad, "git": bad, "gpus": [bad]}))
    results = json.loads((run / "results.json").read_text())
    results["per_class"] = {bad: {"group": f'base"{bad}', "objects": 3, "mask": {"AP": 10.0}}}
    (run / "results.json").write_text(json.dumps(results))
    write_gallery_of(run)
    gallery = (run / "gallery" / "gallery.json").read_text().replace('"cat"', json.dumps(bad))
    (run / "gallery" / "gallery.json").write_text(gallery.replace('"novel"', json.dumps(bad)))
    text = write_report([run], tmp_path / "r.html").read_text()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 10
    assert bad not in text


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


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
def test_no_figure_is_cut_on_a_common_screen(tmp_path: Path) -> None:
    group = dict.fromkeys(("IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50"), 77.3)
    for seed in range(2):
        run = write_run(tmp_path / "sweep" / str(seed), 20.0 + seed, seed)
        results = json.loads((run / "results.json").read_text())
        given = {side: {name: value + seed for name, value in group.items()} for side in ("base", "novel", "all")}
        (run / "results.json").write_text(json.dumps({**results, "given_boxes": given}))
        config = (run / "resolved.yaml").read_text()
        (run / "resolved.yaml").write_text(config.replace("r-seed", "as_annotated-r18-complete-contrastmask-seed"))
    report = write_report([tmp_path / "sweep"] * 2, tmp_path / "r.html")
    beyond = "[...document.querySelectorAll('.wide')].map(e => e.scrollWidth - e.clientWidth).join(' ')"
    report.write_text(report.read_text() + f"<script>document.title = {beyond}</script>")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += ["--window-size=1200,900", "--dump-dom", report.as_uri()]
    page = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout
    assert "77.8 ± 0.7" in page
    assert re.findall("<title>(.*)</title>", page)[0] == "0 0 0 0"  # the charts have titles, too


def test_of_a_test_no_curves_are_missed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", 20.0)
    shutil.rmtree(run / "csv")
    (run / "test.log").touch()
    assert "no curves" not in write_report([run], tmp_path / "r.html").read_text()
    (run / "train.log").touch()  # a training, tested in its own folder
    assert "no curves" in write_report([run], tmp_path / "r.html").read_text()


def test_a_crop_branch_shows_what_its_confidence_is_worth(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    folder.mkdir()
    rows = [{"objects": 4, "said": 0.5, "true": 0.25}, {"objects": 9, "said": 0.75, "true": 0.5}]
    group = {"IoU": 70.0, "calibration_error": 25.0, "objects": 13, "reliability": rows}
    content = {"given_boxes": {"novel": group, "base": {**group, "reliability": []}, "per_class": {}}}
    (folder / "results.json").write_text(json.dumps(content))
    columns = read_columns([folder])
    assert not [gap for gap in columns[0].runs[0].gaps if "damaged" in gap]
    (chart,) = reliability(columns)
    assert chart.title == "novel: IoU over confidence, percent"
    (equal, mine) = chart.curves
    # masks that claim half lie in the middle across, and below the line of those that have what they claim
    assert mine[2][0][0] == pytest.approx(sum(x for x, _ in equal[2]) / 2, abs=0.1)
    assert mine[2][0][1] > sum(y for _, y in equal[2]) / 2
    assert len(mine[2]) == 2
    out = tmp_path / "report.html"
    assert main([str(folder), "-o", str(out)]) == 0
    assert "Confidence of masks in given boxes" in out.read_text()


def test_only_a_report_is_replaced(tmp_path: Path) -> None:
    run, other = write_run(tmp_path / "a", 30.0), tmp_path / "train.json"
    other.write_text('{"images": []}')
    with pytest.raises(ConfigError, match=r"train\.json exists and is no report"):
        write_report([run], other)
    assert other.read_text() == '{"images": []}'
    for _ in range(2):
        write_report([run], tmp_path / "report.html")
