"""The study's figures and page, of runs whose figures are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from contrastmask.conf_folder import CONF
from contrastmask.errors import DataError
from contrastmask.study import cam_truth
from contrastmask.study.figures import table_figures
from contrastmask.study.plan import load_table
from contrastmask.study.report import draw_again, write_report
from contrastmask.study.separation import FILE
from tests.study.runs import TABLE, write_runs


def test_groups_are_those_of_the_direction_for_the_oracle_too(tmp_path: Path) -> None:
    write_runs(tmp_path)
    found = table_figures(TABLE, tmp_path)
    assert list(found) == ["voc_nonvoc", "nonvoc_voc"]
    oracle = found["voc_nonvoc"]["oracle"][0]
    assert oracle["novel"]["given-box IoU"] == pytest.approx((3 * 80 + 84) / 4)  # over objects: cup thrice, donut once
    assert oracle["novel"]["mask AP"] == pytest.approx((80 + 84) / 2)  # over classes
    assert found["nonvoc_voc"]["oracle"][0]["base"] == oracle["novel"]
    assert oracle["seconds"] == 10.0


def test_page(tmp_path: Path) -> None:
    write_runs(tmp_path / "runs")
    measured = tmp_path / "runs" / "voc_nonvoc" / "full" / "seed0" / FILE
    measured.write_text(json.dumps({"head": {"novel": 61.0, "base": 72.0}}))
    row = {"inside": 40.0, "foreground": 20.0, "background": 50.0, "auc": 30.0}
    cams = {"cup": {"objects": 3, **row}, "donut": {"objects": 1, **row, "foreground": 60.0, "auc": None}}
    measured.with_name(cam_truth.FILE).write_text(json.dumps(cams))
    page = write_report("tiny", TABLE, tmp_path / "runs", tmp_path / "docs").read_text()
    assert "| full | 40.0 | – | 30.0 | – | 50.0 | – | 30.0 | – |" in page  # foreground: cup thrice, donut once
    assert "| full | 61.0 | 72.0 | – | – | – | – |" in page
    # three seeds: differences 4.0, 4.1, 4.2, whose interval is 4.303 * 0.1 / sqrt(3)
    assert "| full − baseline | given-box IoU | 4.1 ± 0.2 | 0.000 | 0.250 | 3 |" in page
    together = page.split("## All directions together")[1]
    # six pairs, 4.0, 4.1, 4.2 twice: 2.571 * 0.0894 / sqrt(6)
    assert "| full − baseline | given-box IoU | 4.1 ± 0.1 | 0.000 | 0.031 | 6 |" in together
    assert "| filled box | 30.0 |" in page
    assert "| oracle | 82.0 ± 2.5 |" in page
    assert json.loads((tmp_path / "docs" / "tiny.json").read_text())["voc_nonvoc"]["full"]["2"]["seconds"] == 10.0
    for split in TABLE.splits:
        with Image.open(tmp_path / "docs" / f"tiny-{split}.png") as picture:
            assert picture.width > 800


def texts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every text of the plots that are saved from here on, a list a plot."""
    kept: list[list[str]] = []

    def keep(figure: Figure, path: Path) -> None:
        figure.draw_without_rendering()
        kept.append([text.get_text() for text in figure.findobj(Text) if text.get_text()])

    monkeypatch.setattr("contrastmask.study.plots.save_figure", keep)
    return kept


def test_plots_say_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = replace(TABLE, variants=("full",), splits=("voc_nonvoc",), points={"50": ["a=1"], "1858": []},
                    axis="masks in training", title="How many masks")  # fmt: skip
    write_runs(tmp_path / "runs", table)
    kept = texts(monkeypatch)
    write_report("tiny", table, tmp_path / "runs", tmp_path / "docs")
    assert kept[0].count("masks in training") == 3  # below each panel
    for text in ("How many masks (novel: all but VOC's classes)", "novel classes", "base classes", "1,858",
                 "IoU in given boxes, percent"):  # fmt: skip
        assert text in kept[0]
    assert draw_again("tiny", table, tmp_path / "docs") == [tmp_path / "docs" / "tiny-voc_nonvoc.png"]
    assert kept[1] == kept[0]
    with pytest.raises(DataError, match=r"gone\.json cannot be read"):
        draw_again("gone", table, tmp_path / "docs")


def test_no_text_of_the_widest_plot_is_cut_or_covers_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr("contrastmask.study.plots.save_figure", lambda figure, path: kept.append(figure))
    docs = Path(__file__).parents[2] / "docs" / "study"
    draw_again("many_four", load_table("many_four"), docs)
    (figure,) = kept
    figure.draw_without_rendering()
    parts = [*(axis.xaxis.label for axis in figure.axes), *figure.legends, figure._suptitle]
    places = [part.get_window_extent() for part in parts]
    for i, place in enumerate(places):
        assert place.x0 >= 0
        assert place.x1 <= figure.bbox.x1
        assert not any(place.overlaps(other) for other in places[:i])


def test_every_table_names_its_plots_and_their_axis() -> None:
    for path in (CONF / "study").glob("*.yaml"):
        table = load_table(path.stem)
        assert table.title, path
        assert bool(table.axis) == bool(table.points), path


def test_what_is_not_finished_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        write_report("tiny", TABLE, tmp_path / "runs", tmp_path / "docs")
    write_runs(tmp_path / "runs")
    for run in TABLE.runs():
        if run.variant == "full" and run.seed:
            (run.folder(tmp_path / "runs") / "results.json").unlink()
    page = write_report("tiny", TABLE, tmp_path / "runs", tmp_path / "docs").read_text()
    assert "Not finished: full 1 seeds." in page
    assert "| full − baseline | given-box IoU | 4.0 | – | – | 1 |" in page


def test_what_all_runs_start_from_is_said(tmp_path: Path) -> None:
    table = replace(TABLE, start="detector")
    write_runs(tmp_path / "runs", table)
    page = write_report("tiny", table, tmp_path / "runs", tmp_path / "docs").read_text()
    assert "one training, `experiment=[study/shapes,study/detector] seed=0`" in page
    assert "All start from" not in write_report("tiny", TABLE, tmp_path / "runs", tmp_path / "docs").read_text()


def test_a_curve_shares_the_plain_runs_and_compares_at_each_point(tmp_path: Path) -> None:
    points = {"1": ["split.base=[boat]"], "2": []}
    table = replace(TABLE, variants=("baseline", "full"), splits=("voc_nonvoc",), points=points)
    assert table.names() == {
        "baseline@1": "baseline@1", "full@1": "full@1", "baseline@2": "baseline", "full@2": "full",
    }  # fmt: skip
    shared = set(table.runs()) & set(TABLE.runs())
    assert {run.variant for run in shared} == {"baseline", "full"}
    assert all("split.base=[boat]" in run.overrides for run in set(table.runs()) - shared)
    write_runs(tmp_path / "runs", table)
    page = write_report("tiny", table, tmp_path / "runs", tmp_path / "docs").read_text()
    for point in points:
        assert f"| full@{point} − baseline@{point} | given-box IoU | 4.1 ± 0.2 | 0.000 | 0.250 | 3 |" in page
    assert "full@1 − baseline@2" not in page
    with Image.open(tmp_path / "docs" / "tiny-voc_nonvoc.png") as picture:
        assert picture.width > 800
