"""SIGTERM, Ctrl+C and SIGUSR1 in training, validation and evaluation: saved, and the exit status tells."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from contrastmask.files.interruption import Ended, listening
from contrastmask.programs import commands
from contrastmask.programs.train import test as evaluate
from contrastmask.programs.train import train
from contrastmask.training.module import ContrastMaskModule
from tests.composing import composed
from tests.identical import assert_equal_checkpoints
from tests.tiny_run import PROGRAM, run_train, tiny_data


def signal_at(monkeypatch: pytest.MonkeyPatch, method: str, call: int, signum: int) -> list[int]:
    """Send this process a signal in the middle of the ``call``-th call (from 1) of a step; the count so far."""
    step: Callable = getattr(ContrastMaskModule, method)
    calls = [0]

    def stepped(self: ContrastMaskModule, *args: object) -> object:
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signum)
        return step(self, *args)

    monkeypatch.setattr(ContrastMaskModule, method, stepped)
    return calls


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return (
        *tiny_data(tmp_path_factory.mktemp("data"), n_images=6),
        "data.batch_size=2",
        "schedule.warmup_steps=3",
        "schedule.milestones=[1]",
        "schedule.epochs=2",
        "evaluate_after=false",
        "logger=none",
        "overlays=0",
    )


@pytest.fixture(scope="module")
def undisturbed(data: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """The run folder of a training with these further overrides that nothing cut off: each is run once."""

    @cache
    def run(more: tuple[str, ...]) -> Path:
        run_train(folder := tmp_path_factory.mktemp("whole") / "run", *data, *more)
        return folder

    return run


def ended(signum: int, run: Callable[[], object]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(Ended) as caught, listening():
        run()
    assert caught.value.code == 128 + signum
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))


@pytest.mark.parametrize(
    ("method", "call", "signum", "more"),
    [
        pytest.param("training_step", 1, signal.SIGTERM, (), marks=pytest.mark.slow),  # of four steps an epoch
        ("training_step", 4, signal.SIGINT, ()),
        pytest.param(
            *("training_step", 4, signal.SIGTERM, ("trainer.limit_val_batches=0", "callbacks.best=null")),
            marks=pytest.mark.slow,
        ),
        pytest.param("training_step", 6, signal.SIGTERM, (), marks=pytest.mark.slow),
        ("training_step", 3, signal.SIGTERM, ("trainer.accumulate_grad_batches=2",)),
        ("validation_step", 2, signal.SIGTERM, ()),  # of three
        pytest.param("validation_step", 3, signal.SIGINT, (), marks=pytest.mark.slow),
        ("_judge", 1, signal.SIGTERM, ()),
        pytest.param("_judge", 1, signal.SIGINT, (), marks=pytest.mark.slow),
    ],
)
def test_a_training_that_was_cut_off_goes_on_as_if_it_had_not_been(
    method: str,
    call: int,
    signum: int,
    more: tuple[str, ...],
    data: tuple[str, ...],
    undisturbed: Callable[[tuple[str, ...]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, data = undisturbed(more), (*data, *more)
    with monkeypatch.context() as patch:
        calls = signal_at(patch, method, call, signum)
        ended(signum, lambda: run_train(tmp_path / "cut", *data))
        assert calls[0] == call + bool(more), "it went on"  # a step behind an epoch's end, or a whole one
    assert not (tmp_path / "cut" / "results.json").exists()
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "to go on: " in line)
    start, script, *words = shlex.split(line.partition("to go on: ")[2])
    assert (start, script) == ("python", "train.py")
    train(composed(*words, folder=tmp_path / "on"), tmp_path / "on")
    assert_equal_checkpoints(whole, tmp_path / "on")


@pytest.mark.parametrize("more", [(), pytest.param(("trainer.limit_val_batches=0",), marks=pytest.mark.slow)])
def test_a_training_that_broke_goes_on_from_its_last_epoch(
    more: tuple[str, ...],
    data: tuple[str, ...],
    undisturbed: Callable[[tuple[str, ...]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, data = undisturbed(more), (*data, *more)
    calls, step = [0], ContrastMaskModule.training_step

    def breaks(self: ContrastMaskModule, *args: object) -> object:
        calls[0] += 1
        if calls[0] == 6:
            raise MemoryError
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(ContrastMaskModule, "training_step", breaks)
        with pytest.raises(MemoryError):
            run_train(tmp_path / "cut", *data)
    run_train(tmp_path / "on", *data, f"ckpt_path={tmp_path}/cut/checkpoints/last.ckpt")
    assert_equal_checkpoints(whole, tmp_path / "on")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_evaluation_that_was_cut_off_has_no_results_and_says_so(
    signum: int,
    data: tuple[str, ...],
    undisturbed: Callable[[tuple[str, ...]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = signal_at(monkeypatch, "test_step", 1, signum)
    quiet = (f"hydra.run.dir={tmp_path}/test", "hydra/job_logging=none", "hydra/hydra_logging=none")
    with pytest.raises(SystemExit) as end:
        commands.test([*PROGRAM, *data[:5], f"ckpt_path={undisturbed(())}/checkpoints/last.ckpt", *quiet])
    assert end.value.code == 128 + signum
    assert calls[0] == 1
    assert not (tmp_path / "test" / "results.json").exists()
    said = capsys.readouterr().err
    assert f"{signal.Signals(signum).name}: the evaluation was cut off after 1 images" in said
    assert f"to evaluate: python test.py ckpt_path={undisturbed(())}/checkpoints/last.ckpt data.root=" in said


@pytest.mark.parametrize(("method", "call"), [("test_step", 2), ("training_step", 8)])  # the last of all steps
def test_the_evaluation_that_a_training_was_ended_in_or_before_is_made_by_the_line_it_prints(
    method: str,
    call: int,
    data: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    settings = [*data, "evaluate_after=true", "trainer.limit_val_batches=0", "callbacks.best=null"]
    with monkeypatch.context() as patch:
        signal_at(patch, method, call, signal.SIGINT)
        ended(signal.SIGINT, lambda: run_train(run, *settings))
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert not (run / "results.json").exists()
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "to evaluate: " in line)
    start, script, *words = shlex.split(line.partition("to evaluate: ")[2])
    assert (start, script) == ("python", "test.py")
    assert f"ckpt_path={run}/checkpoints/last.ckpt" in words
    evaluate(composed(*PROGRAM, *words, "logger=none", folder=tmp_path / "on"), tmp_path / "on")
    assert (tmp_path / "on" / "results.json").is_file()


def test_sigusr1_saves_and_goes_on(data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    save = torch.save

    def saved(content: dict, *args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), signal.SIGUSR1) if content["global_step"] == 4 else None  # during a save, too
        steps.append(content["global_step"])
        save(content, *args, **kwargs)

    monkeypatch.setattr(torch, "save", saved)
    signal_at(monkeypatch, "training_step", 2, signal.SIGUSR1)
    with listening():
        run_train(tmp_path / "run", *data, "callbacks=none")
    assert steps == [2, 4, 5, 8, 8]  # Lightning saves after each epoch, the program at the end


def test_a_second_ctrl_c_ends_at_once(data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ContrastMaskModule.training_step

    def impatient(self: ContrastMaskModule, *args: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return step(self, *args)

    monkeypatch.setattr(ContrastMaskModule, "training_step", impatient)
    ended(signal.SIGINT, lambda: run_train(tmp_path / "run", *data))
    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
