"""Going on with a training: the same run, or a sentence that says what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contrastmask.errors import CheckpointError
from tests.tiny_run import NO_CHECKPOINTS, run_train, tiny_data

OWN = "split.base=[cat]"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("first")
    data = tiny_data(folder / "data")
    run_train(folder / "run", *data, "trainer.max_epochs=1", "callbacks=none", "logger=none", "evaluate_after=false")
    return folder / "run" / "checkpoints" / "last.ckpt", data


def resume(first: tuple[Path, tuple[str, ...]], folder: Path, *overrides: str) -> None:
    checkpoint, data = first
    short = ("callbacks=none", "logger=none", "evaluate_after=false", "trainer.max_epochs=2")
    run_train(folder, *data, *short, f"ckpt_path={checkpoint}", *overrides)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("backbone.depth=101", r"backbone.depth is 50 there and 101 here"),
        ("model.fpn_channels=24", r"model.fpn_channels is 16 there and 24 here"),
        ("mask_head=fcn", r"model.mask_head.kind is 'hourglass' there and 'fcn' here"),
        ("schedule.optimizer=sgd", r"schedule.optimizer is 'adamw' there and 'sgd' here"),
        ("split=nonvoc_voc", r"had no masks there and would have masks here"),
        ("loss=paper", r"loss.formula is 'released' there and 'paper' here.*resume_changed=\[loss\]"),
    ],
)
def test_another_run_is_named(first: tuple, tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        resume(first, tmp_path / "run", override)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_classes_in_another_order(first: tuple, tmp_path: Path) -> None:
    _, data = first
    root = Path(data[0].removeprefix("data.root="))
    for name in ("train", "val"):
        path = root / "annotations" / f"{name}.json"
        content = json.loads(path.read_text())
        swapped = [dict(c) for c in content["categories"]]
        swapped[0]["name"], swapped[1]["name"] = swapped[1]["name"], swapped[0]["name"]
        (root / "annotations" / f"{name}-swapped.json").write_text(json.dumps({**content, "categories": swapped}))
    overrides = [f"data.{name}_annotations=annotations/{name}-swapped.json" for name in ("train", "val")]
    with pytest.raises(CheckpointError, match="the classes are in another order"):
        resume(first, tmp_path / "run", *overrides)


def test_told_so_it_goes_on(first: tuple, tmp_path: Path) -> None:
    resume(first, tmp_path / "run", "split=nonvoc_voc", "resume_changed=[split]")
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()


def test_a_rate_that_is_not_used_is_said(first: tuple, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    resume(first, tmp_path / "run", "schedule.lr=0.5")
    assert "of the resumed training; schedule.lr=0.5" in caplog.text
    assert "is not used" in caplog.text


def test_a_warm_up_that_does_not_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = tiny_data(tmp_path / "data")
    caplog.set_level("INFO")
    short = ("callbacks=none", "logger=none", "evaluate_after=false", "trainer.max_epochs=1", NO_CHECKPOINTS)
    run_train(tmp_path / "a", *data, *short, "schedule.warmup_steps=500")
    assert "the warm-up takes 500 steps and the training has 2" in caplog.text
    caplog.clear()
    run_train(tmp_path / "b", *data, *short, "schedule.warmup_steps=500", "schedule.shorten_warmup=true")
    assert "the warm-up is shortened from 500 to 1 of 2 steps" in caplog.text
