"""The files and folders that settings name, looked at before anything is read or computed: what is not there or is of
another kind is told before what nobody has given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from contrastmask.data.file_content import look_at, require_file, require_folder
from contrastmask.errors import CheckpointError, DataError
from contrastmask.files.kinds import require_weights
from contrastmask.programs.config import Config
from contrastmask.programs.data_options import subset_options
from contrastmask.runtime.model_file import SUFFIXES

ANNOTATIONS = ("data.annotations", "data.truth", "data.before")
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
    if (folder := _given(cfg, "data.images")) is not None and not Path(folder).is_dir():
        raise DataError(f"data.images={folder} does not exist or is no folder")
    if (source := _given(cfg, "source")) is not None and source.endswith(".json") and not Path(source).is_dir():
        look_at(Path(source))
    for key in WEIGHTS:
        if (path := _given(cfg, key)) is None:
            continue
        if not exported or Path(path).suffix not in SUFFIXES:
            require_weights(Path(path))
        elif not Path(path).is_file():
            raise CheckpointError(f"{path}: there is no such file")


def check_named_data(config: Config, sides: tuple[str, ...]) -> None:
    """Look at the annotation files and image folders of training's data, where a root is given.

    Args:
        sides: "train" and "val", or one of them.

    Raises:
        DataError: one is not there (the message gives the expected layout), or is of another kind.
    """
    if config.data.root is None or config.data.shapes is not None:  # drawn when they are needed
        return
    paths = subset_options(config)
    for side in sides:
        require_file(paths[f"{side}_annotations"])
        look_at(paths[f"{side}_annotations"])
        require_folder(paths[f"{side}_images"])


def _given(cfg: DictConfig, key: str) -> Any:
    """A setting's value; None where the program has none of that name, or nobody has given it."""
    return OmegaConf.select(cfg, key, throw_on_missing=False)
