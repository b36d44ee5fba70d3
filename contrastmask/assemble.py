"""A detector from its settings; no trainer and no configuration framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from contrastmask.checkpoints.network import BackboneConfig, LossConfig, NetworkConfig
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.pretrained import body_state, load_body
from contrastmask.checkpoints.read import Checkpoint, load_weights, read_checkpoint
from contrastmask.checkpoints.timm_weights import load_timm_body, timm_state
from contrastmask.data.batches.detector_cams import DetectorCams
from contrastmask.data.batches.transforms import TestTransform
from contrastmask.errors import CheckpointError
from contrastmask.model.backbone import STRIDES, ResNetFPN
from contrastmask.model.box_head import CAMBoxHead
from contrastmask.model.contrastive_head import ContrastiveHead
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.network import CropNetwork
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.model.crops.timm_body import TimmBody
from contrastmask.model.detector import Detector
from contrastmask.model.mask_head import MaskHead
from contrastmask.model.postprocess import BoxSelection
from contrastmask.model.roi_align import PyramidRoIAlign
from contrastmask.model.roi_heads import RoIHeads
from contrastmask.model.rpn import GridAnchors, ProposalNetwork
from contrastmask.model.sampling import RoISampler
from contrastmask.spoken import say, warn

COCO_SIDES = (800, 1333)  # where a checkpoint does not tell: the sizes of the published results


def build_detector(config: NetworkConfig, classes: int, *, pretrained: bool = True) -> Detector:
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
        contrastive=_contrastive_options(loss) if model.contrastive else None,
        box_stds=tuple(model.box_head.stds),
        use_cam=model.cam,
        mask_rois=model.mask_rois,
    )
    return Detector(
        backbone,
        rpn,
        heads,
        mean=tuple(model.mean),
        std=tuple(model.std),
        divisor=model.divisor,
        trains=model.trains,
        mask_limit=model.roi.mask_limit,
        mask_score=model.roi.mask_score,
    )


def build_segmenter(config: NetworkConfig, *, pretrained: bool = True, tta: str = "none") -> CropSegmenter:
    """The crop branch that ``config.mask_branch`` and ``.backbone`` describe; ``pretrained`` as for a detector.

    Args:
        tta: what a mask is the mean of, see :class:`CropSegmenter`.
    """
    backbone, branch = config.backbone, config.mask_branch
    kind: dict[str, Any] = {"groups": backbone.groups, "width_per_group": backbone.width_per_group}
    kind = {"timm": backbone.name} if backbone.library == "timm" else {"depth": backbone.depth, **kind}
    network = CropNetwork(**kind, cam=branch.cam is not None, channels=branch.channels, norm_eval=backbone.norm_eval)
    state = _body_weights(backbone) if pretrained else None
    if pretrained and state is None:
        network.norm_eval = False  # statistics of nothing
        network.train()
    if state is not None:
        if isinstance(network.body, TimmBody):
            load_timm_body(network.body, backbone.name, state, str(backbone.weights))
        else:
            load_body(network.body, state, str(backbone.weights))
        say(f"backbone {backbone.name} starts from {backbone.weights} weights")
    return CropSegmenter(
        network,
        side=branch.side,
        context=branch.context,
        mean=tuple(config.mean),
        std=tuple(config.std),
        tta=tta,
    )


def build_contrast(config: NetworkConfig) -> CropContrast | None:
    """The crop branch's contrastive lesson, for its training; None where it has no weight."""
    branch, loss = config.mask_branch, config.loss
    if branch.kind != "crop" or not branch.lessons.contrastive:
        return None
    return CropContrast(branch.channels, _contrastive_options(loss))


