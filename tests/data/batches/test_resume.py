"""A resumed run sees what the uninterrupted one would have seen."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.splits import SplitRule
from tests.tiny_coco import write_tiny_coco


def make(root: Path, **options) -> CocoDataModule:
    train, val = write_tiny_coco(root, 9, seed=0, name="train"), write_tiny_coco(root, 5, seed=1, name="val")
    files = train.annotations, train.images, val.annotations, val.images
    sizes = {"short_sides": (40, 56), "long_side": 96, "test_short_side": 48, "test_long_side": 96}
    return CocoDataModule(*files, split=SplitRule("voc_nonvoc"), **sizes, **options)


class Recorder(pl.LightningModule):
    """Counts as a model for the trainer; writes down which sample it saw when."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, int, tuple[int, ...], int]] = []
        self.evaluated: list[int] = []

    def training_step(self, batch, batch_idx: int) -> torch.Tensor:
        for image, target in zip(*batch, strict=True):
            self.seen.append((self.current_epoch, target["index"], tuple(image.shape), int(image.sum())))
        return self.weight * 0.0

    def validation_step(self, batch, batch_idx: int) -> None:
        if not self.trainer.sanity_checking:
            self.evaluated += [target["image_id"] for target in batch[1]]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(data: CocoDataModule, epochs: int, folder: Path, ckpt_path: Path | None = None) -> Recorder:
    model = Recorder()
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )
    trainer.fit(model, datamodule=data, ckpt_path=ckpt_path)
    trainer.save_checkpoint(folder / f"{epochs}.ckpt")
    return model


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*logging interval")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_repeats_nothing_and_skips_nothing(tmp_path, workers):
    options = {"num_workers": workers, "repeats": 2, "seed": 4}
    straight = fit(make(tmp_path, **options), 4, tmp_path)
    first = fit(make(tmp_path, **options), 2, tmp_path)
    second = fit(make(tmp_path, **options), 4, tmp_path, tmp_path / "2.ckpt")
    assert first.seen + second.seen == straight.seen
    epochs = [[entry[1:] for entry in straight.seen if entry[0] == epoch] for epoch in range(4)]
    assert all(len(epoch) >= 18 for epoch in epochs)
    assert all(a != b for a, b in pairwise(epochs))
    assert straight.evaluated == 4 * [100, 107, 114, 121, 128]
