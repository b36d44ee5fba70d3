"""Which RoIs a step sees."""

from __future__ import annotations

import torch
from torch import Tensor

from contrastmask.model.sampling import RoISampler

CLASSES = 5


def target(*boxes: tuple[float, float, float, float]) -> dict[str, Tensor]:
    return {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.arange(len(boxes)) + 1}


def test_objects_come_first_then_positive_proposals_then_background() -> None:
    proposals = torch.tensor([[200.0, 200, 220, 220], [0, 0, 10, 9], [0, 0, 10, 4], [50, 50, 60, 61]])
    rois = RoISampler()(proposals, target((0, 0, 10, 10), (50, 50, 60, 60)), CLASSES)
    assert rois.labels.tolist() == [1, 2, 1, 2, CLASSES, CLASSES]
    assert rois.objects[:4].tolist() == [0, 1, 0, 1]
    assert rois.is_object.tolist() == [True, True, False, False, False, False]
    assert rois.positives == 4
    assert torch.equal(rois.boxes[2:4], proposals[[1, 3]])


def test_two_objects_with_the_same_box_both_stay() -> None:
    rois = RoISampler()(torch.zeros(0, 4), target((0, 0, 10, 10), (0, 0, 10, 10)), CLASSES)
    assert rois.labels.tolist() == [1, 2]
    assert rois.objects.tolist() == [0, 1]


def test_numbers_and_share_of_positives() -> None:
    random = torch.Generator().manual_seed(0)
    near = torch.tensor([0.0, 0, 100, 100]) + torch.rand((300, 4), generator=random) * 5
    far = torch.tensor([400.0, 400, 500, 500]).repeat(600, 1)
    rois = RoISampler(512, 0.25)(torch.cat([near, far]), target((0, 0, 100, 100)), CLASSES)
    assert (len(rois.boxes), rois.positives) == (512, 128)
    assert (rois.labels[:128] == 1).all()
    assert (rois.labels[128:] == CLASSES).all()
    few = RoISampler(512, 0.25)(far[:10], target((0, 0, 100, 100)), CLASSES)
    assert (len(few.boxes), few.positives) == (11, 1)


def test_no_objects_and_no_proposals() -> None:
    rois = RoISampler()(torch.rand(8, 4), target(), CLASSES)
    assert rois.labels.tolist() == [CLASSES] * 8
    assert not rois.is_object.any()
    assert len(RoISampler()(torch.zeros(0, 4), target(), CLASSES).boxes) == 0