def segmenter_for(
    detector: Checkpoint, path: str | Path, *, tta: str = "none", allow: Sequence[str] = ()
) -> CropSegmenter:
    """The crop branch of the file ``path``, to give the detector of another checkpoint its masks.

    Args:
        allow: as :func:`~contrastmask.checkpoints.read.read_checkpoint` takes it.

    Raises:
        CheckpointError: the file cannot be read; it is no crop branch, or the other one no detector.
    """
    crops = read_checkpoint(path, allow=allow)
    if detector.crops and crops.crops:
        raise CheckpointError(
            f"{detector.path} and {path} are both crop branches, which find no boxes: the first must be a detector"
        )
    if detector.crops:
        raise CheckpointError(
            f"{detector.path} is a crop branch and {path} a detector: the other way round, crops={detector.path}"
        )
    if not crops.crops:
        raise CheckpointError(
            f"crops={path} is a detector, as {detector.path} is; crops= takes a crop branch (experiment=complete)"
        )
    segmenter = build_segmenter(network_config(crops), pretrained=False, tta=tta)
    load_weights(segmenter, crops)
    return segmenter


def require_no_detector(config: NetworkConfig, path: str | Path) -> None:
    """Whether the crop branch of the file ``path`` can be used alone.

    Raises:
        CheckpointError: it has been trained with a detector's class activation maps, and needs them.
    """
    if config.mask_branch.kind == "crop" and config.mask_branch.cam is not None:
        raise CheckpointError(
            f"{path} is a crop branch that was trained with a detector's class activation maps "
            f"(mask_branch.cam={config.mask_branch.cam}) and cannot do without: give the detector as ckpt_path and "
            f"crops={path} beside it (predict, test and audit take both); training without mask_branch.cam makes one "
            "that stands alone"
        )


def build_detector_cams(path: str | Path) -> DetectorCams:
    """The class activation maps of the detector in a file, at the size that it is tested with.

    Raises:
        CheckpointError: the file cannot be read, is no detector, or does not name its classes.
    """
    read = read_checkpoint(path)
    if read.crops:
        raise CheckpointError(f"mask_branch.cam={path} is a crop branch; class activation maps are a detector's")
    if read.categories is None:
        raise CheckpointError(f"mask_branch.cam={path} does not name its classes, so its maps belong to none")
    detector = build_detector(network_config(read), read.classes, pretrained=False)
    load_weights(detector, read)
    short, long = read.sides or COCO_SIDES
    names = [category["name"] for category in read.categories]
    return DetectorCams(detector, TestTransform(short, max(long, short)), names, Path(path))


def _contrastive_options(loss: LossConfig) -> ContrastiveOptions:
    return ContrastiveOptions(**{name: getattr(loss, name) for name in ContrastiveOptions._fields})


def _body_weights(config: BackboneConfig) -> dict[str, Tensor] | None:
    """The body's ImageNet weights, None where none are asked for or, with a loud warning, where none can be had."""
    if config.weights is None:
        return None
    try:
        if config.library == "timm":
            return timm_state(config.weights, config.name)
        return body_state(config.weights, config.depth, config.groups, config.width_per_group)
    except CheckpointError as error:
        if config.require_weights or config.weights != "imagenet":
            raise
        warn(
            f"THE BACKBONE STARTS FROM RANDOM WEIGHTS: {error}. Nothing of it is frozen. "
            "backbone.require_weights=true stops here instead"
        )
        return None


def _build_backbone(config: BackboneConfig, channels: int, pretrained: bool) -> ResNetFPN:
    kind = {"groups": config.groups, "width_per_group": config.width_per_group}
    state = _body_weights(config) if pretrained else None
    frozen, norm_eval = config.frozen_stages, config.norm_eval
    if pretrained and state is None:
        # random features must not be frozen, nor normalised by statistics of nothing
        frozen, norm_eval = -1, False
    backbone = ResNetFPN(config.depth, **kind, channels=channels, frozen_stages=frozen, norm_eval=norm_eval)
    if state is not None:
        load_body(backbone.body, state, str(config.weights))
        say(f"backbone {config.name} starts from {config.weights} weights")
    return backbone
