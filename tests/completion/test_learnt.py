"""An overlap with masks that the model learnt from is called so."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.learnt import learnt_classes, words_on
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.trained import training_file
from tests.completion.filled_boxes import QUIET, FilledBoxes


@pytest.fixture
def filled(tmp_path: Path) -> FilledBoxes:
    predictor = FilledBoxes(tmp_path / "model")
    predictor.training_file, predictor.base = tmp_path / "train.json", ("dog",)
    predictor.training_file.write_text("{}")
    return predictor


def test_the_training_file_is_known_by_place_and_by_content(filled: FilledBoxes, tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_text("{}")
    (tmp_path / "val.json").write_text("[]")
    for name in ("train.json", "copy.json"):
        assert learnt_classes(filled, tmp_path / name, ["dog", "kite"]) == ["dog"]
    assert learnt_classes(filled, tmp_path / "val.json", ["dog"]) is None
    filled.training_file.unlink()
    assert learnt_classes(filled, tmp_path / "copy.json", ["dog"]) is None
    filled.base = None  # every class that has masks
    assert learnt_classes(filled, tmp_path / "train.json", ["dog", "kite"]) == ["dog", "kite"]
    filled.training_file = None
    assert learnt_classes(filled, tmp_path / "train.json", ["dog"]) is None


def test_words() -> None:
    assert "if the model was not trained on val.json" in words_on(None, "val.json")
    assert "trained on train.json and learnt from these masks (dog, kite)" in words_on(["dog", "kite"], "train.json")
    assert "(a, b, c, d, e, f and 2 more)" in words_on(list("abcdefgh"), "train.json")
    assert words_on([], "train.json") is None  # held out


@pytest.mark.parametrize("settings", [{}, {"data": None}, {"data": {"root": None, "train_annotations": "a.json"}}])
def test_settings_that_do_not_say(settings: dict) -> None:
    assert training_file(settings) is None


def test_a_checkpoint_knows_what_it_learnt_from(model: Path, tmp_path: Path) -> None:
    file = model.parents[2] / "data" / "annotations" / "train.json"
    predictor = Predictor(model, device="cpu")
    assert predictor.training_file == file
    options = CompletionOptions(file, model.parents[2] / "data" / "train", tmp_path / "out.json")
    summary = complete(options, predictor, QUIET)
    assert summary["check_learnt"] == [name for name in predictor.base if name in summary["check"]] != []
