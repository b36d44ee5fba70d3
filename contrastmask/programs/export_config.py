"""The typed schema of ``contrastmask export-annotations``; values and words: ``conf/export_annotations.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.ranges import check_ranges
from contrastmask.programs.key_names import checked_object
from contrastmask.programs.predict_config import FileConfig


@dataclass
class LabelStudioConfig:
    """For Label Studio."""

    url: str = MISSING


@dataclass
class YoloConfig:
    """For YOLO's segmentation labels."""

    parts: str = MISSING
    without_mask: str = MISSING
    images: str = MISSING
    subset: str = MISSING


@dataclass
class FiftyOneConfig:
    """For FiftyOne."""

    boxes: str = MISSING


@dataclass
class ExportConfig:
    """The whole program."""

    to: str = MISSING
    output: str = MISSING
    form: str | None = None
    overwrite: bool = False
    data: FileConfig = field(default_factory=FileConfig)
    labelstudio: LabelStudioConfig = field(default_factory=LabelStudioConfig)
    yolo: YoloConfig = field(default_factory=YoloConfig)
    fiftyone: FiftyOneConfig = field(default_factory=FiftyOneConfig)


def typed(cfg: DictConfig) -> ExportConfig:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, or a value that nobody has given.
    """
    config: ExportConfig = checked_object(cfg)
    check_ranges(config)
    return config


def register() -> None:
    """Store the schema for Hydra."""
    ConfigStore.instance().store(name="export_schema", node=ExportConfig)
