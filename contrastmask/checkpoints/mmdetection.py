"""MMDetection's names of a ContrastMask's tensors: to ours, back again, and what their shapes say about the network.

Both layouts keep the background last among the class scores and have no box deltas for it, so values pass unchanged.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from contrastmask.errors import CheckpointError

MOST_NAMES = 8  # of tensors in an error message
_CONTRASTIVE, _OUR_CONTRASTIVE = "roi_head.mask_head.contrastive_head", "roi_heads.contrastive_head"
# theirs, ours; {i} is a number
_PREFIXES = (
    ("backbone.", "backbone.body."),
    ("neck.lateral_convs.{i}.conv.", "backbone.fpn.inner_blocks.{i}.0."),
    ("neck.fpn_convs.{i}.conv.", "backbone.fpn.layer_blocks.{i}.0."),
    ("rpn_head.rpn_conv.", "rpn.head.conv.0.0."),
    ("rpn_head.rpn_cls.", "rpn.head.cls_logits."),
    ("rpn_head.rpn_reg.", "rpn.head.bbox_pred."),
    ("roi_head.bbox_head.shared_convs.{i}.conv.", "roi_heads.box_head.shared_convs.{i}."),
    ("roi_head.bbox_head.cls_convs.{i}.conv.", "roi_heads.box_head.cls_convs.{i}."),
    ("roi_head.bbox_head.reg_convs.{i}.conv.", "roi_heads.box_head.reg_convs.{i}."),
    ("roi_head.bbox_head.fc_cls.", "roi_heads.box_head.fc_cls."),
    ("roi_head.bbox_head.fc_reg.", "roi_heads.box_head.fc_reg."),
    ("roi_head.mask_head.convs.{i}.conv.", "roi_heads.mask_head.convs.{i}."),
    ("roi_head.mask_head.upsample.", "roi_heads.mask_head.upsample."),
    ("roi_head.mask_head.conv_logits.", "roi_heads.mask_head.logits."),
    ("roi_head.mask_head.fuseconv.", "roi_heads.mask_head.fuse."),
    (f"{_CONTRASTIVE}.encoder.{{i}}.conv.", f"{_OUR_CONTRASTIVE}.encoder.{{i}}."),
    (f"{_CONTRASTIVE}.projector.{{i}}.conv.", f"{_OUR_CONTRASTIVE}.projector.convs.{{i}}."),
    (f"{_CONTRASTIVE}.projector.{{i}}.bn.", f"{_OUR_CONTRASTIVE}.projector.norms.{{i}}."),
    (f"{_CONTRASTIVE}.projector.2.", f"{_OUR_CONTRASTIVE}.projector.linear."),
)
_BLOCKS = {(2, 2, 2, 2): 18, (3, 4, 6, 3): 50, (3, 4, 23, 3): 101}


def _renaming(pairs: list[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    """Patterns of the first names, and what to replace them by."""
    return [
        (re.compile(re.escape(old).replace(r"\{i\}", r"(\d+)")), new.replace("{i}", r"\g<1>")) for old, new in pairs
    ]


_TO_OURS = _renaming(list(_PREFIXES))
_TO_THEIRS = _renaming([(ours, theirs) for theirs, ours in _PREFIXES])


def _rename(name: str, rules: list[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, new in rules:
        if match := pattern.match(name):
            return match.expand(new) + name[match.end() :]
    return None


def _renamed(state: dict[str, Tensor], rules: list[tuple[re.Pattern[str], str]], layout: str) -> dict[str, Tensor]:
    names = {name: _rename(name, rules) for name in state}
    unknown = [name for name, new in names.items() if new is None]
    if unknown:
        shown = ", ".join(unknown[:MOST_NAMES]) + (", …" if len(unknown) > MOST_NAMES else "")
        raise CheckpointError(f"{len(unknown)} tensors without a counterpart in {layout}: {shown}")
    return {names[name]: value for name, value in state.items()}


def is_mmdetection(state: dict[str, Tensor]) -> bool:
    """Whether these tensors bear MMDetection's names of a two-stage detector."""
    return any(name.startswith("neck.") for name in state) and any(name.startswith("roi_head.") for name in state)


