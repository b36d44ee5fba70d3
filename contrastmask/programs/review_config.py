"""The typed schema of ``contrastmask review``; the values live in ``conf/review.yaml``, with a few words on each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.ranges import at_least, between, check_ranges
from contrastmask.programs.key_names import checked_object
from contrastmask.programs.predict_config import FileConfig
from contrastmask.review.options import ReviewOptions


@dataclass
class ReviewDataConfig(FileConfig):
    """Files of COCO format, and how they are read."""

    annotations: str = MISSING
    images: str = MISSING
    before: str | None = None


@dataclass
class ReviewConfig:
    """The whole program."""

    data: ReviewDataConfig = field(default_factory=ReviewDataConfig)
    output: str | None = None
    order: str | None = None
    reverse: bool = False
    seed: int = at_least(0)
    source: str | None = None
    finish: bool = False
    overwrite: bool = False
    port: int = between(0, 65535)
    browser: bool = False

    @property
    def options(self) -> ReviewOptions:
        """What to review and how. Raises ConfigError as :class:`ReviewOptions`."""
        data = self.data
        paths = {"output": self.output, "before": data.before}
        return ReviewOptions(
            Path(data.annotations),
            Path(data.images),
            **{name: None if path is None else Path(path) for name, path in paths.items()},
            **{name: getattr(self, name) for name in ("order", "reverse", "seed", "source", "overwrite")},
            **data.rules,
        )


def typed(cfg: DictConfig) -> ReviewConfig:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, a value that nobody has given, or one out of range.
    """
    config: ReviewConfig = checked_object(cfg)
    check_ranges(config)
    return config


def register() -> None:
    """Store the schema for Hydra."""
    ConfigStore.instance().store(name="review_schema", node=ReviewConfig)
