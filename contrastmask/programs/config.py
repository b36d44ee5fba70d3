"""The typed schema of every configuration group.

Types and one line of meaning each; the *values* live in ``conf/``, one file per choice. Hydra merges the two, so a
misspelt key or a wrong type stops before any data is read; what one group alone cannot tell is checked in
:meth:`Config.validate` and ``build.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.checkpoints.ranges import Range, above, at_least, between, check_ranges, check_values
from contrastmask.errors import ConfigError
from contrastmask.evaluation.coco_match import BACKENDS
from contrastmask.model.crops.views import TTA
from contrastmask.programs.key_names import checked_object

# of Lightning's own arguments, which some of its versions take without a word
TRAINER = {
    **dict.fromkeys(("accumulate_grad_batches", "check_val_every_n_epoch", "num_nodes"), Range(1, whole=True)),
    **dict.fromkeys(("max_epochs", "max_steps", "num_sanity_val_steps"), Range(-1, whole=True)),
    **dict.fromkeys(("min_epochs", "min_steps", "log_every_n_steps"), Range(0, whole=True)),
    "gradient_clip_val": Range(0),
    **dict.fromkeys((f"limit_{part}_batches" for part in ("train", "val", "test", "predict")), Range(0)),
    **dict.fromkeys(("overfit_batches", "val_check_interval", "reload_dataloaders_every_n_epochs"), Range(0)),
}


@dataclass
class SplitConfig:
    """Which classes keep their masks."""

    rule: str = MISSING  # voc_nonvoc, nonvoc_voc, as_annotated or all
    name: str | None = None  # label used in folder and run names; the rule, or "own" for own lists
    base: list[str] | None = None  # own list of classes with masks, by name; replaces the rule
    novel: list[str] | None = None  # own list of box-only classes, by name; replaces the rule
    mask_share: float = between(
        0, 1, default=1.0
    )  # 0..1: share of the base classes' masks that the training keeps; 0: boxes alone


@dataclass
class ShapesConfig:
    """The embedded data set; drawn once into a cache folder as COCO-format files."""

    cache: str = MISSING  # folder for generated sets, one sub-folder per combination of the settings below
    train_images: int = at_least(1)
    val_images: int = at_least(1)
    size: int = at_least(48)  # side of the square images, pixels
    seed: int = at_least(0)  # of the drawing, not of the training
    classes: list[str] | None = None  # COCO names among those that can be drawn; null: all 24
    objects: list[int] = between(0, 50, length=2)  # fewest and most objects drawn into an image
    object_size: list[float] = between(
        0.05, 1, length=2
    )  # shortest and longest long side of an object, in shares of the image side
    rotation: float = between(0, 180)  # degrees either way; less for classes that would be taken for others upside down
    overlap: float = between(0, 1)  # probability that an object is put beside or over an earlier one
    min_visible: float = between(0, 1)  # share of its area that an object keeps where others hide it
    contrast: float = between(0, 1)  # colour distance between an object and the pixels around it
    clutter: float = between(0, 1)  # 0: smooth backgrounds, 1: busy ones
    noise: float = between(0, 1)  # standard deviation of the pixel noise, in shares of white
    class_colour: float = between(0, 1)  # share of the objects that wear their class's own hue
    polygons: float = between(0, 1)  # share of the simple objects that are annotated by polygons and not by RLE


@dataclass
class DataConfig:
    """A COCO-format data set and how it becomes batches."""

    name: str = MISSING  # label used in folder and run names
    root: str | None = None  # folder that the four paths below are relative to
    train_annotations: str = MISSING
    train_images: str = MISSING
    val_annotations: str = MISSING
    val_images: str = MISSING
    batch_size: int = at_least(1)  # training images per process
    eval_batch_size: int = at_least(1, default=1)  # images per process in evaluation
    num_workers: int = at_least(0)  # loader processes per process
    short_sides: list[int] = at_least(1, length=2)  # training: least and greatest short side, drawn uniformly
    test_short_side: int = at_least(1)
    long_side: int = at_least(1)  # no side longer than this
    flip: float = between(0, 1, default=0.5)  # probability of a horizontal flip in training
    repair: bool = False  # mend or drop, and count, broken records that otherwise stop the program
    crowd: str = "region"  # rows with iscrowd 1: "region" (background, not judged) or "object" (painted masks)
    rectangles: str = "mask"  # a mask that is its own box: "mask", or "box" (no mask)
    nested: str = "part"  # a polygon inside another of its object: "part" (COCO's rule: nothing changes) or "hole"
    duplicates: str = "keep"  # two rows for one object: "keep" both, or "join" them (the one with the mask stays)
    empty_categories: str = "keep"  # classes without an annotation: "keep" or "drop"
    predicted_masks: str = "ignore"  # in training: "ignore" (boxes alone), "accepted" (in a review) or "use"
    strip_path: Any = 0  # leading folders of file_name that are left out, a number or "auto"
    follow_links: bool = False  # links inside the image folder may lead out of it
    exif: str = "auto"  # the camera's orientation: "auto" (where only then the size agrees), "apply" or "ignore"
    bit_depth: Any = 16  # bits that 16-bit files use, 9 to 16, or "own" (each file's own maximum is white)
    cache: str | None = None  # folder for checked records of large annotation files; null: none are kept
    on_bad: str = "error"  # unreadable image: "error" stops, "skip" leaves it out, warns and counts
    shapes: ShapesConfig | None = None  # the generator, where the data are drawn and not read


@dataclass
class ScheduleConfig:
    """Optimiser and learning rate."""

    name: str = MISSING  # label used in folder and run names
    epochs: int = at_least(1)
    repeats: int = at_least(1)  # passes over the data within an epoch
    optimizer: str = MISSING  # "sgd" or "adamw"
    lr: float = above(0)  # for base_images images a step; scaled linearly to the images of the run
    base_images: int = at_least(1)
    momentum: float = between(0, 1)  # sgd only
    weight_decay: float = at_least(0)
    warmup_steps: int = at_least(0)  # optimiser steps
    warmup_start: float = between(0, 1, above=True)  # share of the rate at step 0
    milestones: list[int] = at_least(1)  # epochs after which the rate is multiplied by gamma
    gamma: float = above(0)
    shorten_warmup: bool = MISSING  # to a tenth of the training where that is no longer than the warm-up
    decay: str = "milestones"  # or "cosine": to zero over the whole training
    body_lr: float = above(0, default=1.0)  # crop branch: share of the rate for the backbone's body
    least_steps: int = at_least(0, default=0)  # crop branch: small sets are passed over more often to get there


@dataclass
class Config(NetworkConfig):
    """The whole program."""

    split: SplitConfig = field(default_factory=SplitConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    trainer: Any = MISSING  # Lightning's Trainer, its own arguments under their own names
    logger: Any = None
    callbacks: Any = None
    seed: int = between(0, 2**32 - 1, default=0)  # of weights, data order, augmentation and pixel draws
    ckpt_path: str | None = None  # train: resume from it; test: evaluate it
    resume_changed: list[str] = field(default_factory=list)  # train: go on though these differ: split, loss
    init_path: str | None = None  # train: start from the parts of this file that fit
    evaluate: str = "detections"  # "given_boxes" also segments the ground-truth boxes, without a detection step
    evaluator: str = "arrays"  # what matches and counts: "arrays", "faster" (faster-coco-eval) or "pycocotools"
    evaluate_after: bool | None = None  # evaluate when training ends; null: if at least one step was trained
    crops: str | None = None  # test: a crop branch that gives the detector of ckpt_path its masks
    tta: str = "none"  # crop branch: "flip", "scales" or "all": a mask is the mean of several views
    overlays: int = at_least(0, default=8)  # validation images drawn into the run folder
    notes: str = ""  # kept with the run
    run_name: str = MISSING  # for loggers

    def validate(self) -> None:
        """Check what types cannot say.

        Raises:
            ConfigError: a value is outside its choices, or settings contradict each other.
        """
        check_ranges(self)
        check_values(self.trainer or {}, TRAINER, "trainer.")
        _choose("split.rule", self.split.rule, ("voc_nonvoc", "nonvoc_voc", "as_annotated", "all"))
        _choose("loss.formula", self.loss.formula, ("released", "paper"))
        _choose("loss.query", self.loss.query, ("shared", "own"))
        _choose("model.mask_head.kind", self.model.mask_head.kind, ("fcn", "fcn_norm", "hourglass"))
        _choose("model.mask_rois", self.model.mask_rois, ("objects", "positives"))
        _choose("mask_branch.kind", self.mask_branch.kind, ("pyramid", "crop"))
        _choose("schedule.decay", self.schedule.decay, ("milestones", "cosine"))
        for name, step in (("side", 32), ("channels", 8)):
            if (value := getattr(self.mask_branch, name)) % step:
                raise ConfigError(f"mask_branch.{name}={value} must be a multiple of {step}")
        _choose("model.trains", self.model.trains, ("all", "masks"))
        _choose("schedule.optimizer", self.schedule.optimizer, ("sgd", "adamw"))
        _choose("data.on_bad", self.data.on_bad, ("error", "skip"))
        _choose("evaluate", self.evaluate, ("detections", "given_boxes"))
        _choose("evaluator", self.evaluator, BACKENDS)
        _choose("tta", self.tta, TTA)
        self.check_body()
        for name in self.resume_changed:
            _choose("resume_changed", name, ("split", "loss"))
        if self.ckpt_path is not None and self.init_path is not None:
            raise ConfigError("init_path starts a training, ckpt_path resumes one: give one of them")
        rpn = self.model.rpn
        if rpn.iou_low > rpn.iou_high:
            raise ConfigError(f"model.rpn.iou_low={rpn.iou_low} must not be above model.rpn.iou_high={rpn.iou_high}")
        low, high = self.data.short_sides
        if not low <= high <= self.data.long_side:
            raise ConfigError(
                f"data.short_sides={list(self.data.short_sides)} must be [least, greatest], not above "
                f"data.long_side={self.data.long_side}"
            )
        if self.data.test_short_side > self.data.long_side:
            raise ConfigError(
                f"data.test_short_side={self.data.test_short_side} must not be above "
                f"data.long_side={self.data.long_side}"
            )


def _choose(name: str, value: Any, choices: tuple) -> None:
    if value not in choices:
        raise ConfigError(f"{name}={value!r} is not one of {', '.join(map(str, choices))}")


def typed(cfg: DictConfig) -> Config:
    """The composed configuration as checked dataclasses.

    Raises:
        ConfigError: a key that there is not, a value outside its choices, a contradiction, or a value that nobody has
            given.
    """
    config: Config = checked_object(cfg)
    config.validate()
    return config


def register() -> None:
    """Store the schemas for Hydra under ``schema/...``, out of the way of the groups that people choose from."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
