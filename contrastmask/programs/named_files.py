"""The files and folders that settings name, looked at before anything is read or computed: what is not there or is of
another kind is told before what nobody has given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from contrastmask.conf_folder import CONF
from contrastmask.data.file_content import look_at, require_folder
from contrastmask.errors import CheckpointError, DataError
from contrastmask.files.absent import absent
from contrastmask.files.kinds import require_weights
from contrastmask.programs.config import Config, DataConfig
from contrastmask.programs.data_options import subset_options
from contrastmask.runtime.model_file import SUFFIXES

ANNOTATIONS = ("data.annotations", "data.truth", "data.before")
LAYOUT = """\
Expected is COCO's own layout below data.root:
  annotations/instances_train2017.json   annotations/instances_val2017.json
  train2017/000000000009.jpg …           val2017/000000000139.jpg …
COCO 2017 is at https://cocodataset.org/#download (train images, val images, train/val annotations). For another data
set in COCO format name its files and folders: data.train_annotations=, data.train_images=, data.val_annotations=,
data.val_images=. data=shapes needs no download: it draws a small data set of its own."""
WEIGHTS = ("ckpt_path", "crops", "init_path", "mask_branch.cam")


def check_named(cfg: DictConfig, *, exported: bool = False) -> None:
    """Look at every file and folder that a program's settings name, by its first bytes; some need not be given.

    Args:
        exported: the program also takes exported models.

    Raises:
        DataError, CheckpointError: one is not there, or is of another kind than it is named as.
    """
    for key in ANNOTATIONS:
        if (path := _given(cfg, key)) is not None:
            look_at(Path(path))
    if (folder := _given(cfg, "data.images")) is not None:
        require_folder(Path(folder))
    if (source := _given(cfg, "source")) is not None and source.endswith(".json") and not Path(source).is_dir():
        look_at(Path(source))
    for key in WEIGHTS:
        if (path := _given(cfg, key)) is None:
            continue
        if not exported or Path(path).suffix not in SUFFIXES:
            require_weights(Path(path))
        elif said := absent("the exported model", path):
            raise CheckpointError(said)


def check_named_data(config: Config, sides: Sequence[str]) -> None:
    """Look at the annotation files and image folders of training's data, where a root is given.

    Args:
        sides: "train" and "val", or one of them.

    Raises:
        DataError: one is not there, or is of another kind; with its side.
    """
    check_root(config, sides)
    data = config.data
    if data.root is None or data.shapes is not None:
        return
    paths = subset_options(config)
    for side in sides:
        for part, look in (("annotations", look_at), ("images", require_folder)):
            name = f"{side}_{part}"
            try:
                look(paths[name])
            except DataError as error:
                way_out = "" if os.path.lexists(paths[name]) else _doubled(data, name) + _layout(data, [name])
                raise DataError(f"{side}: {error}{way_out}") from error


def check_root(config: Config, sides: Sequence[str]) -> None:
    """Look at the folder that training's files and folders lie in, where one of them is named relative to it.

    Raises:
        DataError: it is not there.
    """
    data = config.data
    names = [f"{side}_{part}" for side in sides for part in ("annotations", "images")]
    if data.root is None or data.shapes is not None or all(Path(getattr(data, n)).is_absolute() for n in names):
        return  # what is drawn is drawn when it is needed
    if said := absent("data.root: the folder", data.root, folder=True):
        raise DataError(said + _layout(data, ["root", *names]))


def _doubled(data: DataConfig, name: str) -> str:
    """Where a path was given that leads somewhere by itself: that it is taken from the root on."""
    given = getattr(data, name)
    if not os.path.exists(given):
        return ""
    return f"; data.{name}= starts at data.root={data.root}: data.{name}={os.path.relpath(given, data.root)}"


def _layout(data: DataConfig, names: Sequence[str]) -> str:
    """COCO's own layout where nobody has named these files otherwise."""
    default = OmegaConf.load(CONF / "data" / "coco.yaml")
    return f"\n{LAYOUT}" if all(getattr(data, name) == default[name] for name in names) else ""


def _given(cfg: DictConfig, key: str) -> Any:
    """A setting's value; None where the program has none of that name, or nobody has given it."""
    return OmegaConf.select(cfg, key, throw_on_missing=False)
