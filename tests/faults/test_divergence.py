"""Numbers that are none: one named error, no checkpoint lost, and the batch that showed it can be run again."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from contrastmask.__main__ import main
from contrastmask.data.batches import dataset
from contrastmask.errors import CheckpointError, DivergedError
from contrastmask.model.detector import Detector
from contrastmask.training.debug import run_again
from contrastmask.training.module import ContrastMaskModule
from tests.tiny_run import run_test, run_train, tiny_data

QUICK = (
    "trainer.num_sanity_val_steps=0",
    "schedule.epochs=2",
    "data.batch_size=2",
    "logger=none",
    "overlays=0",
    "evaluate_after=false",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    run_train(folder, *data, *QUICK)
    return folder / "checkpoints" / "last.ckpt"


def diverged(folder: Path, run: Callable[[], object]) -> tuple[str, Path]:
    """The message, and the file it names."""
    with pytest.raises(DivergedError) as error:
        run()
    said = str(error.value)
    (kept,) = folder.glob("diverged-step*.pt")
    assert f"contrastmask debug {kept}" in said
    assert "learning rate" in said or "evaluation" in said
    assert "schedule.lr" in said
    return said, kept


def weight_at(
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    value: float,
    method: str = "training_step",
    place: str = "fc_cls.weight",
) -> None:
    """Spoil the weights whose name contains ``place`` before the given step of the run, from 1."""
    calls, wrapped = [0], getattr(ContrastMaskModule, method)

    def spoiled(self: ContrastMaskModule, *args: object) -> object:
        calls[0] += 1
        if calls[0] == step:
            with torch.no_grad():
                for name, weight in self.detector.named_parameters():
                    if place in name:
                        weight.view(-1)[0] = value
        return wrapped(self, *args)

    monkeypatch.setattr(ContrastMaskModule, method, spoiled)


@pytest.mark.slow
def test_a_learning_rate_that_is_too_high_ends_by_name(data: tuple[str, ...], tmp_path: Path) -> None:
    words = ("schedule.optimizer=sgd", "schedule.lr=1e12", "schedule.warmup_steps=0", "schedule.epochs=20")
    run = tmp_path / "run"
    said, kept = diverged(run, lambda: run_train(run, *data, *QUICK, *words))
    assert re.search(r"step \d+ of epoch \d+: .*; losses: loss", said)
    assert main(["debug", str(kept)]) == 1
    for checkpoint in (run / "checkpoints").glob("*.ckpt"):
        state = torch.load(checkpoint, weights_only=True)["state_dict"]
        assert all(torch.isfinite(value).all() for value in state.values())


def test_the_step_is_run_again_and_the_part_named(
    data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        weight_at(patch, 3, math.inf)  # of two steps an epoch
        said, kept = diverged(tmp_path, lambda: run_train(tmp_path, *data, *QUICK, "logger=csv"))
    assert "step 2 of epoch 1: the loss is" in said
    assert "loss_cls" in said
    assert list((tmp_path / "checkpoints").glob("*.ckpt")), "what was saved before is there"
    assert main(["debug", str(kept)]) == 1
    printed = capsys.readouterr().out
    assert "weights that are not finite: roi_heads.box_head.fc_cls.weight" in printed
    assert "the first result that is not finite is roi_heads.box_head.fc_cls's" in printed
    assert "losses that are not finite: loss_cls" in printed
    content = torch.load(kept, weights_only=True)
    assert len(content["diverged"]["batch"][0]) == 2


@pytest.mark.slow
def test_the_same_losses_come_again(
    data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A step that was fine, kept: what is run again is that step."""
    forward, seen = Detector.forward, []

    def ends(self: Detector, *args: object, **kwargs: object) -> dict[str, torch.Tensor]:
        losses = forward(self, *args, **kwargs)
        seen.append({name: float(value) for name, value in losses.items()})
        if len(seen) == 4:
            raise FloatingPointError("on purpose")
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(Detector, "forward", ends)
        _, kept = diverged(tmp_path, lambda: run_train(tmp_path, *data, *QUICK))
    lines, fine = run_again(kept)
    assert fine, lines
    assert lines[-1] == "everything is finite this time"
    (now,) = (line for line in lines if line.startswith("now: "))
    assert now == "now: " + ", ".join(f"{name} {value:.4g}" for name, value in seen[-1].items())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boxes", math.nan),
        *(pytest.param(*p, marks=pytest.mark.slow) for p in (("boxes", math.inf), ("image", math.nan))),
    ],
)
def test_a_batch_of_such_numbers_reaches_no_network(
    field: str, value: float, data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    getitem = dataset.CocoDataset.__getitem__

    def spoiled(self: dataset.CocoDataset, key: object) -> object:
        image, target = getitem(self, key)
        if field == "image":
            return torch.full_like(image, value, dtype=torch.float32), target
        target["boxes"][0, 2] = value
        return image, target

    monkeypatch.setattr(dataset.CocoDataset, "__getitem__", spoiled)
    said, kept = diverged(tmp_path, lambda: run_train(tmp_path, *data, *QUICK))
    what = "pixels" if field == "image" else "boxes"
    assert re.search(rf"step 0 of epoch 0: the {what} of image \d+ are not finite", said)
    assert torch.load(kept, weights_only=True)["diverged"]["losses"] == {}


@pytest.mark.parametrize("value", [math.nan, pytest.param(math.inf, marks=pytest.mark.slow)])
def test_weights_that_are_not_finite_replace_no_checkpoint(
    value: float, data: tuple[str, ...], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last step can have a finite loss and gradients that are not."""
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    last.write_bytes(before := trained.read_bytes())
    end = ContrastMaskModule.on_train_epoch_end

    def spoiled(self: ContrastMaskModule) -> None:
        end(self)
        with torch.no_grad():
            self.detector.backbone.body.conv1.weight[0, 0, 0, 0] = value

    monkeypatch.setattr(ContrastMaskModule, "on_train_epoch_end", spoiled)
    words = ("trainer.limit_val_batches=0", "schedule.epochs=3", f"ckpt_path={last}")
    with pytest.raises(DivergedError, match=r"the weights are not finite \(detector.backbone.body.conv1"):
        run_train(tmp_path, *data, *QUICK, *words)
    assert last.read_bytes() == before


@pytest.mark.parametrize(
    "place",
    ["box_head.fc_cls.weight", *(pytest.param(n, marks=pytest.mark.slow) for n in ("rpn", "mask_head", "fc_reg"))],
)
def test_an_evaluation_of_such_weights(
    place: str, data: tuple[str, ...], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight_at(monkeypatch, 2, math.nan, "test_step", place)
    words = (f"ckpt_path={trained}", "model.roi.score=0.0")
    said, kept = diverged(tmp_path, lambda: run_test(tmp_path, *data, *words))
    assert "evaluation" in said
    assert main(["debug", str(kept)]) == 1
    assert not (tmp_path / "results.json").exists()


@pytest.mark.slow
def test_a_full_disk_hides_no_divergence(
    data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    weight_at(monkeypatch, 1, math.nan)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DivergedError, match=r"the loss is nan.*The batch could not be kept \(.*No space left"):
        run_train(tmp_path, *data, *QUICK)
    assert not list(tmp_path.glob("*diverged*"))


def test_files_that_hold_no_diverged_training(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file of a diverged training"):
        run_again(trained)
    with pytest.raises(CheckpointError, match="does not exist"):
        run_again(tmp_path / "gone.pt")
