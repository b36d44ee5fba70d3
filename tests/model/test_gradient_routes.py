"""Which loss reaches which parameters, and that a failing branch does not poison the others."""

from __future__ import annotations

import pytest
import torch

from tests.detectors import scene, tiny


def reached(loss: str) -> set[str]:
    """Names of the parameters that get a gradient other than zero from one loss."""
    torch.manual_seed(0)
    detector = tiny(body={"frozen_stages": -1, "norm_eval": False})
    images, targets = zip(scene(has_mask=(True, True)), scene(has_mask=(True, True), seed=1), strict=True)
    detector(list(images), list(targets), contrastive_weight=0.1)[loss].backward()
    return {n for n, p in detector.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_the_contrastive_loss_reaches_projector_and_encoder_alone() -> None:
    names = reached("loss_contrastive")
    assert any(".projector." in n for n in names)
    assert any(".encoder." in n for n in names)
    assert all(n.startswith("roi_heads.contrastive_head.") for n in names)


def test_the_mask_loss_reaches_everything_but_projector_classifier_and_box_regression() -> None:
    names = reached("loss_mask")
    assert not any(".projector." in n or "fc_" in n or "reg_convs" in n for n in names)
    for part in ("mask_head.fuse", "encoder.0", "cls_convs.0", "shared_convs.0", "backbone.fpn", "body.conv1"):
        assert any(part in n for n in names), part


@pytest.mark.parametrize("pixels", ["all", "none"])
def test_masks_that_fill_or_miss_their_box(pixels: str) -> None:
    torch.manual_seed(0)
    detector = tiny()
    image, target = scene(has_mask=(True, True))
    target["masks"].fill_(pixels == "all")
    total = sum(detector([image], [target], contrastive_weight=0.1).values())
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in detector.parameters() if p.grad is not None)


def test_equal_boxes_of_two_classes_keep_their_own_labels() -> None:
    """An object's own box belongs to it, even where another object has the same one."""
    torch.manual_seed(0)
    boxes = torch.tensor([[4.0, 6, 40, 50], [4, 6, 40, 50]])
    target = {"boxes": boxes, "labels": torch.tensor([2, 4])}
    rois = tiny().roi_heads.sampler(torch.rand(20, 4) * 5, target, 5)
    assert rois.labels[rois.is_object].tolist() == [2, 4]
    assert rois.objects[rois.is_object].tolist() == [0, 1]
