"""The typed schema of the groups that describe the network: backbone, model and loss. A checkpoint carries these."""

from __future__ import annotations

from dataclasses import dataclass, field

from contrastmask.checkpoints.ranges import MISSING, above, at_least, between
from contrastmask.errors import ConfigError


@dataclass
class BackboneConfig:
    """A residual network of torchvision or, for the crop branch, a network of timm by its name."""

    library: str = "torchvision"  # or "timm"
    name: str = MISSING  # label used in folder and run names; of timm's networks, which one
    depth: int | None = at_least(1)  # torchvision: 18, 50 or 101
    groups: int = at_least(1, default=1)  # torchvision: 1 for a ResNet, 32 for a ResNeXt
    width_per_group: int = at_least(1, default=64)  # torchvision: 64 for a ResNet, 4 for a ResNeXt 32x4d
    mean: list[float] | None = between(0, 255, length=3, default=None)  # timm, RGB, of 0..255; null: of its weights
    std: list[float] | None = above(0, length=3, default=None)  # model.mean and .std are all other networks'
    weights: str | None = None  # "imagenet" (the library's), a file with a body in its layout, or null: from scratch
    require_weights: bool = False  # stop, instead of warning and starting from scratch, where weights cannot be had
    frozen_stages: int = between(-1, 4, default=1)  # pretrained bodies only: -1 none, 0 the stem, n also layer1..layern
    norm_eval: bool = True  # pretrained bodies only: BatchNorm keeps its running statistics


@dataclass
class RPNConfig:
    """Region proposals."""

    anchor_scale: float = above(0)  # anchor side in units of the level's stride
    anchor_ratios: list[float] = above(0, filled=True)  # height / width
    batch: int = at_least(1)  # anchors in the loss, per image
    positive_fraction: float = between(0, 1)
    iou_high: float = between(0, 1)  # positive from
    iou_low: float = between(0, 1)  # negative below
    iou_best: float = between(0, 1)  # least IoU at which a box keeps its best anchor
    pre_nms_train: int = at_least(1)  # proposals per level before NMS
    pre_nms_test: int = at_least(1)
    post_nms: int = at_least(1)  # proposals per image after NMS
    nms: float = between(0, 1)


@dataclass
class RoIConfig:
    """RoI sampling and the choice of detections."""

    batch: int = at_least(1)  # RoIs per image in training
    positive_fraction: float = between(0, 1)
    iou: float = between(0, 1)  # foreground from
    score: float = between(0, 1)  # detections must exceed it
    nms: float = between(0, 1)  # within a class
    limit: int = at_least(1)  # detections per image
    mask_limit: int | None = at_least(1, default=None)  # the best so many of them get a mask; null: all
    mask_score: float = between(0, 1, default=0.0)  # those of at least this score get a mask


@dataclass
class BoxHeadConfig:
    """Classification, box regression and class activation maps."""

    channels: int = at_least(1)
    shared: int = at_least(0)  # 3x3 convolutions before the branches
    cls: int = at_least(0)  # in the classification branch
    reg: int = at_least(0)  # in the regression branch
    class_agnostic: bool = MISSING  # one set of deltas for all classes
    stds: list[float] = above(0, length=4)  # of the four deltas


@dataclass
class ContrastiveHeadConfig:
    """Encoder and projector of RoI pixels."""

    channels: int = at_least(1)
    depth: int = at_least(0)  # 3x3 convolutions of the encoder
    projection: int = at_least(1)  # dimensions of the projected space
    temperature: float = above(0, default=1.0)  # of the softmax that makes the enhanced map
    centred: bool = False  # the enhanced map less its mean over the RoI


@dataclass
class MaskHeadConfig:
    """The class-agnostic mask head."""

    channels: int = at_least(1)
    depth: int = at_least(0)  # 3x3 convolutions
    kind: str = "fcn"  # what comes before the upsampling: "fcn", "fcn_norm" or "hourglass"
    extra: int = at_least(0, default=0)  # 3x3 convolutions beyond depth: a deeper head at any width
    logits_std: float | None = above(0, default=None)  # of the last layer's first weights; null: Kaiming's, as released
    blocks: list[int] = at_least(1, default=[1, 2, 2], filled=True)  # hourglass: residual blocks by level


@dataclass
class ModelConfig:
    """The detector, and the four switches that make comparisons."""

    name: str = MISSING  # label used in folder and run names
    cam: bool = MISSING  # add the class activation map to the mask head's features
    contrastive: bool = MISSING  # train with the contrastive loss
    enhance: bool = MISSING  # add the contrastive branch's enhanced map to the mask head's features
    mask_rois: str = MISSING  # "objects": mask loss on ground-truth boxes only; "positives": on all positive RoIs
    trains: str = "all"  # "masks": the mask branch alone, on the detector of init_path, which stays as it is
    fpn_channels: int = at_least(1)
    rpn: RPNConfig = field(default_factory=RPNConfig)
    roi: RoIConfig = field(default_factory=RoIConfig)
    box_head: BoxHeadConfig = field(default_factory=BoxHeadConfig)
    contrastive_head: ContrastiveHeadConfig = field(default_factory=ContrastiveHeadConfig)
    mask_head: MaskHeadConfig = field(default_factory=MaskHeadConfig)
    mean: list[float] = between(0, 255, length=3)  # RGB, of 0..255
    std: list[float] = above(0, length=3)
    divisor: int = at_least(1)  # batches are padded to multiples of it


