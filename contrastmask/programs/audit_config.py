"""The typed schema of ``contrastmask audit``; the values live in ``conf/audit.yaml``, with a few words on each."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.ranges import at_least, check_ranges
from contrastmask.programs.key_names import checked_object
from contrastmask.programs.predict_config import FileConfig


@dataclass
class AuditConfig:
    """The whole program."""

    ckpt_path: str = MISSING
    output: str = MISSING
    data: FileConfig = field(default_factory=FileConfig)
    crops: str | None = None
    tta: str = MISSING
    classes: list[str] | None = None
    predicted: bool = False
    other_classes: bool = True
    shown: int = at_least(0)
    overwrite: bool = False
    device: str | None = None
    precision: str = MISSING
    batch_size: int = at_least(1)
    num_workers: int = at_least(0)
    short_side: int | None = at_least(1, default=None)
    long_side: int | None = at_least(1, default=None)
    allow: list[str] = field(default_factory=list)


def typed(cfg: DictConfig) -> AuditConfig:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, or a value that nobody has given.
    """
    config: AuditConfig = checked_object(cfg)
    check_ranges(config)
    return config


def register() -> None:
    """Store the schema for Hydra."""
    ConfigStore.instance().store(name="audit_schema", node=AuditConfig)
