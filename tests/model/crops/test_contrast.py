"""The contrastive lesson of the crop branch: which pixels it takes, and where its gradient goes."""

from __future__ import annotations

import pytest
import torch

from contrastmask.assemble import build_contrast
from contrastmask.losses.contrastive import contrastive_loss
from contrastmask.losses.pixel_sets import PixelSets, mask_edges, pixel_sets, sample_keys
from contrastmask.model import contrastive_options as room
from contrastmask.model.contrastive_options import ContrastiveOptions
from contrastmask.model.crops.contrast import CropContrast
from contrastmask.model.crops.network import CropNetwork, CropOutput
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.programs.config import typed
from tests.composing import composed

N, G, C = 3, 32, 8
ALL = ContrastiveOptions(sample_ratio=1.0)


def scene() -> tuple[CropOutput, torch.Tensor, torch.Tensor, torch.Tensor]:
    """An object with a drawn mask, one without whose middle is sure, and one of which nothing is."""
    torch.manual_seed(0)
    inside = torch.zeros(N, G, G, dtype=torch.bool)
    inside[:, 4:28, 4:28] = True
    masks = torch.zeros(N, G, G, dtype=torch.uint8)
    masks[0, 8:20, 8:20] = 1
    masks[1:] = 1  # not to be read
    probs = torch.full((N, G, G), 0.5)
    probs[1, 10:16, 10:16] = 0.95
    probs[1, 20:24, 20:24] = 0.05
    probs[1, :2] = 0.99  # outside its box
    probs[2, 10:16, 10:16] = 0.6  # the highest there is, which is not sure
    features = torch.randn(N, C, G, G, requires_grad=True)
    return CropOutput(probs.logit(), torch.zeros(N), features), masks, torch.tensor([True, False, False]), inside


def sets_of(monkeypatch: pytest.MonkeyPatch, options: ContrastiveOptions = ALL) -> PixelSets:
    seen: list[PixelSets] = []

    def kept(projected: torch.Tensor, sets: PixelSets, **_: object) -> torch.Tensor:
        seen.append(sets)
        return projected.sum()

    monkeypatch.setattr(room, "contrastive_loss", kept)
    CropContrast(C, options)(*scene())
    return seen[0]


def test_pixels_of_objects_without_a_drawn_mask_are_the_sure_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = sets_of(monkeypatch)
    said, masks, _, inside = scene()
    probs = said.logits.sigmoid()
    foreground = (probs[1] > 0.9) & inside[1]
    background = (probs[1] < 0.1) | ~inside[1]
    assert foreground.sum() == 36
    for positive, negative in ((sets.query_pos, sets.query_neg), (sets.easy_pos, sets.easy_neg)):
        assert torch.equal(positive[1], foreground)
        assert torch.equal(negative[1], background)
    # a mask gives the method's sets, whatever the network says
    assert torch.equal(sets.query_pos[0], masks[0].bool())
    assert torch.equal(sets.easy_pos[0] | sets.hard_pos[0], masks[0].bool())
    assert not (sets.hard_pos[0] & mask_edges(masks[:1].bool())[0]).any()
    # nothing sure, nothing learnt: probabilities are not stretched to 0..1 as a CAM is
    assert sets.keep.tolist() == [True, True, False]
    assert not sets.easy_pos[2].any()


def test_masks_alone_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sets_of(monkeypatch, ALL._replace(box_only=False)).keep.tolist() == [True, False, False]


def test_it_is_the_methods_loss() -> None:
    said, masks, drawn, inside = scene()
    contrast = CropContrast(C, ALL).eval()
    sets = pixel_sets(said.logits.sigmoid() * inside, masks.bool(), drawn, normalise=False)
    sets = sample_keys(sets, 1.0)  # all of those kept
    expected = contrastive_loss(contrast.projector(said.features), sets)
    torch.testing.assert_close(contrast(said, masks, drawn, inside), expected)


def test_its_gradient_shapes_the_body() -> None:
    torch.manual_seed(0)
    ones = (1.0, 1.0, 1.0)
    segmenter = CropSegmenter(CropNetwork(channels=C), side=2 * G, context=0.1, mean=ones, std=ones).train()
    box = torch.tensor([[0.2, 0.2, 0.8, 0.8]]).repeat(N, 1)
    said = segmenter(torch.randint(0, 255, (N, 3, 2 * G, 2 * G), dtype=torch.uint8), box, torch.zeros(N, 2 * G, 2 * G))
    _, masks, drawn, inside = scene()
    contrast = CropContrast(C, ContrastiveOptions())
    contrast(said, masks, drawn, inside).backward()
    reached = {name.split(".")[1] for name, p in segmenter.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {"body", "planes", "laterals", "upward"}  # the sets are no way back: neither logits nor quality
    assert all(p.grad is not None for p in contrast.parameters())


def test_without_weight_there_is_none() -> None:
    plain, taught = (
        typed(composed("experiment=complete", "data.root=x", f"mask_branch.lessons.contrastive={weight}"))
        for weight in (0, 0.1)
    )
    assert build_contrast(plain) is None
    assert build_contrast(taught).options.formula == "released"
    assert build_contrast(typed(composed("data.root=x", "mask_branch.lessons.contrastive=0.1"))) is None
