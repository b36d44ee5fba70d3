"""MMDetection's names of the tensors, both ways, and the network that shapes tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from contrastmask.checkpoints.mmdetection import (
    detector_name,
    from_mmdetection,
    mmdetection_name,
    network_of,
    to_mmdetection,
)
from contrastmask.errors import CheckpointError
from contrastmask.model.detector import Detector
from tests.detectors import BACKBONES, build, tiny
from tests.recipe_weights import DIGESTS, SEEDS, digest, make_weights


def without_memory(**settings: Any) -> Detector:
    with torch.device("meta"):
        return build(**settings)


@pytest.mark.parametrize("backbone", ["r50", "x101"])
def test_names_and_shapes_are_the_released_ones(backbone: str) -> None:
    """The digest covers every value drawn for every name, so one name or shape astray changes it."""
    state = to_mmdetection(without_memory(backbone=backbone).state_dict())
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert len(shapes) == {"r50": 402, "x101": 708}[backbone]
    assert digest(make_weights(shapes, SEEDS[backbone])) == DIGESTS[backbone]


def test_renaming_and_back_keeps_names_values_and_order() -> None:
    state = tiny().state_dict()
    there = to_mmdetection(state)
    back = from_mmdetection(there)
    assert list(back) == list(state)
    assert all(back[name] is state[name] for name in state)
    assert len(there) == len(state)
    for name in state:
        assert detector_name(mmdetection_name(name)) == name != mmdetection_name(name)


def test_names_without_a_counterpart_are_named() -> None:
    with pytest.raises(CheckpointError, match=r"shared_fcs\.0\.weight, mask_iou_head\.fc\.bias"):
        from_mmdetection(
            {"roi_head.bbox_head.shared_fcs.0.weight": torch.ones(1), "mask_iou_head.fc.bias": torch.ones(1)}
        )
    with pytest.raises(CheckpointError, match=r"MMDetection.*roi_heads\.new\.weight"):
        to_mmdetection({"roi_heads.new.weight": torch.ones(1)})
    hourglass = {f"roi_heads.mask_head.convs.exit.{i}": torch.ones(1) for i in range(20)}
    with pytest.raises(CheckpointError, match=r"^20 tensors .*mask_head=fcn\) alone: .*exit\.7, …$"):
        to_mmdetection(hourglass)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_backbone_is_told_by_shapes(backbone: str) -> None:
    found = network_of(without_memory(backbone=backbone).state_dict())["backbone"]
    kind = {"groups": 1, "width_per_group": 64} | BACKBONES[backbone]
    assert found == {"name": backbone, **kind}


@pytest.mark.parametrize("enhance", [True, False])
@pytest.mark.parametrize("contrastive", [True, False])
def test_the_heads_are_told_by_shapes(contrastive: bool, enhance: bool) -> None:
    changes = {"encoder_depth": 3, "mask_depth": 2, "class_agnostic": True}
    model = network_of(tiny(contrastive=contrastive, enhance=enhance, **changes).state_dict())["model"]
    assert (model["contrastive"], model["enhance"], model["fpn_channels"]) == (contrastive, enhance, 16)
    assert model["box_head"] == {"channels": 16, "shared": 4, "cls": 1, "reg": 2, "class_agnostic": True}
    assert model["mask_head"] == {"channels": 16, "depth": 2}
    head = {"channels": 16, "depth": 3} | ({"projection": 16} if contrastive else {})
    assert model.get("contrastive_head") == (head if contrastive or enhance else None)


def test_an_unknown_body_is_an_error() -> None:
    state = {k: v for k, v in tiny().state_dict().items() if not k.startswith("backbone.body.layer4.1")}
    with pytest.raises(CheckpointError, match=r"\(2, 2, 2, 1\) blocks"):
        network_of(state)
    state = {k: v for k, v in tiny().state_dict().items() if "fc_cls" not in k}
    with pytest.raises(CheckpointError, match="fc_cls"):
        network_of(state)