def from_mmdetection(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the Detector's names, in the same order.

    Raises:
        CheckpointError: tensors that a ContrastMask does not have, the first of them named.
    """
    return _renamed(state, _TO_OURS, "a ContrastMask")


def to_mmdetection(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The Detector's tensors under MMDetection's names, in the same order.

    Raises:
        CheckpointError: tensors that the released model does not have, the first of them named.
    """
    return _renamed(state, _TO_THEIRS, "MMDetection's layout, which knows the released mask head (mask_head=fcn) alone")


def mmdetection_name(name: str) -> str:
    """MMDetection's name of one of the Detector's tensors; a name that has none passes."""
    return _rename(name, _TO_THEIRS) or name


def detector_name(name: str) -> str:
    """The Detector's name of one of MMDetection's tensors; a name that has none passes."""
    return _rename(name, _TO_OURS) or name


def has_counterpart(name: str) -> bool:
    """Whether a ContrastMask has this tensor of MMDetection's."""
    return _rename(name, _TO_OURS) is not None


def network_of(state: dict[str, Tensor]) -> dict[str, dict[str, Any]]:
    """Settings of the configuration's groups ``backbone`` and ``model``, read off the shapes of a Detector's tensors.

    The figures that no shape shows (anchors, thresholds, how many RoIs) are left to the configuration.

    Raises:
        CheckpointError: the body is no ResNet or ResNeXt of 18, 50 or 101 layers, or a head is missing.
    """
    blocks = tuple(_count(state, f"backbone.body.layer{i}") for i in range(1, 5))
    if blocks not in _BLOCKS:
        raise CheckpointError(f"the body has {blocks} blocks; known are {', '.join(map(str, _BLOCKS))}")
    try:
        heads = _heads(state)
        # a grouped convolution's weight is [groups * width, width, 3, 3]
        wide, width = state["backbone.body.layer1.0.conv2.weight"].shape[:2]
    except KeyError as error:
        raise CheckpointError(f"this is no ContrastMask: {error.args[0]} is missing") from error
    depth, groups = _BLOCKS[blocks], wide // width
    name = f"{'x' if groups > 1 else 'r'}{depth}"
    return {"backbone": {"name": name, "depth": depth, "groups": groups, "width_per_group": width}, "model": heads}


def _heads(state: dict[str, Tensor]) -> dict[str, Any]:
    box, mask = "roi_heads.box_head", "roi_heads.mask_head"
    contrastive = f"{_OUR_CONTRASTIVE}.encoder.0.weight" in state
    classes = len(state[f"{box}.fc_cls.weight"]) - 1
    model = {
        "fpn_channels": len(state["backbone.fpn.inner_blocks.0.0.weight"]),
        "contrastive": f"{_OUR_CONTRASTIVE}.projector.linear.weight" in state,
        "enhance": f"{mask}.fuse.weight" in state,
        "box_head": {
            "channels": state[f"{box}.fc_cls.weight"].shape[1],
            **{part: _count(state, f"{box}.{part}_convs") for part in ("shared", "cls", "reg")},
            "class_agnostic": len(state[f"{box}.fc_reg.weight"]) == 4 and classes > 1,
        },
        "mask_head": {
            "channels": state[f"{mask}.upsample.weight"].shape[1],
            "depth": _count(state, f"{mask}.convs"),
        },
    }
    if contrastive:
        # the CAM has no weights of its own; a model with a contrastive branch has always had it
        model |= {"name": "contrastmask", "cam": True}
        model["contrastive_head"] = {
            "channels": len(state[f"{_OUR_CONTRASTIVE}.encoder.0.weight"]),
            "depth": _count(state, f"{_OUR_CONTRASTIVE}.encoder"),
        }
    if model["contrastive"]:
        model["contrastive_head"]["projection"] = len(state[f"{_OUR_CONTRASTIVE}.projector.linear.weight"])
    return model


def _count(state: dict[str, Tensor], prefix: str) -> int:
    """How many numbered parts follow ``prefix``."""
    found = (re.match(rf"{re.escape(prefix)}\.(\d+)\.", name) for name in state)
    return len({match[1] for match in found if match})
