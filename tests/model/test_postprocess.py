"""The choice of detections: threshold, NMS per class, the best of all classes."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import batched_nms

from contrastmask.model.postprocess import BoxSelection, class_nms


def test_threshold_classes_limit_and_origin() -> None:
    # three proposals, two classes and background; the first two proposals are nearly the same box
    scores = torch.tensor([[0.6, 0.3, 0.1], [0.5, 0.05, 0.45], [0.04, 0.9, 0.06]])
    near, far = torch.tensor([0.0, 0, 10, 10]), torch.tensor([50.0, 50, 70, 120])
    boxes = torch.stack([near, near + 0.1, far])[:, None].repeat(1, 2, 1)
    found = BoxSelection(score=0.05, nms=0.5, limit=100)(scores, boxes, (100, 60))
    assert found.labels.tolist() == [1, 0, 1]
    assert found.proposals.tolist() == [2, 0, 0]  # 0.5 loses to 0.6 of its class; 0.05 does not exceed 0.05
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert found.boxes[0].tolist() == [50, 50, 60, 100]  # clipped to width 60, height 100
    assert BoxSelection(limit=1)(scores, boxes, (100, 60)).proposals.tolist() == [2]
    agnostic = BoxSelection()(scores, boxes[:, :1], (100, 60))
    assert torch.equal(agnostic.boxes, found.boxes)


def test_the_deltas_of_the_own_class_are_taken() -> None:
    boxes = torch.arange(24.0).reshape(2, 3, 4).cumsum(2)
    found = BoxSelection(score=0.5)(torch.tensor([[0.0, 0.0, 0.9, 0.1], [0.8, 0.1, 0.0, 0.1]]), boxes, (500, 500))
    assert torch.equal(found.boxes, torch.stack([boxes[0, 2], boxes[1, 0]]))


@pytest.mark.parametrize("at_once", [10_000, 10])
def test_nms_keeps_what_torchvisions_keeps(at_once: int) -> None:
    random = torch.Generator().manual_seed(0)
    corners = torch.rand((400, 2), generator=random) * 80
    boxes = torch.cat([corners, corners + 5 + torch.rand((400, 2), generator=random) * 40], dim=1)
    scores, labels = torch.rand(400, generator=random), torch.randint(0, 4, (400,), generator=random)
    kept = class_nms(boxes, scores, labels, 0.5, at_once)
    assert 100 < len(kept) < 399
    assert torch.equal(kept, batched_nms(boxes, scores, labels, 0.5))


def test_nms_rounds_as_the_released_model_does() -> None:
    """Two boxes of a late class at an IoU of 0.50005: shifted by their class, they are at 0.5 and both stay."""
    boxes = torch.tensor([[58.0, 108.0, 106.0, 119.0], [58.0, 108.0, 106.0, 113.5005], [0.0, 0.0, 304.0, 200.0]])
    scores, labels = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([66, 66, 1])
    assert class_nms(boxes, scores, labels, 0.5).tolist() == [0, 1, 2]
    assert class_nms(boxes, scores, torch.tensor([0, 0, 1]), 0.5).tolist() == [0, 2]


def test_no_box() -> None:
    assert class_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.5).tolist() == []
