"""The confidence of unseen objects' masks."""

from __future__ import annotations

import pytest
import torch

from contrastmask.model.crops.calibration import Calibration, overlap, quality_loss


def test_before_it_is_fitted_nothing_changes() -> None:
    quality = torch.linspace(-3, 3, 7)
    assert torch.equal(Calibration()(quality), quality.sigmoid())


def test_what_was_said_too_surely_is_mended() -> None:
    generator = torch.Generator().manual_seed(0)
    quality = 2 * torch.randn(4000, generator=generator) + 1
    true = (0.5 * quality - 0.3).sigmoid()  # the IoU that such masks really have
    calibration = Calibration()
    calibration.fit(quality, true)
    assert (float(calibration.slope), float(calibration.shift)) == pytest.approx((0.5, -0.3), abs=0.01)
    assert torch.allclose(calibration(quality), true, atol=0.005)
    assert set(calibration.state_dict()) == {"slope", "shift"}  # a checkpoint keeps them


def test_a_few_objects_change_little_and_none_nothing() -> None:
    calibration = Calibration()
    calibration.fit(torch.zeros(0), torch.zeros(0))
    assert (float(calibration.slope), float(calibration.shift)) == (1.0, 0.0)
    calibration.fit(torch.tensor([4.0]), torch.tensor([0.0]))
    assert 0.3 < float(calibration(torch.tensor([4.0]))) < float(torch.tensor(4.0).sigmoid())


def test_the_order_stays_even_where_it_is_wrong() -> None:
    quality = torch.linspace(-2, 2, 100)
    calibration = Calibration()
    calibration.fit(quality, (-quality).sigmoid())
    assert (calibration(quality).diff() > 0).all()


def test_overlap_by_hand() -> None:
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    masks = torch.tensor([[[1, 0], [1, 0]], [[0, 0], [0, 0]]])
    assert overlap(logits, masks).tolist() == pytest.approx([1 / 3, 0.0])


def test_loss_of_no_mask() -> None:
    quality = torch.zeros(0, requires_grad=True)
    assert float(quality_loss(quality, torch.zeros(0)).detach()) == 0
    assert float(quality_loss(torch.zeros(2), torch.tensor([0.5, 1.0]))) == pytest.approx(0.125)
