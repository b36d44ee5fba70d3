"""From settings to the two subsets they describe; without torch, for those who only look."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from contrastmask.data.reading import Reading
from contrastmask.data.shapes.generate import generate_shapes, shapes_root
from contrastmask.data.splits import SplitRule
from contrastmask.errors import ConfigError
from contrastmask.programs.config import Config


def subset_options(config: Config) -> dict[str, Any]:
    """What ``config.data`` and ``config.split`` say of files, split and reading: the arguments of ``Subsets``, which
    ``CocoDataModule`` takes, too.

    Raises:
        ConfigError: no root folder is given and nothing is to be drawn.
    """
    data, split = config.data, config.split
    root, prepare = data.root, None
    if data.shapes is not None:
        drawn = {k: v for k, v in vars(data.shapes).items() if k != "cache"}
        folder = shapes_root(data.shapes.cache, **drawn)
        prepare = partial(generate_shapes, folder, **drawn)
        root = root or str(folder)
    if root is None:
        raise ConfigError("data.root is needed: the folder of a COCO-format set (or take data=shapes)")
    files = ("train_annotations", "train_images", "val_annotations", "val_images")
    return {
        **{name: Path(root) / getattr(data, name) for name in files},
        "split": SplitRule(split.rule, split.base, split.novel, split.name, split.mask_share),
        "reading": Reading(**{field.name: getattr(data, field.name) for field in fields(Reading)}),
        "cache": None if data.cache is None else Path(data.cache),
        "prepare": prepare,
        "by_crops": config.mask_branch.kind == "crop",
    }
