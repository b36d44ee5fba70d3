"""The typed schema of the groups that describe the network: backbone, model and loss. A checkpoint carries these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MISSING: Any = "???"  # what OmegaConf reads as "no value yet"; this file, and prediction, do without OmegaConf


@dataclass
class BackboneConfig:
    """A residual network of torchvision."""

    name: str = MISSING  # label used in folder and run names
    depth: int = MISSING  # 18, 50 or 101
    groups: int = MISSING  # 1 for a ResNet, 32 for a ResNeXt
    width_per_group: int = MISSING  # 64 for a ResNet, 4 for a ResNeXt 32x4d
    weights: str | None = None  # "imagenet" (torchvision's), a file with a torchvision body, or null: from scratch
    require_weights: bool = False  # stop, instead of warning and starting from scratch, where weights cannot be had
    frozen_stages: int = 1  # pretrained bodies only: -1 none, 0 the stem, n also layer1..layern
    norm_eval: bool = True  # pretrained bodies only: BatchNorm keeps its running statistics


@dataclass
class RPNConfig:
    """Region proposals."""

    anchor_scale: float = MISSING  # anchor side in units of the level's stride
    anchor_ratios: list[float] = MISSING  # height / width
    batch: int = MISSING  # anchors in the loss, per image
    positive_fraction: float = MISSING
    iou_high: float = MISSING  # positive from
    iou_low: float = MISSING  # negative below
    iou_best: float = MISSING  # least IoU at which a box keeps its best anchor
    pre_nms_train: int = MISSING  # proposals per level before NMS
    pre_nms_test: int = MISSING
    post_nms: int = MISSING  # proposals per image after NMS
    nms: float = MISSING


@dataclass
class RoIConfig:
    """RoI sampling and the choice of detections."""

    batch: int = MISSING  # RoIs per image in training
    positive_fraction: float = MISSING
    iou: float = MISSING  # foreground from
    score: float = MISSING  # detections must exceed it
    nms: float = MISSING  # within a class
    limit: int = MISSING  # detections per image


@dataclass
class BoxHeadConfig:
    """Classification, box regression and class activation maps."""

    channels: int = MISSING
    shared: int = MISSING  # 3x3 convolutions before the branches
    cls: int = MISSING  # in the classification branch
    reg: int = MISSING  # in the regression branch
    class_agnostic: bool = MISSING  # one set of deltas for all classes
    stds: list[float] = MISSING  # of the four deltas


@dataclass
class ContrastiveHeadConfig:
    """Encoder and projector of RoI pixels."""

    channels: int = MISSING
    depth: int = MISSING  # 3x3 convolutions of the encoder
    projection: int = MISSING  # dimensions of the projected space
    temperature: float = 1.0  # of the softmax that makes the enhanced map
    centred: bool = False  # the enhanced map less its mean over the RoI


@dataclass
class MaskHeadConfig:
    """The class-agnostic mask head."""

    channels: int = MISSING
    depth: int = MISSING  # 3x3 convolutions
    kind: str = "fcn"  # what comes before the upsampling: "fcn", "fcn_norm" or "hourglass"
    extra: int = 0  # 3x3 convolutions beyond depth: a deeper head at any width
    logits_std: float | None = None  # of the last layer's first weights; null: Kaiming's, as released
    blocks: list[int] = field(default_factory=lambda: [1, 2, 2])  # hourglass: residual blocks by level


@dataclass
class ModelConfig:
    """The detector, and the four switches that make comparisons."""

    name: str = MISSING  # label used in folder and run names
    cam: bool = MISSING  # add the class activation map to the mask head's features
    contrastive: bool = MISSING  # train with the contrastive loss
    enhance: bool = MISSING  # add the contrastive branch's enhanced map to the mask head's features
    mask_rois: str = MISSING  # "objects": mask loss on ground-truth boxes only; "positives": on all positive RoIs
    trains: str = "all"  # "masks": the mask branch alone, on the detector of init_path, which stays as it is
    fpn_channels: int = MISSING
    rpn: RPNConfig = field(default_factory=RPNConfig)
    roi: RoIConfig = field(default_factory=RoIConfig)
    box_head: BoxHeadConfig = field(default_factory=BoxHeadConfig)
    contrastive_head: ContrastiveHeadConfig = field(default_factory=ContrastiveHeadConfig)
    mask_head: MaskHeadConfig = field(default_factory=MaskHeadConfig)
    mean: list[float] = MISSING  # RGB, of 0..255
    std: list[float] = MISSING
    divisor: int = MISSING  # batches are padded to multiples of it


@dataclass
class LossConfig:
    """The contrastive loss."""

    formula: str = MISSING  # "released" or "paper"
    weight: float = MISSING  # before the ramp
    ramp_start: float = MISSING  # share of the weight in the first epoch
    ramp_epochs: float = MISSING  # epochs to the full weight: min(max(start, epoch / epochs), 1)
    temperature_easy: float = MISSING
    temperature_hard: float = MISSING
    sample_ratio: float = MISSING  # sigma: share of each key set that is drawn
    delta: float = MISSING  # CAM threshold of box-only objects
    query_high: float = MISSING  # CAM threshold that replaces an empty foreground query
    query_low: float = MISSING  # and an empty background query
    min_pixels: int = MISSING  # fewer in any key set: the object is left out
    query: str = "shared"  # "shared" by all objects of the batch, or each object's "own"
    hard_keys: bool = True  # the terms of keys along the outline
    box_only: bool = True  # objects without mask take part


@dataclass
class NetworkConfig:
    """All that a detector is built from."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
