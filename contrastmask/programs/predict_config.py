"""The typed schema of ``predict.py``; the values live in ``conf/predict.yaml``, with a few words on each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.ranges import at_least, between, check_ranges
from contrastmask.completion.thresholds import NAMES, thresholds
from contrastmask.data.images.rules import ImageRules
from contrastmask.data.reading import RULES
from contrastmask.errors import ConfigError
from contrastmask.model.crops.views import TTA
from contrastmask.programs.key_names import checked_object

TASKS = ("detect", "complete")


@dataclass
class FileConfig:
    """A COCO-format file, the folder of its images, and how both are read, as in training's data settings."""

    annotations: str | None = None
    images: str | None = None
    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    strip_path: Any = 0
    follow_links: bool = False
    exif: str = "auto"  # of a COCO-format source and of task=complete; other sources are read as a viewer shows them
    bit_depth: Any = 16

    @property
    def rules(self) -> dict[str, Any]:
        """How the file and its images are to be read, under the names that the programs' options have."""
        return {name: getattr(self, name) for name in RULES} | {"image_rules": self.image_rules}

    @property
    def image_rules(self) -> ImageRules:
        """How image files are found and read."""
        return ImageRules(**{entry.name: getattr(self, entry.name) for entry in fields(ImageRules)})


@dataclass
class PredictDataConfig(FileConfig):
    """The file to complete, or that names the images to find objects in."""

    truth: str | None = None


@dataclass
class PredictConfig:
    """The whole program."""

    task: str = MISSING
    ckpt_path: str = MISSING
    output: str = MISSING
    source: str | None = None
    data: PredictDataConfig = field(default_factory=PredictDataConfig)
    crops: str | None = None
    tta: str = MISSING
    device: str | None = None
    precision: str = MISSING
    batch_size: int = at_least(1)
    num_workers: int = at_least(0)
    short_side: int | None = at_least(1, default=None)
    long_side: int | None = at_least(1, default=None)
    overwrite: bool = False
    score: float | None = between(0, 1, default=None)
    limit: int | None = at_least(1, default=None)
    mask_limit: int | None = at_least(1, default=None)
    mask_score: float | None = between(0, 1, default=None)
    overlays: bool = True
    overlay_score: float = between(0, 1)
    instance_masks: bool = False
    classes: list[str] | None = None
    form: str = MISSING
    form_all: bool = False
    as_score: bool = False
    redo: bool = False
    unreadable: str = MISSING
    rejected: str = MISSING
    min_confidence: Any = MISSING  # 0..1, or class name: 0..1 with `default` for the others, as the next one
    min_box_agreement: Any = MISSING
    check: bool = True
    shards: int = at_least(1)
    shard: int | None = at_least(0, default=None)
    allow: list[str] = field(default_factory=list)


def typed(cfg: DictConfig) -> PredictConfig:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, a value that nobody has given or that is out of range, or an unknown task.
    """
    config: PredictConfig = checked_object(cfg)
    if config.task not in TASKS:
        raise ConfigError(f"task={config.task!r} is not one of {', '.join(TASKS)}")
    if config.tta not in TTA:
        raise ConfigError(f"tta={config.tta!r} is not one of {', '.join(TTA)}")
    check_ranges(config)
    for name in NAMES:
        thresholds(name, getattr(config, name))
    return config


def register() -> None:
    """Store the schema for Hydra."""
    ConfigStore.instance().store(name="predict_schema", node=PredictConfig)
