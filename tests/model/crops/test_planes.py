"""What the network is told of boxes."""

from __future__ import annotations

import torch

from contrastmask.model.crops.planes import box_plane, cam_plane, near_as_bytes, near_of, neighbour_plane, planes_of
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


def test_a_cam_lies_in_its_box_and_nowhere_else() -> None:
    maps = torch.rand(3, 7, 7, generator=torch.Generator().manual_seed(0)) * 5 - 2
    boxes = torch.tensor([[0.125, 0.25, 0.125 + 7 / 16, 0.25 + 7 / 16], [0.0, 0.0, 1.0, 1.0], [0.3, -0.2, 1.2, 0.4]])
    plane = cam_plane(boxes, maps, 16)
    assert plane.shape == (3, 16, 16)
    # cell by cell where a cell of the map is one of the crop, each map from its least to its greatest cell
    first = (maps[0] - maps[0].min()) / (maps[0].max() - maps[0].min())
    assert torch.allclose(plane[0, 4:11, 2:9], first, atol=1e-5)
    assert (plane[0].abs().sum() - first.sum()).abs() < 1e-4
    assert plane[2, :, :4].abs().max() == 0 == plane[2, 7:].abs().max()
    mirrored = cam_plane(mirrored_boxes(boxes), maps.flip(-1), 16)
    assert torch.allclose(mirrored, plane.flip(-1), atol=1e-5)
    # a flat map tells nothing
    assert not cam_plane(boxes[:1], torch.full((1, 7, 7), 3.0), 16).any()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cam_plane(boxes, maps, 16), plane)
