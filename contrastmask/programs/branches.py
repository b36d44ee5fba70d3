"""The ways to masks, as a program builds them: the detector with its feature pyramid, the crop branch alone, and the
masks of the one for the boxes of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from contrastmask.assemble import build_detector, build_segmenter
from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.batches.transforms import BesideItself
from contrastmask.data.trained import Trained
from contrastmask.errors import ConfigError
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.programs.build import build_datamodule, build_initialised, build_module
from contrastmask.programs.build_crops import build_crop_datamodule, build_crop_module, build_initialised_segmenter
from contrastmask.programs.config import Config
from contrastmask.training.joined_module import JoinedModule
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
        lambda config, names: build_segmenter(config, pretrained=False, tta=config.tta),
        build_crop_module,
    ),
}


def branch_of(config: Config) -> Branch:
    """The branch that ``config.mask_branch`` names.

    Raises:
        ConfigError: ``config.tta`` asks for what a detector's own masks do not have.
    """
    if config.mask_branch.kind == "pyramid" and config.tta != "none":
        raise ConfigError(f"tta={config.tta} is of a crop branch, and this is a detector with masks of its own")
    return _BRANCHES[config.mask_branch.kind]


def joined_branch(crops: CropSegmenter) -> Branch:
    """A detector whose masks are those of ``crops``, to be evaluated; it is not trained so."""
    return _BRANCHES["pyramid"]._replace(
        datamodule=_with_pixels, module=partial(build_module, kind=partial(JoinedModule, crops=crops))
    )


def _with_pixels(config: Config, trained: Trained | None = None) -> CocoDataModule:
    datamodule = build_datamodule(config, trained)
    datamodule.test_transform = BesideItself(datamodule.test_transform)
    return datamodule
