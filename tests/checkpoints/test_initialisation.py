"""Starting from other models' files: what fits is used whole, and the report says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet18
from torchvision.models.detection import maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2

from contrastmask.checkpoints.initialisation import load_initialisation
from contrastmask.checkpoints.mmdetection import to_mmdetection
from contrastmask.errors import CheckpointError
from contrastmask.model.detector import Detector
from tests.detectors import build, tiny


@pytest.fixture(scope="module")
def large() -> Detector:
    return build("r50", 3)


def saved(state: dict[str, Tensor], path: Path) -> Path:
    torch.save(state, path)
    return path


def test_a_whole_mask_rcnn_of_torchvision(large: Detector, tmp_path: Path) -> None:
    other = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4)
    report = load_initialisation(large, saved(other.state_dict(), tmp_path / "mask_rcnn.pth"))
    parts = {"backbone.body", "backbone.fpn", "rpn.head", "roi_heads.mask_head.convs", "roi_heads.mask_head.upsample"}
    assert set(report.used) == parts
    assert report.used["backbone.fpn"] == 16
    assert set(report.not_used) == {
        *(f"roi_heads.box_head.{p}" for p in ("shared_convs", "cls_convs", "reg_convs", "fc_cls", "fc_reg")),
        *(f"roi_heads.contrastive_head.{p}" for p in ("encoder", "projector")),
        *(f"roi_heads.mask_head.{p}" for p in ("fuse", "logits")),
    }
    assert "roi_heads.box_predictor.cls_score.weight" in report.left_over
    for ours, theirs in (
        (large.backbone.body.layer3[2].conv2, other.backbone.body.layer3[2].conv2),
        (large.backbone.fpn.layer_blocks[3][0], other.backbone.fpn.layer_blocks[3][0]),
        (large.rpn.head.bbox_pred, other.rpn.head.bbox_pred),
        (large.roi_heads.mask_head.convs[3], other.roi_heads.mask_head[3][0]),
        (large.roi_heads.mask_head.upsample, other.roi_heads.mask_predictor.conv5_mask),
    ):
        assert torch.equal(ours.weight, theirs.weight)
    assert any("backbone.body: " in line for line in report.lines())
    assert any("roi_heads.mask_head.fuse: not used, not in the file" in line for line in report.lines())


def test_names_of_the_published_files(large: Detector, tmp_path: Path) -> None:
    """torchvision's own downloads still bear the names from before its release 0.13."""
    state = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4).state_dict()
    old = {}
    for name, value in state.items():
        for part in ("inner_blocks", "layer_blocks"):
            for i in range(4):
                name = name.replace(f"{part}.{i}.0.", f"{part}.{i}.")
        name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        for i in range(4):
            name = name.replace(f"roi_heads.mask_head.{i}.0.", f"roi_heads.mask_head.mask_fcn{i + 1}.")
        old[name] = value
    assert len(old.keys() - state.keys()) == 16 + 2 + 8
    report = load_initialisation(large, saved(old, tmp_path / "old.pth"))
    assert {"backbone.fpn", "rpn.head", "roi_heads.mask_head.convs"} <= set(report.used)
    assert torch.equal(large.roi_heads.mask_head.convs[3].weight, state["roi_heads.mask_head.3.0.weight"])


def test_a_part_is_taken_whole_or_not_at_all(large: Detector, tmp_path: Path) -> None:
    """The second version has BatchNorm after the pyramid's convolutions and a deeper proposal head."""
    other = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=4)
    before = {k: v.clone() for k, v in large.state_dict().items()}
    report = load_initialisation(large, saved(other.state_dict(), tmp_path / "v2.pth"))
    assert set(report.used) == {"backbone.body", "roi_heads.mask_head.upsample"}
    assert "missing" in report.not_used["backbone.fpn"]
    assert "left over" in report.not_used["rpn.head"]
    for name, value in large.state_dict().items():
        kept = not name.startswith(("backbone.body", "roi_heads.mask_head.upsample"))
        assert not kept or torch.equal(value, before[name]), name


def test_imagenet_weights(tmp_path: Path) -> None:
    body = resnet18()
    model = tiny()
    report = load_initialisation(model, saved(body.state_dict(), tmp_path / "resnet18.pth"))
    assert list(report.used) == ["backbone.body"]
    assert set(report.left_over) == {"fc.weight", "fc.bias"}
    assert torch.equal(model.backbone.body.layer4[1].conv2.weight, body.layer4[1].conv2.weight)


def test_mmdetections_files_and_our_own(tmp_path: Path) -> None:
    """Fine-tuning on other classes: everything but the layers that are made for the classes."""
    source = tiny(5).state_dict()
    theirs = saved(
        {"state_dict": to_mmdetection(source), "meta": {"CLASSES": ("a", "b", "c", "d", "e")}}, tmp_path / "a"
    )
    ours = saved(
        {
            "state_dict": {f"detector.{k}": v for k, v in source.items()},
            "contrastmask": {
                "format": 1,
                "config": {},
                "categories": [{"id": i, "name": n} for i, n in enumerate("abcde")],
            },
        },
        tmp_path / "b",
    )
    for path in (theirs, ours):
        report = load_initialisation(tiny(4), path)
        assert set(report.not_used) == {"roi_heads.box_head.fc_cls", "roi_heads.box_head.fc_reg"}
        assert "(6, 16), not (5, 16)" in report.not_used["roi_heads.box_head.fc_cls"]
        # as many classes, but others
        report = load_initialisation(tiny(5), path, class_names=["a", "b", "c", "d", "x"])
        assert report.not_used == dict.fromkeys(report.not_used, "the file's classes are others")
        assert set(report.not_used) == {"roi_heads.box_head.fc_cls", "roi_heads.box_head.fc_reg"}
        model = tiny(5)
        assert not load_initialisation(model, path, class_names=list("abcde")).not_used
        assert all(torch.equal(value, source[name]) for name, value in model.state_dict().items())


def test_a_file_of_which_nothing_fits(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no part fits: backbone\.body"):
        load_initialisation(tiny(), saved({"a": torch.ones(1)}, tmp_path / "a.pth"))
