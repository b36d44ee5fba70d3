"""Losses of the crop branch beside plain twins; gradients in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from contrastmask.losses.crops import (
    colour_similarity,
    mask_loss,
    neighbours,
    outside_loss,
    pairwise_loss,
    projection_loss,
)

N, S = 2, 6


@pytest.fixture
def logits() -> Tensor:
    return torch.randn((N, S, S), dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.fixture
def inside() -> Tensor:
    cells = torch.zeros((N, S, S), dtype=torch.bool)
    cells[0, 1:4, 2:5] = True
    cells[1, :, :] = True
    return cells


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_mask_loss(logits: Tensor, inside: Tensor) -> None:
    total = 0.0
    for n in range(N):
        entropy, both, squares = 0.0, 0.0, 0.0
        for y in range(S):
            for x in range(S):
                p, m = sigmoid(float(logits[n, y, x])), float(inside[n, y, x])
                entropy -= math.log(p if m else 1 - p) / S**2
                both, squares = both + p * m, squares + p * p + m * m
        total += (entropy + 1 - (2 * both + 1e-5) / (squares + 1e-5)) / N
    assert float(mask_loss(logits, inside.double())) == pytest.approx(total, rel=1e-9)


def test_outside_loss(logits: Tensor, inside: Tensor) -> None:
    said = [-math.log(1 - sigmoid(float(v))) for v in logits[0][~inside[0]]]
    assert float(outside_loss(logits, inside)) == pytest.approx(sum(said) / len(said) / N, rel=1e-9)


def test_projection_loss(logits: Tensor, inside: Tensor) -> None:
    total = 0.0
    for n in range(N):
        for axis in (0, 1):
            both = squares = 0.0
            for i in range(S):
                line = logits[n, i] if axis == 0 else logits[n, :, i]
                shadow = float((inside[n, i] if axis == 0 else inside[n, :, i]).any())
                p = sigmoid(float(line.max()))
                both, squares = both + p * shadow, squares + p * p + shadow
            total += (1 - (2 * both + 1e-5) / (squares + 1e-5)) / N
    assert float(projection_loss(logits, inside)) == pytest.approx(total, rel=1e-9)


def test_pairwise_loss(logits: Tensor, inside: Tensor) -> None:
    similarity = torch.rand((N, 8, S, S), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    steps = [(y, x) for y in (-2, 0, 2) for x in (-2, 0, 2) if (y, x) != (0, 0)]
    found = []
    for n in range(N):
        for k, (dy, dx) in enumerate(steps):
            for y in range(S):
                for x in range(S):
                    if not (0 <= y + dy < S and 0 <= x + dx < S):
                        similarity[n, k, y, x] = 0  # as colour_similarity has it
                    elif inside[n, y, x] and similarity[n, k, y, x] >= 0.3:
                        p, q = sigmoid(float(logits[n, y, x])), sigmoid(float(logits[n, y + dy, x + dx]))
                        found.append(-math.log(p * q + (1 - p) * (1 - q)))
    assert float(pairwise_loss(logits, similarity, inside)) == pytest.approx(sum(found) / len(found), rel=1e-9)


def test_like_colours(inside: Tensor) -> None:
    colours = torch.zeros((1, 3, S, S))
    colours[..., 3:] = 10.0
    valid = torch.ones((1, S, S), dtype=torch.bool)
    valid[0, 0] = False
    found = colour_similarity(colours, valid)
    left, right, down = 3, 4, 6  # of the eight, row by row
    assert found[0, left, 3, 5] == 1
    assert found[0, right, 3, 1] == pytest.approx(math.exp(-0.5 * 10 * math.sqrt(3)), rel=1e-5)
    assert found[0, left, 3, 1] == 0  # beyond the grid
    assert found[0, down, 0].max() == 0  # not in the image
    assert found[0, 1, 2].max() == 0  # its neighbour above is not


def test_neighbours_beyond_the_grid() -> None:
    found = neighbours(torch.ones((1, 1, 3, 3)), dilation=1, fill=7.0)
    assert found.shape == (1, 8, 3, 3)
    assert found[0, 0, 0, 0] == 7
    assert found[0, :, 1, 1].tolist() == [1.0] * 8


@pytest.mark.parametrize("loss", [outside_loss, projection_loss])
def test_gradients(loss: object, logits: Tensor, inside: Tensor) -> None:
    assert torch.autograd.gradcheck(lambda v: loss(v, inside), (logits,))


def test_gradients_of_mask_and_pairs(logits: Tensor, inside: Tensor) -> None:
    similarity = torch.full((N, 8, S, S), 0.5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: pairwise_loss(v, similarity, inside), (logits,))
    assert torch.autograd.gradcheck(lambda v: mask_loss(v, inside.double()), (logits,))


def test_no_object_is_a_zero_in_the_graph() -> None:
    empty = torch.zeros((0, S, S), requires_grad=True)
    cells = torch.zeros((0, S, S), dtype=torch.bool)
    total = mask_loss(empty, cells.float()) + outside_loss(empty, cells) + projection_loss(empty, cells)
    total = total + pairwise_loss(empty, torch.zeros((0, 8, S, S)), cells)
    total.backward()
    assert float(total) == 0
