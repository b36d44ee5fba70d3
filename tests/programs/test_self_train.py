"""A second round on completed masks of one's own: from the file of the first to weights in the loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.splits import VOC_CLASSES
from contrastmask.programs.train import train
from contrastmask.training.crop_module import CropModule
from tests.composing import composed
from tests.programs.test_crops import CROP, TINY, train_crops
from tests.tiny_run import tiny_data

SHORT = ("trainer.max_steps=2", "callbacks=none", "logger=none", "evaluate_after=false", "split=as_annotated")


def test_two_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    data = tiny_data(root)
    file = root / "annotations" / "train.json"
    content = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    boxed = [row for row in content["annotations"] if names[row["category_id"]] not in VOC_CLASSES]
    for row in boxed:
        del row["segmentation"]
    file.write_text(json.dumps(content))
    train_crops(tmp_path / "first", *data, *SHORT)
    options = CompletionOptions(file, root / "train", root / "annotations" / "completed.json")
    first = Predictor(tmp_path / "first" / "checkpoints" / "last.ckpt", "cpu")
    assert complete(options, first, Console(quiet=True))["completed"] == len(boxed) > 0

    seen: list[dict[str, torch.Tensor]] = []
    step = CropModule.training_step

    def watched(self: CropModule, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        seen.append(batch)
        return step(self, batch, index)

    monkeypatch.setattr(CropModule, "training_step", watched)
    second = ["experiment=self_train", *CROP[1:], *TINY, *data, *SHORT, "mask_branch.self_train.objects=2"]
    second += ["data.train_annotations=annotations/completed.json"]
    train(composed(*second, folder=tmp_path / "second"), tmp_path / "second")
    for batch in seen:
        assert batch["predicted"].tolist() == [False] * 4 + [True] * 2
        assert ((batch["weight"][4:] > 0) & (batch["weight"][4:] < 1)).all()
    told = json.loads((tmp_path / "second" / "data.json").read_text())["train"]
    assert told["novel"]["with_mask"] == 0
    assert told["novel"]["with_predicted_mask"] == len(boxed)
