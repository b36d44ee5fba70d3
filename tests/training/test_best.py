"""The best checkpoint is chosen by the first figure there is; nothing that lacks ends a training."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from contrastmask.check import main as check
from contrastmask.evaluation.watched import WATCHED, explained, first_figure
from contrastmask.training.best import Best
from tests.tiny_run import run_train, tiny_data

NOVEL, ALL, BOX, LOSS = WATCHED


class Saved(SimpleNamespace):
    """As much of a Trainer as Best looks at."""

    def __init__(self, **figures: float) -> None:
        super().__init__(sanity_checking=False, fast_dev_run=False, state=SimpleNamespace(fn="fit"), saved=0)
        self.limit_val_batches, self.check_val_every_n_epoch, self.max_epochs = None, 1, 9
        self.callback_metrics = {name: torch.tensor(value) for name, value in figures.items()}

    def save_checkpoint(self, path: Path) -> None:
        self.saved += 1


def saves(best: Best, *, validation: bool = False, **figures: float) -> bool:
    trainer = Saved(**figures)
    (best.on_validation_end if validation else best.on_train_epoch_end)(trainer, None)
    return trainer.saved == 1


@pytest.mark.parametrize("name", [NOVEL, ALL, BOX])
def test_a_greater_figure_is_better(name: str) -> None:
    best = Best("best.ckpt")
    assert [saves(best, **{name: v}) for v in (0.0, 2.0, 1.0, 2.0, 3.0)] == [True, True, False, False, True]
    assert best.figure == name


def test_a_smaller_loss_is_better_and_waits_for_the_epoch() -> None:
    best = Best("best.ckpt")
    assert not saves(best, validation=True, **{LOSS: 1.0})
    assert [saves(best, **{LOSS: v}) for v in (2.0, 3.0, 1.0)] == [True, False, True]


def test_a_figure_before_it_takes_over_and_one_behind_it_does_not() -> None:
    best = Best("best.ckpt")
    assert saves(best, **{LOSS: 1.0})
    assert saves(best, **{BOX: 0.5, LOSS: 2.0})
    assert saves(best, **{NOVEL: 0.1, BOX: 0.6})
    assert not saves(best, **{BOX: 0.9, LOSS: 0.1})
    assert best.figure == NOVEL


def test_the_loss_is_followed_until_the_first_evaluation(caplog: pytest.LogCaptureFixture) -> None:
    best = Best("best.ckpt")
    with caplog.at_level(logging.INFO, logger="contrastmask"):
        assert saves(best, **{LOSS: 1.0})
        assert saves(best, validation=True, **{ALL: 1.0})
    assert caplog.messages == ["the best checkpoint is chosen by the training loss; no evaluation yet", explained(ALL)]


def test_no_figure_at_all_and_no_number() -> None:
    best = Best("best.ckpt")
    assert not saves(best)
    assert not saves(best, **{NOVEL: math.nan})
    assert saves(best, **{NOVEL: math.nan, ALL: 1.0})
    assert best.figure == ALL


def test_a_resumed_run_knows_what_was_best(tmp_path: Path) -> None:
    best = Best(str(tmp_path / "best.ckpt"))
    assert saves(best, **{ALL: 2.0})
    again = Best(str(tmp_path / "best.ckpt"))
    again.load_state_dict(best.state_dict())
    assert again.figure is None  # the file is not there
    (tmp_path / "best.ckpt").touch()
    again.load_state_dict(best.state_dict())
    assert not saves(again, **{ALL: 1.0})


def test_words() -> None:
    assert first_figure([LOSS, ALL]) == ALL
    assert first_figure([]) is None
    said = "the best checkpoint is chosen by mask AP of all classes; "
    said += "mask AP of the novel classes needs masks of novel classes in the validation file"
    assert explained(ALL) == said
    assert explained(LOSS).endswith("the training loss; box AP of all classes needs objects in the validation file")
    assert explained(ALL, ["mine", ALL]).endswith("; there is no mine")
    assert explained(NOVEL) == "the best checkpoint is chosen by mask AP of the novel classes"


def without(root: Path, keep: Any) -> None:
    path = root / "annotations" / "val.json"
    content = json.loads(path.read_text())
    content["annotations"] = keep(content["annotations"])
    path.write_text(json.dumps(content))


WAYS = {
    "no masks in val": (lambda rows: [{k: v for k, v in r.items() if k != "segmentation"} for r in rows], (), BOX),
    "no annotations in val": (lambda rows: [], (), LOSS),
    "no validation": (lambda rows: rows, ("trainer.limit_val_batches=0",), LOSS),
    "no epoch that is validated": (lambda rows: rows, ("trainer.check_val_every_n_epoch=2",), LOSS),
    "no class to call novel": (lambda rows: rows, ("split=all",), ALL),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_training_ends_and_follows_what_check_foretells(
    tmp_path: Path, way: str, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    data = tiny_data(tmp_path / "data")
    keep, overrides, figure = WAYS[way]
    without(tmp_path / "data", keep)
    run = tmp_path / "run"
    words = [*data, "trainer.max_epochs=1", *overrides]
    assert check([*words, "--no-images"]) == 0
    foretold = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("the best checkpoint"))
    with caplog.at_level(logging.INFO, logger="contrastmask"):
        run_train(run, *words, "callbacks=default", "evaluate_after=false")
    assert foretold.partition("; with experiment=complete")[0] in caplog.messages
    assert (run / "checkpoints" / "last.ckpt").is_file()
    content = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert content["callbacks"]["Best"]["figure"] == figure
