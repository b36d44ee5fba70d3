"""The detection losses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from contrastmask.losses.detection import box_losses, mask_loss, rpn_losses


def test_rpn_losses_divide_by_all_sampled_anchors() -> None:
    objectness = torch.tensor([0.0, 0.0, 0.0, 5.0])
    positive, negative = torch.tensor([True, False, False, False]), torch.tensor([False, True, True, False])
    losses = rpn_losses(objectness, torch.zeros(1, 4), torch.tensor([[0.01, 1.0, 2.0, 3.0]]), positive, negative)
    assert losses["loss_rpn_cls"].item() == pytest.approx(math.log(2))
    assert losses["loss_rpn_box"].item() == pytest.approx(6.01 / 3)  # L1, small differences too


def test_an_unsampled_anchor_may_be_infinite() -> None:
    objectness = torch.tensor([1.0, math.inf], requires_grad=True)
    chosen = torch.tensor([True, False])
    loss = rpn_losses(objectness, torch.zeros(1, 4), torch.zeros(1, 4), chosen, ~chosen & chosen)["loss_rpn_cls"]
    assert loss.item() == pytest.approx(math.log1p(math.exp(-1)))


def test_box_losses_divide_by_all_rois_and_take_the_own_class() -> None:
    logits = torch.zeros(4, 3)  # two classes and background
    deltas = torch.arange(32.0).reshape(4, 8)
    labels = torch.tensor([1, 0, 2, 2])
    wanted = torch.zeros(4, 4)
    wanted[1] = 8.0
    losses = box_losses(logits, deltas, labels, wanted)
    assert losses["loss_cls"].item() == pytest.approx(math.log(3))
    first, second = 4 + 5 + 6 + 7, 0 + 1 + 2 + 3
    assert losses["loss_box"].item() == pytest.approx((first + second) / 4)
    agnostic = box_losses(logits, deltas[:, :4], labels, wanted)
    assert agnostic["loss_box"].item() == pytest.approx((0 + 1 + 2 + 3 + 0 + 1 + 2 + 3) / 4)


def test_small_box_differences_count_in_full() -> None:
    losses = box_losses(torch.zeros(1, 2), torch.full((1, 4), 0.02), torch.tensor([0]), torch.zeros(1, 4))
    assert losses["loss_box"].item() == pytest.approx(0.08)


def test_no_rois_and_no_masks_stay_in_the_graph() -> None:
    logits, deltas = torch.zeros(0, 3, requires_grad=True), torch.zeros(0, 8, requires_grad=True)
    losses = box_losses(logits, deltas, torch.zeros(0, dtype=torch.long), torch.zeros(0, 4))
    masks = torch.zeros(0, 28, 28, requires_grad=True)
    total = losses["loss_cls"] + losses["loss_box"] + mask_loss(masks, torch.zeros(0, 28, 28, dtype=torch.bool))
    total.backward()
    assert total.item() == 0
    assert all(x.grad is not None for x in (logits, deltas, masks))


def test_mask_loss_is_a_mean_over_pixels_in_float32() -> None:
    logits = torch.tensor([[[0.0, 2.0]]], dtype=torch.bfloat16)
    loss = mask_loss(logits, torch.tensor([[[True, False]]]))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx((math.log(2) + math.log1p(math.exp(2))) / 2)
