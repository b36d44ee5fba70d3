"""Anchors and proposals as the released model has them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from contrastmask.model.backbone import STRIDES
from contrastmask.model.rpn import GridAnchors, ProposalNetwork

CANVAS = (224, 320)


def features(channels: int = 4) -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    sizes = [(math.ceil(CANVAS[0] / s), math.ceil(CANVAS[1] / s)) for s in STRIDES]
    return [torch.randn((2, channels, *size), generator=random) for size in sizes]


def images(*sizes: tuple[int, int]) -> ImageList:
    return ImageList(torch.zeros(len(sizes), 3, *CANVAS), list(sizes))


def network(**settings: int) -> ProposalNetwork:
    torch.manual_seed(0)
    return ProposalNetwork(4, GridAnchors(8.0, (0.5, 1.0, 2.0), STRIDES), **settings)


def test_anchors_stand_on_the_grids_corners_unrounded() -> None:
    anchors = GridAnchors(8.0, (0.5, 1.0, 2.0), STRIDES)(images(CANVAS), features())[0]
    assert len(anchors) == sum(3 * f.shape[-2] * f.shape[-1] for f in features())
    # level P2, row 1, column 2: centre (8, 4), area 32 x 32, height / width .5, 1, 2
    first = 3 * (1 * 80 + 2)
    for row, ratio in zip(anchors[first : first + 3], (0.5, 1.0, 2.0), strict=True):
        width, height = 32 / math.sqrt(ratio), 32 * math.sqrt(ratio)
        expected = torch.tensor([8 - width / 2, 4 - height / 2, 8 + width / 2, 4 + height / 2])
        torch.testing.assert_close(row, expected)
    # the last of P6: the stride is 64, though 224 / 4 rows would make it 56
    centre = (anchors[-1, :2] + anchors[-1, 2:]) / 2
    assert centre.tolist() == pytest.approx([4 * 64, 3 * 64], abs=1e-4)


def test_anchors_stay_float32_under_autocast() -> None:
    half = [f.bfloat16() for f in features()]
    assert GridAnchors(8.0, (1.0,), STRIDES)(images(CANVAS), half)[0].dtype == torch.float32


def test_anchors_outside_an_images_own_padded_area_are_not_trained() -> None:
    """The smaller image of a batch: its own padding to 32 counts, not the canvas."""
    rpn = network(batch=10**6, positive_fraction=1.0)
    seen = []
    rpn.fg_bg_sampler = lambda labels: seen.extend(labels) or ([x == 1 for x in labels], [x == 0 for x in labels])
    target = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
    rpn(images(CANVAS, (100, 150)), features(), [target, target])
    inside = rpn.anchor_generator.inside((128, 160), features())
    assert 0 < inside.sum() < len(inside)
    assert (seen[1][~inside] == -1).all()
    assert (seen[1][inside] >= 0).any()
    assert (seen[0] >= 0).sum() > inside.sum()
    # 32 x 40 cells of P2 in all, of which the first 128 / 4 rows and 160 / 4 columns
    second_level = inside[: 3 * 56 * 80].view(56, 80, 3)
    assert second_level.sum() == 3 * 32 * 40
    assert second_level[:32, :40].all()


def test_empty_proposals_stay() -> None:
    """Boxes that lie outside of the image have no area once clipped; the released model keeps them."""
    rpn = network(post_nms=10**6).eval()
    proposals, losses = rpn(images((40, 40), (40, 40)), features())
    area = (proposals[0][:, 2:] - proposals[0][:, :2]).prod(dim=1)
    assert (area == 0).any()
    assert losses == {}
    assert proposals[0].max() <= 40


def test_limits_before_and_after_nms() -> None:
    rpn = network(pre_nms_train=20, pre_nms_test=7, post_nms=25)
    target = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
    assert len(rpn(images(CANVAS, CANVAS), features(), [target, target])[0][0]) == 25
    assert len(rpn.eval()(images(CANVAS, CANVAS), features())[0][0]) <= 25
    assert all(len(p) <= 5 * 7 for p in network(pre_nms_test=7).eval()(images(CANVAS, CANVAS), features())[0])


def test_an_image_without_objects_has_background_only() -> None:
    rpn = network()
    target = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    _, losses = rpn(images(CANVAS, CANVAS), features(), [target, target])
    assert losses["loss_rpn_box"] == 0
    assert losses["loss_rpn_cls"].item() == pytest.approx(math.log(2), abs=0.1)


def test_training_needs_targets() -> None:
    with pytest.raises(ValueError, match="targets"):
        network()(images(CANVAS, CANVAS), features())
