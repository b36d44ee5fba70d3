"""What the network is told of boxes."""

from __future__ import annotations

import torch

from contrastmask.model.crops.planes import box_plane, near_as_bytes, near_of, neighbour_plane, planes_of
from contrastmask.model.crops.windows import covered, mirrored_boxes


def test_cells_are_covered_by_their_share() -> None:
    columns, rows = covered(torch.tensor([0.125, 0.0, 0.5, 2.0]), 4)
    assert columns.tolist() == [0.5, 1.0, 0.0, 0.0]
    assert rows.tolist() == [1.0] * 4


def test_own_box() -> None:
    plane = box_plane(torch.tensor([[0.25, 0.0, 0.625, 0.5]]), 4)[0]
    assert plane.tolist() == [[-1, 1, 0, -1], [-1, 1, 0, -1], [-1] * 4, [-1] * 4]


def test_neighbours_are_counted_and_the_own_box_is_not() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.5, 0.25]]])
    counts = torch.tensor([[False, True, True, True]])
    plane = neighbour_plane(boxes, counts, 4)[0]
    # three of them overlap in one cell; two is the most that is told
    assert plane.tolist() == [[2, 2, 0, 0], [2, 2, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
    assert not neighbour_plane(boxes[:, :0], counts[:, :0], 4).any()


def test_neighbours_as_bytes() -> None:
    plane = torch.tensor([0.0, 0.5, 1.0, 2.0])
    assert torch.allclose(near_of(near_as_bytes(plane)), plane, atol=1 / 127)
    assert near_as_bytes(plane).dtype == torch.uint8


def test_planes_of_mirrored_boxes_are_mirrored() -> None:
    boxes, near = (
        torch.tensor([[0.1, 0.2, 0.7, 0.9]]),
        torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(0)),
    )
    mirrored = planes_of(mirrored_boxes(boxes), near.flip(-1))
    assert torch.allclose(mirrored, planes_of(boxes, near).flip(-1), atol=1e-6)
