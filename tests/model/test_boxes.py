"""Box deltas and matching, where torchvision and the released model differ."""

from __future__ import annotations

import math

import pytest
import torch

from contrastmask.model.boxes import MaxIoUMatcher, TwoSidedCoder, clip_boxes


def plain_matching(iou: list[list[float]], high: float, low: float, least: float) -> list[int]:
    """MMDetection's rule, object by object: index of the object, -1 below, -2 between the thresholds."""
    boxes, anchors = len(iou), len(iou[0])
    found = []
    for a in range(anchors):
        best = max(range(boxes), key=lambda g: iou[g][a])
        found.append(best if iou[best][a] >= high else -1 if iou[best][a] < low else -2)
    for g in range(boxes):
        most = max(iou[g])
        if most >= least:
            for a in range(anchors):
                if iou[g][a] == most:
                    found[a] = g
    return found


@pytest.mark.parametrize("thresholds", [(0.7, 0.3, 0.3), (0.5, 0.5, 0.5)])
def test_matching_against_a_plain_loop(thresholds: tuple[float, float, float]) -> None:
    random = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(200):
        # few levels, so that ties are many
        iou = torch.randint(0, 11, (4, 7), generator=random).double() / 10
        ours = MaxIoUMatcher(*thresholds)(iou).tolist()
        assert ours == plain_matching(iou.tolist(), *thresholds)
        seen |= set(ours)
    assert {-1, 0, 1, 2, 3} <= seen


def test_a_best_anchor_that_is_poor_is_not_taken() -> None:
    matcher = MaxIoUMatcher(0.7, 0.3, 0.3)
    assert matcher(torch.tensor([[0.02, 0.0, 0.29]])).tolist() == [-1, -1, -1]
    assert matcher(torch.tensor([[0.02, 0.3, 0.29]])).tolist() == [-1, 0, -1]


def test_the_later_object_takes_an_anchor_that_is_the_best_of_two() -> None:
    assert MaxIoUMatcher(0.5, 0.5, 0.5)(torch.tensor([[0.9, 0.1], [0.6, 0.2]])).tolist() == [1, -1]


def test_deltas_are_clamped_on_both_sides() -> None:
    coder = TwoSidedCoder(weights=(1.0, 1.0, 1.0, 1.0))
    box = torch.tensor([[0.0, 0.0, 100.0, 100.0]])
    small = coder.decode_single(torch.tensor([[0.0, 0.0, -8.0, -9.0]]), box)[0]
    large = coder.decode_single(torch.tensor([[0.0, 0.0, 8.0, 9.0]]), box)[0]
    for decoded, side in ((small, 1.6), (large, 6250.0)):
        torch.testing.assert_close(decoded[2:] - decoded[:2], torch.full((2,), side), rtol=1e-4, atol=1e-4)


def test_the_clamp_is_of_the_log_size_whatever_the_weights() -> None:
    coder = TwoSidedCoder(weights=(10.0, 10.0, 5.0, 5.0))
    limit = math.log(1000 / 16)
    codes = torch.tensor([[0.0, 0.0, -5 * (limit - 0.1), -5 * (limit + 3)]])
    decoded = coder.decode_single(codes, torch.tensor([[0.0, 0.0, 100.0, 100.0]]))[0]
    expected = torch.tensor([1.6 * math.exp(0.1), 1.6])
    torch.testing.assert_close(decoded[2:] - decoded[:2], expected, rtol=1e-4, atol=1e-4)


def test_encoding_and_decoding_are_inverse_also_in_half_precision() -> None:
    coder = TwoSidedCoder(weights=(10.0, 10.0, 5.0, 5.0))
    anchors = torch.tensor([[10.0, 20, 50, 60], [1000.0, 700, 1300, 790]])
    boxes = torch.tensor([[12.0, 18, 60, 66], [1001.0, 690, 1333, 800]])
    deltas = coder.encode_single(boxes, anchors)
    torch.testing.assert_close(coder.decode_single(deltas, anchors), boxes)
    decoded = coder.decode_single(deltas.bfloat16(), anchors)
    assert decoded.dtype == torch.float32
    assert (decoded - boxes).abs().max() < 0.5  # boxes in bfloat16 would be up to 4 px off
    several = coder.decode_single(deltas.repeat(1, 3), anchors)
    torch.testing.assert_close(several, boxes.repeat(1, 3))


def test_clipping() -> None:
    boxes = torch.tensor([[-5.0, -2.0, 400.0, 90.0], [310.0, 10.0, 350.0, 20.0]])
    assert clip_boxes(boxes, (80, 300)).tolist() == [[0, 0, 300, 80], [300, 10, 300, 20]]
    assert clip_boxes(boxes[:, None].repeat(1, 2, 1), (80, 300)).shape == (2, 2, 4)
