"""Names of classes are the user's text: shown as they are in every table."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from contrastmask.check import main
from contrastmask.evaluation.slices import METRICS
from contrastmask.evaluation.tables import GIVEN_COLUMNS, format_tables
from contrastmask.programs.predict import _scores, _table
from contrastmask.training.loggers import log_table
from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import tiny_data

NAMES = ("car [front]", "dog [/x]", "[unk]", "[bold]x[/bold]", ":cat:", "a\\[b]", "[link=x]y", "cup | glass")


def shown(*tables: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    for table in tables:
        console.print(table)
    return console.file.getvalue()


def test_tables_of_results_and_of_a_completion() -> None:
    figures = {"AP": 1.0, "AP50": 2.0}
    row = {"group": "base", "images": 1, "objects": 2, "mask": figures, "box": figures, "AP": 1.0, "AP50": 1.0,
           "IoU": 50.0, "filled_box_IoU": 40.0, "boundary_IoU": 30.0, "IoU_quartiles": [1, 2, 3],
           "rank_correlation": None, "without_mask": 1, "completed": 1, "below": 0, "confidence": 0.5}  # fmt: skip
    rows = dict.fromkeys(NAMES, row)
    group = dict.fromkeys((*METRICS, "classes"), 1.0) | row
    groups = dict.fromkeys(("base", "novel", "all"), group)
    results = {"mask": groups, "box": groups, "images": {"evaluated": 1, "of": 1}, "per_class": rows,
               "given_boxes": groups | {"per_class": rows}}  # fmt: skip
    said = shown(*format_tables(results))
    assert all(said.count(name) == 2 for name in NAMES), said
    said = shown(_table({"per_class": rows}), _scores("check", rows))
    assert all(said.count(name) == 2 for name in NAMES), said


def test_a_group_without_figures_has_the_reason_below_the_table() -> None:
    row = {"group": "base", "images": 1, "objects": 2} | dict.fromkeys((*GIVEN_COLUMNS[1:], *METRICS), 1.0)
    none = dict.fromkeys(row) | {"objects": 0}
    groups = {"base": row, "novel": none, "all": row}
    mask = {"AP": 1.0, "AP50": 1.0}
    for classes, said in (
        (
            {"cat": row, "dog": row | {"group": "novel", "objects": 0}},
            "the validation file has no masks of these classes",
        ),
        ({"cat": row}, "no class is novel"),
    ):
        classes = {name: entry | {"mask": mask} for name, entry in classes.items()}
        results = {"mask": groups, "images": {"evaluated": 1, "of": 1}, "per_class": classes}
        for part in (results, {"given_boxes": groups | {"per_class": classes}}):
            assert shown(*format_tables(part)).count(f"novel: {said}") == 1


def test_checks_table(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    for side, seed, n in (("train", 1, 4), ("val", 2, 3)):
        tiny = write_tiny_coco(tmp_path, n_images=n, seed=seed, name=side)
        renamed = [c | {"name": name} for c, name in zip(tiny.content["categories"], NAMES, strict=False)]
        tiny.rewrite(tiny.content | {"categories": renamed})
    assert main([*data, "split=all", "split.name='[/odd]'", "--no-images"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in (*NAMES[:5], "split [/odd]"))


def test_tensorboards_table(tmp_path: Path) -> None:
    loggers = pytest.importorskip("pytorch_lightning.loggers")
    pytest.importorskip("tensorboard")
    logger, texts = loggers.TensorBoardLogger(tmp_path), []
    logger.experiment.add_text = lambda name, text, step: texts.append(text)
    log_table([logger], "val/per_class", ["class", "AP"], [["cup | <b>\nglass", 1.0]], 0)
    assert texts[0].splitlines()[2] == r"| cup \| \<b\> glass | 1.0 |"
