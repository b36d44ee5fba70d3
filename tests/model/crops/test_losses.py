"""What a batch of crops teaches, and what a predicted mask does."""

from __future__ import annotations

import pytest
import torch

from contrastmask.losses.crops import mask_loss
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.losses import BoxLessons, crop_losses, loss_names
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.planes import near_of
from contrastmask.model.crops.segmenter import CropSegmenter

N, SIDE = 4, 64


@pytest.fixture(scope="module")
def segmenter() -> CropSegmenter:
    torch.manual_seed(0)
    ones = (1.0, 1.0, 1.0)
    return CropSegmenter(CropNetwork(channels=8), side=SIDE, context=0.1, mean=ones, std=ones).train()


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    cells = SIDE // 2
    mask = torch.zeros(N, cells, cells, dtype=torch.uint8)
    mask[:3, 6:24, 8:22] = 255
    return {
        "crop": torch.randint(0, 256, (N, 3, SIDE, SIDE), dtype=torch.uint8, generator=draw),
        "mask": mask,
        "has_mask": torch.tensor([True, True, True, False]),
        "predicted": torch.tensor([False, True, True, False]),
        "weight": torch.tensor([1.0, 0.4, 0.0, 0.0]),
        "box": torch.tensor([[0.2, 0.15, 0.7, 0.8]]).repeat(N, 1),
        "given": torch.tensor([[0.2, 0.15, 0.7, 0.8]]).repeat(N, 1),
        "near": torch.zeros(N, SIDE, SIDE, dtype=torch.uint8),
        "image": torch.tensor([[0.0, 0, 1, 1]]).repeat(N, 1),
        "row": torch.arange(N),
    }


def said_of(segmenter: CropSegmenter, batch: dict[str, torch.Tensor]) -> CropOutput:
    return segmenter(batch["crop"], batch["given"], near_of(batch["near"]))


def test_weights_reach_the_loss_and_its_gradient(segmenter: CropSegmenter, batch: dict[str, torch.Tensor]) -> None:
    said = said_of(segmenter, batch)
    said.logits.retain_grad()
    loss = crop_losses(said, batch, BoxLessons(), 1.0)["loss_mask"]
    each = [mask_loss(said.logits[i : i + 1], batch["mask"][i : i + 1].float() / 255) for i in range(3)]
    torch.testing.assert_close(loss, (each[0] + 0.4 * each[1]) / 1.4)
    loss.backward()
    reached = said.logits.grad.abs().sum(dim=(1, 2))
    assert (reached > 0).tolist() == [True, True, False, False]


def test_a_batch_of_masks_that_are_hardly_believed_teaches_little() -> None:
    logits, masks = torch.randn(2, 8, 8), torch.ones(2, 8, 8)
    weak = mask_loss(logits, masks, torch.tensor([0.1, 0.1]))
    torch.testing.assert_close(weak, 0.2 * mask_loss(logits, masks))


def test_confidence_is_learnt_from_drawn_masks_alone(segmenter: CropSegmenter, batch: dict[str, torch.Tensor]) -> None:
    said = said_of(segmenter, batch)
    one = crop_losses(said, batch, BoxLessons(), 1.0)["loss_quality"]
    other = dict(batch, mask=batch["mask"].clone())
    other["mask"][1:] = 255  # of predicted masks, and of an object without
    assert torch.equal(one, crop_losses(said, other, BoxLessons(), 1.0)["loss_quality"])
    other["mask"][0] = 255
    assert not torch.equal(one, crop_losses(said, other, BoxLessons(), 1.0)["loss_quality"])


def test_losses_have_the_names_that_are_logged(segmenter: CropSegmenter, batch: dict[str, torch.Tensor]) -> None:
    contrast = CropContrast(8, ContrastiveOptions())
    for lessons in (BoxLessons(), BoxLessons(outside=1.0), BoxLessons(contrastive=1.0), BoxLessons(1.0, 0.5, 0.5, 0.1)):
        given = contrast if lessons.contrastive else None
        losses = crop_losses(said_of(segmenter, batch), batch, lessons, 0.5, given)
        assert sorted(losses) == sorted(loss_names(lessons))
