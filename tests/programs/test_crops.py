"""The crop branch as a program: train, evaluate, resume, predict, complete."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import CheckpointError, ConfigError, DivergedError
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.programs.train import train
from contrastmask.training.crop_module import CropModule
from contrastmask.training.debug import run_again
from tests.composing import composed
from tests.identical import assert_equal_checkpoints
from tests.tiny_run import BODY, PROGRAM, run_test, run_train, tiny_data

CROP = (
    "experiment=complete",
    "split=voc_nonvoc",
    *BODY,
    "mask_branch.side=64",
    "mask_branch.channels=8",
    "schedule.least_steps=4",
    "data.batch_size=4",
    "trainer.check_val_every_n_epoch=1",
)
TINY = tuple(o for o in PROGRAM if "short_side" not in o and "long_side" not in o and "optimizer" not in o)


def train_crops(folder: Path, *overrides: str) -> dict:
    return train(composed(*CROP, *TINY, *overrides, folder=folder), folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    root = tmp_path_factory.mktemp("crops")
    data = tiny_data(root / "data", n_images=12)
    train_crops(root / "out", *data, "schedule.epochs=2", "mask_branch.box_only=2", "mask_branch.lessons.outside=1")
    return root / "out", data


def test_a_run_says_how_good_masks_in_given_boxes_are(run: tuple[Path, tuple[str, ...]]) -> None:
    folder, _ = run
    results = json.loads((folder / "results.json").read_text())
    assert not {"mask", "box"} & set(results)  # nothing is detected
    for group in ("novel", "base", "all"):
        assert 0 < results["given_boxes"][group]["IoU"] < 100
        assert {"IoUs", "calibration_error", "rank_correlation"} <= set(results["given_boxes"][group])
    assert {p.name for p in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    (state,) = [s for key, s in best["callbacks"].items() if "Best" in key]
    assert state["figure"] == "val/given_boxes/novel/IoU"
    assert all(list((folder / pictures).glob("*.png")) for pictures in ("gallery", "overlays"))
    # fitted to the objects that were kept apart
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert float(last["detector.calibration.slope"]) != 1.0


def test_its_checkpoint_says_the_same_again(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, data = run
    results = json.loads((folder / "results.json").read_text())
    again = run_test(tmp_path, *data, f"ckpt_path={folder / 'checkpoints' / 'last.ckpt'}")
    for name in ("IoU", "boundary_IoU", "AP", "calibration_error", "rank_correlation"):
        assert again["given_boxes"]["all"][name] == pytest.approx(results["given_boxes"]["all"][name], abs=1e-9)


def test_resuming_changes_nothing(
    run: tuple[Path, tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = run
    short = (*data, "schedule.epochs=2", "callbacks=none", "logger=none", "evaluate_after=false")
    short += ("mask_branch.box_only=2", "mask_branch.lessons.contrastive=0.1", "mask_branch.lessons.ramp_epochs=0.5")
    cut = tmp_path / "cut.ckpt"

    def keep(self: CropModule, *_: object) -> None:
        if self.trainer.global_step == 1:
            self.trainer.save_checkpoint(cut)

    with monkeypatch.context() as patch:
        patch.setattr(CropModule, "on_train_batch_end", keep)
        train_crops(tmp_path / "whole", *short)
    train_crops(tmp_path / "on", *short, f"ckpt_path={cut}")
    assert_equal_checkpoints(tmp_path / "whole", tmp_path / "on")


def test_a_detector_is_no_start_for_it(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, data = run
    run_train(tmp_path / "detector", *data, "trainer.max_steps=1", "callbacks=none", "evaluate_after=false")
    detector = tmp_path / "detector" / "checkpoints" / "last.ckpt"
    with pytest.raises(CheckpointError, match="no crop branch"):
        train_crops(tmp_path / "crops", *data, f"init_path={detector}")
    with pytest.raises(CheckpointError, match=r"mask_branch\.kind is 'pyramid' there and 'crop' here"):
        train_crops(tmp_path / "crops", *data, f"ckpt_path={detector}")
    with pytest.raises(CheckpointError, match="holds a crop branch, no detector"):
        run_train(tmp_path / "other", *data, f"init_path={folder / 'checkpoints' / 'last.ckpt'}")


def test_predictor(run: tuple[Path, tuple[str, ...]]) -> None:
    folder, _ = run
    predictor = Predictor(folder / "checkpoints" / "last.ckpt", "cpu")
    assert not predictor.finds_boxes
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    found = predictor.predict(image, boxes=[[5, 5, 40, 30], [30, 10, 69, 49]], labels=["cat", "kite"])
    assert found["masks"].shape == (2, 50, 70)
    assert found["names"] == ["cat", "kite"]
    for mask, (x1, y1, x2, y2) in zip(found["masks"], [(5, 5, 40, 30), (30, 10, 69, 49)], strict=True):
        mask = mask.copy()
        mask[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = False
        assert not mask.any()  # nothing outside its box
    with pytest.raises(ValueError, match="finds no boxes"):
        predictor.predict(image)
    with pytest.raises(ValueError, match="no sides to choose"):
        Predictor(folder / "checkpoints" / "last.ckpt", "cpu", short_side=100)
    with pytest.raises(ConfigError, match="task=complete"):
        detect(DetectionOptions("*.png", folder / "found"), predictor)


def test_it_completes_classes_that_it_never_heard_of(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, data = run
    root = Path(data[0].removeprefix("data.root="))
    content = json.loads((root / "annotations" / "val.json").read_text())
    for category in content["categories"]:
        category["name"] += " of ours"
    for row in content["annotations"]:
        row.pop("segmentation")
        row["iscrowd"] = 0
    (tmp_path / "in.json").write_text(json.dumps(content))
    options = CompletionOptions(tmp_path / "in.json", root / "val", tmp_path / "out.json")
    summary = complete(options, Predictor(folder / "checkpoints" / "last.ckpt", "cpu"), Console(quiet=True))
    assert summary["completed"] == len(content["annotations"])
    rows = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert all(0 < row["segmentation_confidence"] < 1 for row in rows)


def test_numbers_that_are_none_end_it_by_name(
    run: tuple[Path, tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = run
    step = CropModule.training_step

    def spoiled(self: CropModule, *batch: object) -> torch.Tensor:
        with torch.no_grad():
            self.detector.network.logits.weight.view(-1)[0] = torch.inf
        return step(self, *batch)

    lessons = ("mask_branch.box_only=0", "mask_branch.lessons.contrastive=0.1")
    with monkeypatch.context() as patch:
        patch.setattr(CropModule, "training_step", spoiled)
        with pytest.raises(DivergedError, match="the batch"):
            train_crops(tmp_path, *data, "schedule.epochs=1", *lessons)
    (kept,) = tmp_path.glob("diverged-step*.pt")
    lines, fine = run_again(kept)
    assert not fine
    assert "4 objects of 64 px a side, 4 with a mask" in lines
    assert "the first result that is not finite is network.logits's" in lines
