"""The two ways to masks, as a program builds them: the detector with its feature pyramid, and the crop branch alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from contrastmask.assemble import build_detector, build_segmenter
from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.trained import Trained
from contrastmask.programs.build import build_datamodule, build_initialised, build_module
from contrastmask.programs.build_crops import build_crop_datamodule, build_crop_module, build_initialised_segmenter
from contrastmask.programs.config import Config
from contrastmask.training.trained import TrainedModule


class Branch(NamedTuple):
    """What a run is built of; the arguments are those of the functions in ``build`` and ``build_crops``."""

    datamodule: Callable[[Config, Trained | None], CocoDataModule]
    start: Callable[[Config, tuple[str, ...]], Any]  # the network that a training starts from, for these classes
    network: Callable[[Config, tuple[str, ...]], Any]  # the same without any weights, for a checkpoint's
    module: Callable[[Config, dict[str, Any], Any, Any], TrainedModule]


_BRANCHES = {
    "pyramid": Branch(
        build_datamodule,
        build_initialised,
        lambda config, names: build_detector(config, len(names), pretrained=False),
        build_module,
    ),
    "crop": Branch(
        build_crop_datamodule,
        lambda config, names: build_initialised_segmenter(config),
        lambda config, names: build_segmenter(config, pretrained=False),
        build_crop_module,
    ),
}


def branch_of(config: Config) -> Branch:
    """The branch that ``config.mask_branch`` names."""
    return _BRANCHES[config.mask_branch.kind]
