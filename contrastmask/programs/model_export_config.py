"""The typed schema of ``contrastmask export``; the values live in ``conf/export.yaml``, with a few words on each."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.ranges import at_least, check_ranges
from contrastmask.errors import ConfigError
from contrastmask.programs.key_names import checked_object

CHOICES = {"format": ("onnx", "openvino"), "precision": ("fp32", "int8")}


@dataclass
class ExportDataConfig:
    """For int8: objects of the user's own images."""

    annotations: str | None = None
    images: str | None = None


@dataclass
class ExportConfig:
    """The whole program."""

    ckpt_path: str = MISSING
    output: str = MISSING
    format: str = MISSING
    precision: str = MISSING
    data: ExportDataConfig = field(default_factory=ExportDataConfig)
    objects: int = at_least(8)
    overwrite: bool = False


def typed(cfg: DictConfig) -> ExportConfig:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, a value that nobody has given, or one that is none of its choices.
    """
    config: ExportConfig = checked_object(cfg)
    check_ranges(config)
    for name, choices in CHOICES.items():
        if getattr(config, name) not in choices:
            raise ConfigError(f"{name}={getattr(config, name)!r} is not one of {', '.join(choices)}")
    if config.precision == "int8" and None in (config.data.annotations, config.data.images):
        raise ConfigError(
            "precision=int8 measures the model on objects of yours: data.annotations=FILE data.images=DIR"
        )
    return config


def register() -> None:
    """Store the schema for Hydra."""
    ConfigStore.instance().store(name="model_export_schema", node=ExportConfig)