@dataclass
class LossConfig:
    """The contrastive loss."""

    formula: str = MISSING  # "released" or "paper"
    weight: float = at_least(0)  # before the ramp
    ramp_start: float = between(0, 1)  # share of the weight in the first epoch
    ramp_epochs: float = at_least(0)  # epochs to the full weight: min(max(start, epoch / epochs), 1)
    temperature_easy: float = above(0)
    temperature_hard: float = above(0)
    sample_ratio: float = between(0, 1)  # sigma: share of each key set that is drawn
    delta: float = between(0, 1)  # CAM threshold of box-only objects
    query_high: float = between(0, 1)  # CAM threshold that replaces an empty foreground query
    query_low: float = between(0, 1)  # and an empty background query
    min_pixels: int = at_least(0)  # fewer in any key set: the object is left out
    query: str = "shared"  # "shared" by all objects of the batch, or each object's "own"
    hard_keys: bool = True  # the terms of keys along the outline
    box_only: bool = True  # objects without mask take part


@dataclass
class BoxLessonsConfig:
    """Weights of what the crop branch learns from boxes alone; 0 leaves a lesson out."""

    outside: float = at_least(0, default=0.0)  # nothing of the object outside its box
    projection: float = at_least(0, default=0.0)  # every row and column of the box holds some of it
    pairwise: float = at_least(0, default=0.0)  # neighbours of like colour share their side
    contrastive: float = at_least(0, default=0.0)  # the method's loss of the group `loss`, on the branch's own features
    ramp_epochs: float = at_least(0, default=4.0)  # epochs until all but `outside` have their full weight


@dataclass
class SelfTrainConfig:
    """Learning from masks that a model made (``data.predicted_masks=use``); they are never counted as truth."""

    objects: int = at_least(0, default=8)  # with predicted masks in a batch, beside data.batch_size others; 0: none
    trust: float = at_least(0, default=1.0)  # power of a predicted mask's confidence that weighs it; 0: as a drawn one


@dataclass
class MaskBranchConfig:
    """Where masks come from: the detector's feature pyramid, or crops of the image around given boxes."""

    kind: str = "pyramid"  # "pyramid" or "crop"; all below is the crop branch's
    side: int = at_least(64, default=128)  # px, an object with its surroundings is resized to it; a multiple of 32
    context: float = between(0, 2, default=0.1)  # share of the box's sides that is added at each end
    channels: int = at_least(8, default=64)  # width of the upward path; a multiple of 8
    jitter: float = between(0, 0.4, default=0.1)  # training: each side of what is cut out moves by at most this share
    box_noise: float = between(0, 0.4, default=0.02)  # training: each side of the box that is told moves by so much
    colour: float = between(0, 1, default=0.2)  # training: greatest change of brightness, contrast and saturation
    held_out: float = between(0, 0.5, default=0.05)  # share of objects with masks that only the confidence is fitted to
    box_only: int = at_least(0, default=0)  # training: box-only objects in a batch, beside data.batch_size others
    cam: str | None = None  # training: a detector's file; its CAM of the object's class is told as a third plane
    lessons: BoxLessonsConfig = field(default_factory=BoxLessonsConfig)
    self_train: SelfTrainConfig = field(default_factory=SelfTrainConfig)


@dataclass
class NetworkConfig:
    """All that a detector is built from."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mask_branch: MaskBranchConfig = field(default_factory=MaskBranchConfig)

    @property
    def mean(self) -> list[float]:
        """Of the pixels that the network sees, RGB, of 0..255: its body's own, or the model's."""
        return self.backbone.mean or self.model.mean

    @property
    def std(self) -> list[float]:
        """Their deviation."""
        return self.backbone.std or self.model.std

    def check_body(self) -> None:
        """Whether there is such a body, and for such a branch.

        Raises:
            ConfigError: there is none; the choices are named.
        """
        body = self.backbone
        if self.mask_branch.cam is not None and self.mask_branch.kind != "crop":
            raise ConfigError("mask_branch.cam is of mask_branch=crop; a detector's own mask head has model.cam")
        if body.library not in ("torchvision", "timm"):
            raise ConfigError(f"backbone.library={body.library!r} is not one of torchvision, timm")
        if body.library == "timm":
            if self.mask_branch.kind != "crop":
                raise ConfigError(
                    f"backbone.name={body.name} of timm's is for the crop branch (experiment=complete, or "
                    "mask_branch=crop); a detector takes backbone=r18, r50, r101, x50 or x101"
                )
            return
        if body.depth not in (18, 50, 101):
            raise ConfigError(f"backbone.depth={body.depth!r} is not one of 18, 50, 101")
        if body.depth == 18 and body.groups != 1:
            raise ConfigError("backbone.groups must be 1 for depth 18: grouped convolutions need bottleneck blocks")
        if body.depth == 18 and body.width_per_group != 64:
            raise ConfigError(
                f"backbone.width_per_group={body.width_per_group} must be 64 for depth 18: others need bottleneck "
                "blocks (depth 50 or 101)"
            )
        if body.mean is not None or body.std is not None:
            raise ConfigError("backbone.mean and .std are of timm's bodies; model.mean and .std are torchvision's")
