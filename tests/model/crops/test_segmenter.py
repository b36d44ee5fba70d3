"""The crop branch: shapes, what is outside a box, chunks, and where gradients go."""

from __future__ import annotations

import copy
import sys

import pytest
import torch
from torch import Tensor, nn

from contrastmask.errors import ConfigError
from contrastmask.model.crops import segmenter as room
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.segmenter import CropSegmenter, box_cells, chunks_of

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BOX = torch.tensor([[0.2, 0.2, 0.8, 0.8]])


@pytest.fixture(scope="module")
def segmenter() -> CropSegmenter:
    torch.manual_seed(0)
    return CropSegmenter(CropNetwork(channels=16), side=64, context=0.25, mean=MEAN, std=STD).eval()


def image_of(size: tuple[int, int]) -> Tensor:
    return torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_masks_of_given_boxes(segmenter: CropSegmenter) -> None:
    boxes = torch.tensor([[10.0, 20.0, 50.0, 60.0], [0.0, 0.0, 5.0, 90.0]])
    images, sizes = [image_of((90, 120)), image_of((40, 40))], [(90, 120), (40, 40)]
    labels = [torch.tensor([3, 4]), torch.zeros(0, dtype=torch.long)]
    found, none = segmenter.segment(images, sizes, [boxes, boxes[:0]], labels)
    assert found["mask_probs"].shape == (2, 32, 32)
    assert found["labels"].tolist() == [3, 4]
    assert torch.equal(found["boxes"], boxes)
    assert found["windows"].tolist() == [[0, 10, 60, 70], [-2, -23, 7, 113]]
    assert ((found["scores"] > 0) & (found["scores"] < 1)).all()
    # the window is half as large again as the box: its rim is outside
    assert found["mask_probs"][0, :5].max() == 0 == found["mask_probs"][0, :, -5:].max()
    assert found["mask_probs"][0, 8:24, 8:24].min() > 0
    assert none["mask_probs"].shape == (0, 32, 32)


@torch.inference_mode()
def test_chunks_change_nothing(segmenter: CropSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = torch.tensor([[5.0 * i, 3.0 * i, 30.0 + 5 * i, 40.0 + 3 * i] for i in range(7)])
    given = ([image_of((90, 120))], [(90, 120)], [boxes], [torch.zeros(7, dtype=torch.long)])
    (whole,) = segmenter.segment(*given)
    monkeypatch.setattr(room, "ON_CPU", 3)
    (parts,) = segmenter.segment(*given)
    assert torch.allclose(whole["mask_probs"], parts["mask_probs"], atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 31, 32, 40, 100])
def test_no_chunk_is_smaller_than_it_must_be(count: int) -> None:
    chunks = chunks_of(count, 16)
    assert [i for first, last in chunks for i in range(first, last)] == list(range(count))
    assert all(min(16, count) <= last - first < 32 for first, last in chunks)


def laid_out(segmenter: CropSegmenter, dtype: torch.dtype | None) -> tuple[CropSegmenter, list[dict[str, Tensor]]]:
    """The segmenter brought into another form, and what it says of the same boxes before and after."""
    boxes = torch.tensor([[5.0 * i, 3.0 * i, 30.0 + 5 * i, 40.0 + 3 * i] for i in range(7)])
    given = ([image_of((90, 120))], [(90, 120)], [boxes], [torch.zeros(7, dtype=torch.long)])
    segmenter = copy.deepcopy(segmenter)
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype is not None):
        before = segmenter.segment(*given)
        segmenter.lay_out(dtype)
        return segmenter, before + segmenter.segment(*given)


def test_another_order_of_work_gives_the_same_masks(segmenter: CropSegmenter) -> None:
    after, (one, other) = laid_out(segmenter, None)
    assert after.laid_out is not None
    torch.testing.assert_close(other["mask_probs"], one["mask_probs"], rtol=0, atol=1e-5)
    torch.testing.assert_close(other["confidence"], one["confidence"], rtol=0, atol=1e-5)


def test_laid_out_weights_give_the_same_masks(segmenter: CropSegmenter) -> None:
    after, (one, other) = laid_out(segmenter, torch.bfloat16)
    assert torch.equal(one["mask_probs"], other["mask_probs"])
    assert torch.equal(one["confidence"], other["confidence"])
    conv = after.network.upward[0][0]
    assert conv.weight.dtype == torch.bfloat16
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert after.network.quality[0].weight.dtype == torch.float32


def test_quality_learns_from_its_own_layers_alone(segmenter: CropSegmenter) -> None:
    segmenter.zero_grad()
    said: CropOutput = segmenter(image_of((64, 64))[None], BOX, torch.zeros(1, 64, 64))
    said.quality.sum().backward()
    reached = {name.split(".")[1] for name, p in segmenter.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {"quality"}


def test_batch_norm_of_the_body_is_fixed() -> None:
    network = CropNetwork(channels=16).train()
    assert not any(m.training for m in network.body.modules() if isinstance(m, nn.BatchNorm2d))
    free = CropNetwork(channels=16, norm_eval=False).train()
    assert all(m.training for m in free.body.modules() if isinstance(m, nn.BatchNorm2d))


def test_cells_of_a_box() -> None:
    cells = box_cells(torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.51, 0.0, 0.52, 0.1], [-0.2, -0.2, 1.4, 1.4]]), 8)
    assert cells[0].nonzero().min(0).values.tolist() == [4, 2]
    assert cells[0].sum() == 4 * 2
    assert cells[1].sum() == 1
    assert cells[2].all()


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"convnext_tiny is one of timm's.*pip install 'contrastmask\[timm\]'"):
        CropNetwork(timm="convnext_tiny")
