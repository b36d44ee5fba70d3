"""The one file that knows both configuration and classes; checks facts that span groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from contrastmask.assemble import build_detector
from contrastmask.checkpoints.initialisation import load_initialisation
from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.trained import Trained
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.model.detector import Detector
from contrastmask.programs.config import Config, typed
from contrastmask.programs.data_options import subset_options
from contrastmask.spoken import is_terminal, say
from contrastmask.training.checkpoint_io import WholeCheckpointIO
from contrastmask.training.loggers import build_logger
from contrastmask.training.module import ContrastMaskModule
from contrastmask.training.optimization import OptimizerOptions

MASK_BRANCH = ("roi_heads.mask_head", "roi_heads.contrastive_head")  # what model.trains=masks trains


def with_network(cfg: DictConfig, network: dict[str, Any]) -> Config:
    """The configuration with a checkpoint's own backbone, model and loss; the choice of detections stays ``cfg``'s.

    Args:
        network: plain settings of the groups ``backbone``, ``model`` and ``loss``, as far as the checkpoint tells.
    """
    chosen = {"model": {"roi": {k: cfg.model.roi[k] for k in ("score", "nms", "limit")}}}
    return typed(OmegaConf.merge(cfg, network, chosen))


def build_initialised(config: Config, class_names: Sequence[str]) -> Detector:
    """The detector that a training starts from: ``config.init_path``'s fitting parts, and the backbone's own weights.

    Raises:
        CheckpointError: the file cannot be read, or nothing in it fits, or it lacks a part of a detector that is to
            stay as it is.
        ConfigError: the detector is to stay as it is, and there is none.
    """
    path, masks_only = config.init_path, config.model.trains == "masks"
    if masks_only and path is None and config.ckpt_path is None:
        raise ConfigError("model.trains=masks trains the mask branch of a detector that is given: init_path=FILE")
    detector = build_detector(config, len(class_names), pretrained=path is None)
    if path is None:
        return detector
    report = load_initialisation(detector, path, class_names=class_names)
    if "backbone.body" not in report.used:
        # then the body has its usual start, which also decides whether it may be frozen
        detector = build_detector(config, len(class_names))
        report = load_initialisation(detector, path, class_names=class_names)
    say("\n".join(report.lines()))
    fresh = {part: why for part, why in report.not_used.items() if not part.startswith(MASK_BRANCH)}
    if masks_only and fresh:
        said = "; ".join(f"{part} {why}" for part, why in fresh.items())
        raise CheckpointError(f"{path} is no whole detector for model.trains=masks, which leaves it as it is: {said}")
    return detector


def build_datamodule(config: Config, trained: Trained | None = None) -> CocoDataModule:
    """The data that ``config.data`` and ``config.split`` describe; reads nothing yet.

    Args:
        trained: the classes of a checkpoint to evaluate, whose labels the data then get.
    """
    data = config.data
    return CocoDataModule(
        **subset_options(config),
        batch_size=data.batch_size,
        eval_batch_size=data.eval_batch_size,
        num_workers=data.num_workers,
        short_sides=tuple(data.short_sides),
        long_side=data.long_side,
        test_short_side=data.test_short_side,
        test_long_side=data.long_side,
        flip=data.flip,
        seed=config.seed,
        repeats=config.schedule.repeats,
        on_bad=data.on_bad,
        trained=trained,
    )


def build_module(
    config: Config,
    plain: dict[str, Any],
    datamodule: CocoDataModule,
    detector: Detector,
    kind: Callable[..., ContrastMaskModule] = ContrastMaskModule,
) -> ContrastMaskModule:
    """The LightningModule of a run; ``datamodule`` has been set up, ``plain`` is the configuration to keep."""
    loss = config.loss
    return kind(
        detector,
        datamodule.split,
        optimizer_options(config),
        images_per_process=config.data.batch_size,
        contrastive_weight=loss.weight,
        ramp_start=loss.ramp_start,
        ramp_epochs=loss.ramp_epochs,
        seed=config.seed,
        given_boxes=config.evaluate == "given_boxes",
        evaluator=config.evaluator,
        **module_options(plain, datamodule),
    )


def optimizer_options(config: Config) -> OptimizerOptions:
    """Rate and schedule of ``config.schedule``."""
    schedule = config.schedule
    fields = {k: getattr(schedule, k) for k in OptimizerOptions.__dataclass_fields__ if k != "milestones"}
    return OptimizerOptions(milestones=tuple(schedule.milestones), **fields)


def module_options(plain: dict[str, Any], datamodule: CocoDataModule) -> dict[str, Any]:
    """What every module keeps in its checkpoints: the settings as plain containers, and the classes."""
    return {"config": plain, "categories": datamodule.categories}


def build_trainer(cfg: DictConfig, *, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Lightning's Trainer with the configured callbacks and logger, and those given.

    Args:
        cfg: the composed configuration, whose ``trainer``, ``logger`` and ``callbacks`` are other people's objects.

    Raises:
        ConfigError: these do not take the settings.
    """
    logger = False if cfg.trainer.fast_dev_run else build_logger(cfg.logger, notes=cfg.notes)
    found = []
    bar = cfg.trainer.enable_progress_bar and is_terminal()
    for node in (cfg.callbacks or {}).values():
        if node is None:  # callbacks.best=null leaves it out
            continue
        target = str(node.get("_target_", ""))
        if target.endswith(("LearningRateMonitor", "speed.Speed")) and not logger:
            continue
        if target.endswith(("ModelCheckpoint", "best.Best")) and not cfg.trainer.enable_checkpointing:
            continue
        if target.endswith("ProgressBar") and not bar:
            continue
        if target.endswith("PulseLines") and bar:
            continue
        found.append(_made("callbacks", node))
    plugins = [WholeCheckpointIO(), *(_made("trainer.plugins", cfg.trainer.get("plugins")) or [])]
    # Lightning adds a bar of its own where there is none among the callbacks
    bar = bar and any(isinstance(callback, pl.callbacks.ProgressBar) for callback in found)
    own = {"callbacks": found + callbacks, "plugins": plugins, "enable_progress_bar": bar}
    return _made("trainer", cfg.trainer, logger=logger, **own)


def _made(group: str, node: Any, **own: Any) -> Any:
    """What a group of settings describes, with arguments of ``own``.

    Raises:
        ConfigError: it does not take these settings; in the words of the library whose they are.
    """
    try:
        return instantiate(node, **own)
    except InstantiationException as error:
        reason = error.__cause__ or error
        raise ConfigError(f"the settings of {group} cannot be used: {type(reason).__name__}: {reason}") from error
