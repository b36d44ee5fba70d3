"""A detector of which the mask branch alone is trained."""

from __future__ import annotations

import copy

import pytest
import torch

from tests.detectors import scene, tiny

GIVEN_BODY = {"body": {"frozen_stages": 1, "norm_eval": True}}  # no statistics of the batch: the same in both modes


def test_only_the_losses_of_the_mask_branch_are_left_and_only_it_learns() -> None:
    torch.manual_seed(0)
    detector = tiny(trains="masks")
    before = copy.deepcopy(detector.state_dict())
    images, targets = zip(scene(seed=0), scene(seed=1), strict=True)
    losses = detector(list(images), list(targets))
    assert set(losses) == {"loss_mask", "loss_contrastive"}
    sum(losses.values()).backward()
    learning = {name for name, p in detector.named_parameters() if p.grad is not None}
    branch = ("roi_heads.mask_head.", "roi_heads.contrastive_head.")
    assert learning == {name for name, _ in detector.named_parameters() if name.startswith(branch)}
    changed = {name for name, value in detector.state_dict().items() if not torch.equal(value, before[name])}
    assert all(name.startswith("roi_heads.contrastive_head.projector.norms.") for name in changed)


def test_its_parts_stay_in_eval_mode_whatever_is_asked() -> None:
    detector = tiny(trains="masks").eval().train()
    heads = detector.roi_heads
    assert detector.training
    assert heads.mask_head.training
    assert heads.contrastive_head.training
    given = (detector.backbone, detector.rpn, heads.box_head)
    assert not any(module.training for part in given for module in part.modules())


@pytest.mark.parametrize("switches", [{}, {"contrastive": False}, {"contrastive": False, "enhance": False}])
def test_its_mask_loss_is_that_of_the_whole_training(switches: dict[str, bool]) -> None:
    torch.manual_seed(0)
    whole = tiny(**GIVEN_BODY, **switches)
    masks_only = tiny(**GIVEN_BODY, **switches, trains="masks")
    masks_only.load_state_dict(whole.state_dict())
    images, targets = zip(scene(seed=0), scene(seed=1, has_mask=(True, True)), strict=True)
    expected = whole(list(images), list(targets))
    found = masks_only(list(images), list(targets))
    torch.testing.assert_close(found["loss_mask"], expected["loss_mask"])


def test_images_without_objects_or_masks_give_a_loss_in_the_graph() -> None:
    detector = tiny(trains="masks")
    empty = scene(boxes=(), labels=(), has_mask=())
    bare = scene(has_mask=(False, False))
    for images, targets in (([empty[0]], [empty[1]]), ([bare[0]], [bare[1]])):
        sum(detector(images, targets).values()).backward()
    assert all(p.grad is not None for p in detector.parameters() if p.requires_grad)


def test_an_unknown_word_is_named() -> None:
    with pytest.raises(ValueError, match="trains is 'all' or 'masks', not 'boxes'"):
        tiny(trains="boxes")
