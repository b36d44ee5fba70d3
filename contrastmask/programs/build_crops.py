"""What a run of the crop branch is built of."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from contrastmask.assemble import build_contrast, build_detector_cams, build_segmenter
from contrastmask.checkpoints.read import load_weights, read_checkpoint
from contrastmask.data.batches.crop_datamodule import CropDataModule
from contrastmask.data.batches.object_crops import CropOptions
from contrastmask.data.trained import Trained
from contrastmask.errors import CheckpointError
from contrastmask.model.crops.losses import BoxLessons
from contrastmask.model.crops.network import PLANES
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.crops.timm_body import TimmBody, colours_of
from contrastmask.programs.build import module_options, optimizer_options
from contrastmask.programs.config import Config
from contrastmask.programs.data_options import subset_options
from contrastmask.training.crop_module import CropModule


def build_crop_datamodule(config: Config, trained: Trained | None = None) -> CropDataModule:
    """The data that ``config.data`` and ``config.split`` describe, object by object; see ``build_datamodule``."""
    data, branch, schedule = config.data, config.mask_branch, config.schedule
    return CropDataModule(
        **subset_options(config),
        crops=CropOptions(
            branch.side,
            branch.context,
            branch.jitter,
            branch.box_noise,
            data.flip,
            branch.colour,
            tuple(config.mean),
            branch.self_train.trust,
        ),
        box_only=branch.box_only,
        predicted=branch.self_train.objects,
        held_out=branch.held_out,
        least_steps=schedule.least_steps,
        epochs=schedule.epochs,
        batch_size=data.batch_size,
        eval_batch_size=data.eval_batch_size,
        num_workers=data.num_workers,
        seed=config.seed,
        repeats=schedule.repeats,
        on_bad=data.on_bad,
        trained=trained,
        cams=None if branch.cam is None else build_detector_cams(branch.cam),
    )


def with_own_colours(cfg: DictConfig) -> DictConfig:
    """The configuration with mean and deviation that a body of timm was trained with, where it names none.

    Raises:
        ConfigError: timm is not installed, or has no such network that takes crops.
    """
    body = cfg.backbone
    if body.library != "timm" or cfg.mask_branch.kind != "crop":
        return cfg
    TimmBody(body.name, PLANES)  # one that does not fit is told before data are read and weights fetched
    own = colours_of(body.name)
    return OmegaConf.merge(cfg, {"backbone": {"mean": body.mean or own.mean, "std": body.std or own.std}})


def build_initialised_segmenter(config: Config) -> CropSegmenter:
    """The crop branch that a training starts from: ``config.init_path``'s, or a body with its own weights.

    Raises:
        CheckpointError: the file cannot be read, or holds another network.
    """
    if config.init_path is None:
        return build_segmenter(config, tta=config.tta)
    checkpoint = read_checkpoint(config.init_path)
    if not checkpoint.crops:
        raise CheckpointError(
            f"{config.init_path} holds a detector, no crop branch; a crop branch starts from a body: "
            "backbone.weights=FILE, or from another crop branch"
        )
    segmenter = build_segmenter(config, pretrained=False, tta=config.tta)
    load_weights(segmenter, checkpoint)
    return segmenter


def build_crop_module(
    config: Config, plain: dict[str, Any], datamodule: CropDataModule, segmenter: CropSegmenter
) -> CropModule:
    """The LightningModule of a run; ``datamodule`` has been set up, ``plain`` is the configuration to keep."""
    if datamodule.cams is not None:
        datamodule.cams.check(datamodule.class_names)
    return CropModule(
        segmenter,
        datamodule.split,
        optimizer_options(config),
        objects_per_process=config.data.batch_size,
        lessons=BoxLessons(**vars(config.mask_branch.lessons)),
        contrast=build_contrast(config),
        cams=datamodule.cams,
        seed=config.seed,
        evaluator=config.evaluator,
        **module_options(plain, datamodule),
    )
