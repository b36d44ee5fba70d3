"""The one file that knows both configuration and classes; checks facts that span groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

from contrastmask.config import Config
from contrastmask.data.datamodule import CocoDataModule
from contrastmask.data.shapes import generate_shapes, shapes_root
from contrastmask.data.splits import SplitRule
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.initialisation import load_initialisation
from contrastmask.loggers import build_logger
from contrastmask.model.backbone import STRIDES, ResNetFPN
from contrastmask.model.box_head import CAMBoxHead
from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.detector import Detector
from contrastmask.model.mask_head import MaskHead
from contrastmask.model.postprocess import BoxSelection
from contrastmask.model.roi_align import PyramidRoIAlign
from contrastmask.model.roi_heads import ContrastiveOptions, RoIHeads
from contrastmask.model.rpn import GridAnchors, ProposalNetwork
from contrastmask.model.sampling import RoISampler
from contrastmask.module import ContrastMaskModule
from contrastmask.network_config import BackboneConfig
from contrastmask.optimization import OptimizerOptions
from contrastmask.pretrained import body_state, load_body


def typed(cfg: DictConfig) -> Config:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a value outside its choices, a contradiction, or a value that nobody has given.
    """
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise ConfigError(f"no value for {', '.join(missing)}")
    config: Config = OmegaConf.to_object(cfg)
    config.validate()
    return config


def with_network(cfg: DictConfig, network: dict[str, Any]) -> Config:
    """The configuration with a checkpoint's own backbone, model and loss; the choice of detections stays ``cfg``'s.

    Args:
        network: plain settings of the groups ``backbone``, ``model`` and ``loss``, as far as the checkpoint tells.
    """
    chosen = {"model": {"roi": {k: cfg.model.roi[k] for k in ("score", "nms", "limit")}}}
    return typed(OmegaConf.merge(cfg, network, chosen))


def build_detector(config: Config, classes: int, *, pretrained: bool = True) -> Detector:
    """The model that ``config.backbone``, ``.model`` and ``.loss`` describe, for K = ``classes``.

    Args:
        pretrained: load the backbone's ImageNet weights where the configuration names any; False for a model whose
            weights come from a checkpoint.
    """
    model, loss = config.model, config.loss
    backbone = _build_backbone(config.backbone, model.fpn_channels, pretrained)
    anchors = GridAnchors(model.rpn.anchor_scale, tuple(model.rpn.anchor_ratios), STRIDES)
    rpn = ProposalNetwork(
        model.fpn_channels,
        anchors,
        divisor=model.divisor,
        **{k: v for k, v in vars(model.rpn).items() if not k.startswith("anchor_")},
    )
    box = {k: v for k, v in vars(model.box_head).items() if k != "stds"}
    contrastive_head = None
    if model.contrastive or model.enhance:
        head = vars(model.contrastive_head)
        projection = head["projection"] if model.contrastive else 0
        contrastive_head = ContrastiveHead(model.fpn_channels, **{**head, "projection": projection})
    options = ContrastiveOptions(**{k: getattr(loss, k) for k in ContrastiveOptions._fields})
    heads = RoIHeads(
        PyramidRoIAlign(STRIDES[:4]),
        RoISampler(model.roi.batch, model.roi.positive_fraction, model.roi.iou),
        CAMBoxHead(model.fpn_channels, classes, **box),
        BoxSelection(model.roi.score, model.roi.nms, model.roi.limit),
        MaskHead(
            model.fpn_channels,
            enhanced_channels=model.contrastive_head.channels if model.enhance else 0,
            **vars(model.mask_head),
        ),
        contrastive_head,
        contrastive=options if model.contrastive else None,
        box_stds=tuple(model.box_head.stds),
        use_cam=model.cam,
        mask_rois=model.mask_rois,
    )
    return Detector(backbone, rpn, heads, mean=tuple(model.mean), std=tuple(model.std), divisor=model.divisor)


def build_initialised(config: Config, class_names: Sequence[str]) -> Detector:
    """The detector that a training starts from: ``config.init_path``'s fitting parts, and the backbone's own weights.

    Raises:
        CheckpointError: the file cannot be read, or nothing in it fits.
    """
    path = config.init_path
    detector = build_detector(config, len(class_names), pretrained=path is None)
    if path is None:
        return detector
    report = load_initialisation(detector, path, class_names=class_names)
    if "backbone.body" not in report.used:
        # then the body has its usual start, which also decides whether it may be frozen
        detector = build_detector(config, len(class_names))
        report = load_initialisation(detector, path, class_names=class_names)
    rank_zero_info("\n".join(report.lines()))
    return detector


