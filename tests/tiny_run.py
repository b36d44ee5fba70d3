"""The whole program on a tiny data set with a tiny model: seconds a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contrastmask.programs.train import test, train
from tests.composing import composed
from tests.tiny_coco import write_tiny_coco

# a third of r18's weights, in the released model's blocks: most of a tiny run's time goes into its checkpoints
BODY = ("backbone=r50", "backbone.weights=null", "backbone.width_per_group=4")
R18 = ("backbone=r18", "backbone.weights=null", "backbone.width_per_group=64")
MODEL = (
    *BODY,
    "model.fpn_channels=16",
    "model.rpn.batch=32",
    "model.rpn.pre_nms_train=50",
    "model.rpn.pre_nms_test=30",
    "model.rpn.post_nms=30",
    "model.roi.batch=16",
    "model.roi.limit=5",
    "model.roi.score=0.0",
    "model.box_head.channels=16",
    "model.contrastive_head.channels=16",
    "model.contrastive_head.depth=2",
    "model.contrastive_head.projection=16",
    "model.mask_head.channels=16",
    "model.mask_head.depth=1",
)
NO_CHECKPOINTS = "trainer.enable_checkpointing=false"  # for runs of which no test reads one
PROGRAM = (
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "schedule.optimizer=adamw",
    "schedule.lr=0.001",
    "schedule.warmup_steps=2",
    "data.short_sides=[64,80]",
    "data.test_short_side=64",
    "data.long_side=128",
    "data.num_workers=0",
    "overlays=2",
)


def tiny_data(root: Path, **kwargs: Any) -> tuple[str, ...]:
    """Write training and validation sets below ``root``; the overrides that name them."""
    write_tiny_coco(root, n_images=kwargs.pop("n_images", 4), seed=1, name="train", **kwargs)
    write_tiny_coco(root, n_images=3, seed=2, name="val")
    return named_data(root)


def named_data(root: Path) -> tuple[str, ...]:
    """The overrides that name the sets below ``root``."""
    return (
        f"data.root={root}",
        "data.train_annotations=annotations/train.json",
        "data.train_images=train",
        "data.val_annotations=annotations/val.json",
        "data.val_images=val",
    )


def run_train(folder: Path, *overrides: str) -> dict[str, Any]:
    """``train.py`` with the tiny model into ``folder``; the results."""
    return train(composed(*MODEL, *PROGRAM, *overrides, folder=folder), folder)


def run_test(folder: Path, *overrides: str) -> dict[str, Any]:
    """``test.py`` into ``folder``; the results."""
    return test(composed(*PROGRAM, *overrides, program="test", folder=folder), folder)