def _build_backbone(config: BackboneConfig, channels: int, pretrained: bool) -> ResNetFPN:
    kind = {"groups": config.groups, "width_per_group": config.width_per_group}
    state = None
    if pretrained and config.weights is not None:
        try:
            state = body_state(config.weights, config.depth, **kind)
        except CheckpointError as error:
            if config.require_weights or config.weights != "imagenet":
                raise
            rank_zero_warn(
                f"THE BACKBONE STARTS FROM RANDOM WEIGHTS: {error}. Nothing of it is frozen. "
                "backbone.require_weights=true stops here instead"
            )
    frozen, norm_eval = config.frozen_stages, config.norm_eval
    if pretrained and state is None:
        # random features must not be frozen, nor normalised by statistics of nothing
        frozen, norm_eval = -1, False
    backbone = ResNetFPN(config.depth, **kind, channels=channels, frozen_stages=frozen, norm_eval=norm_eval)
    if state is not None:
        load_body(backbone.body, state, str(config.weights))
        rank_zero_info(f"backbone {config.name} starts from {config.weights} weights")
    return backbone


def build_datamodule(config: Config) -> CocoDataModule:
    """The data that ``config.data`` and ``config.split`` describe; reads nothing yet."""
    data = config.data
    root, prepare = data.root, None
    if data.shapes is not None:
        drawn = {k: v for k, v in vars(data.shapes).items() if k != "cache"}
        folder = shapes_root(data.shapes.cache, **drawn)
        prepare = partial(generate_shapes, folder, **drawn)
        root = root or str(folder)
    if root is None:
        raise ConfigError("data.root is needed: the folder of a COCO-format set (or take data=shapes)")
    paths = {
        k: Path(root) / getattr(data, k) for k in ("train_annotations", "train_images", "val_annotations", "val_images")
    }
    return CocoDataModule(
        **paths,
        split=SplitRule(config.split.rule, config.split.base, config.split.novel, config.split.name),
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
        repair=data.repair,
        on_bad=data.on_bad,
        prepare=prepare,
    )


def build_module(
    config: Config, plain: dict[str, Any], datamodule: CocoDataModule, detector: Detector
) -> ContrastMaskModule:
    """The LightningModule of a run; ``datamodule`` has been set up, ``plain`` is the configuration to keep."""
    schedule, loss = config.schedule, config.loss
    fields = {k: getattr(schedule, k) for k in OptimizerOptions.__dataclass_fields__ if k != "milestones"}
    return ContrastMaskModule(
        detector,
        datamodule.split,
        OptimizerOptions(milestones=tuple(schedule.milestones), **fields),
        images_per_process=config.data.batch_size,
        contrastive_weight=loss.weight,
        ramp_start=loss.ramp_start,
        ramp_epochs=loss.ramp_epochs,
        seed=config.seed,
        given_boxes=config.evaluate == "given_boxes",
        config=plain,
        categories=[{"id": c.id, "name": c.name} for c in datamodule.val_records.categories],
    )


def build_trainer(cfg: DictConfig, *, novel: bool, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Lightning's Trainer with the configured callbacks and logger, and those given.

    Args:
        cfg: the composed configuration, whose ``trainer``, ``logger`` and ``callbacks`` are other people's objects.
        novel: whether the split has a novel class; without one the best checkpoint is chosen over all classes.
    """
    logger = False if cfg.trainer.fast_dev_run else build_logger(cfg.logger, notes=cfg.notes)
    found = []
    for name, node in (cfg.callbacks or {}).items():
        if node is None:  # callbacks.best=null leaves it out
            continue
        target = str(node.get("_target_", ""))
        if target.endswith("LearningRateMonitor") and not logger:
            continue
        if target.endswith("ModelCheckpoint") and not cfg.trainer.enable_checkpointing:
            continue
        if target.endswith("ProgressBar") and not cfg.trainer.enable_progress_bar:
            continue
        if not novel and node.get("monitor") == "val/mask/novel/AP":
            rank_zero_info(f"no novel class: callback {name} watches val/mask/all/AP")
            node = OmegaConf.merge(node, {"monitor": "val/mask/all/AP"})
        found.append(instantiate(node))
    return instantiate(cfg.trainer, logger=logger, callbacks=found + callbacks)
