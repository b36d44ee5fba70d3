"""A whole training step against the released model's: losses, gradients of all parameters, statistics, candidates.

What the released step drew at random (anchors, RoIs, pixels) is fed in; what it drew *from* is compared.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from contrastmask.checkpoints.mmdetection import mmdetection_name
from tests.parity.golden import bits, detector
from tests.parity.ledger import FORWARD, PIXELS, SUMS, Ledger
from tests.parity.training_step import KEYS, Step, make_step
from tests.recipe_train import IMAGES, NOVEL, make_objects

pytestmark = [pytest.mark.parity, pytest.mark.slow]
THRESHOLD = 1e-3  # of a set's pixels: their CAM may lie within rounding of the threshold


@pytest.fixture(scope="module", params=["train_rpn", "train_fixed"])
def step(request: pytest.FixtureRequest) -> Step:
    """One step with the RPN's own proposals, one with fixed ones."""
    return make_step(request.param)


def test_losses(step: Step, ledger: Ledger) -> None:
    names = {
        "loss_rpn_cls": "loss_rpn_cls",
        "loss_rpn_box": "loss_rpn_bbox",
        "loss_cls": "loss_cls",
        "loss_box": "loss_bbox",
        "loss_mask": "loss_mask",
        "loss_contrastive": "loss_contrastive",
    }
    assert set(step.losses) == set(names)
    for ours, theirs in names.items():
        ledger.close(f"{step.name}, {ours}", step.losses[ours], step.golden[f"L_{theirs}"].sum(), rtol=1e-4)
    ledger.close(f"{step.name}, total", sum(step.losses.values()), step.golden["total"], rtol=1e-4)


def test_gradients_of_all_parameters(step: Step, ledger: Ledger) -> None:
    golden = step.golden
    ours = {mmdetection_name(name): parameter for name, parameter in step.model.named_parameters()}
    assert len(ours) == 237
    assert set(ours) == set(golden["grad_names"])
    trained = {name for name, parameter in ours.items() if parameter.requires_grad}
    assert trained == set(golden["grad_names"][golden["requires_grad"]])
    without = {name for name, total in zip(golden["grad_names"], golden["grad_abssum"], strict=True) if np.isnan(total)}
    assert {name for name, parameter in ours.items() if parameter.grad is None} == without
    rows = [i for i, name in enumerate(golden["grad_names"]) if name not in without]
    gradients = [ours[golden["grad_names"][i]].grad.double() for i in rows]
    sums, absolutes = golden["grad_sum"][rows], golden["grad_abssum"][rows]
    what = f"{step.name}, gradients of {len(rows)} parameters"
    ours_absolutes = [g.abs().sum().item() for g in gradients]
    ledger.alike(f"{what}, sum of absolutes", ours_absolutes, absolutes, scale=absolutes, **SUMS)
    ledger.alike(f"{what}, sum", [g.sum().item() for g in gradients], sums, scale=absolutes, **SUMS)


def test_running_statistics_after_the_step(step: Step, ledger: Ledger) -> None:
    for i, norm in enumerate(step.model.roi_heads.contrastive_head.projector.norms):
        for kind in ("mean", "var"):
            golden = step.golden[f"bn{i}_running_{kind}_after"]
            ledger.alike(f"{step.name}, BN {i} running {kind}", getattr(norm, f"running_{kind}"), golden, **FORWARD)
    # the body's statistics stay as they were
    fresh = detector("r50").backbone.state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in step.model.backbone.state_dict().items())


def test_anchor_candidates(step: Step, ledger: Ledger) -> None:
    """Fewer positive anchors than may be drawn, so the released draw has them all; negatives were drawn from ours."""
    for i, (image, labels) in enumerate(zip(IMAGES, step.anchor_labels, strict=True)):
        golden = step.golden
        inside = step.model.rpn.anchor_generator.inside((224, -(-image.width // 32) * 32), feature_sizes())
        counts = [len(labels), int(inside.sum())]
        ledger.equal(f"{step.name}, anchors of image {i}, valid ones", counts, golden[f"rpn_n_anchor{i}"])
        positive = golden[f"rpn_pos_flat{i}"]
        ledger.equal(f"{step.name}, positive anchors of image {i}", torch.where(labels == 1)[0], positive)
        negative = labels[torch.from_numpy(golden[f"rpn_neg_flat{i}"]).long()]
        ledger.equal(f"{step.name}, negative anchors of image {i}", negative, np.zeros(len(negative)))
        numbers = torch.cumsum(inside, 0) - 1  # matched boxes are of the valid anchors only
        boxes = torch.from_numpy(make_objects(image)[1])
        matched = step.anchor_objects[i][numbers[torch.from_numpy(positive).long()]]
        ledger.equal(f"{step.name}, objects of positive anchors {i}", matched, boxes[golden[f"rpn_pos_gt{i}"]])


def feature_sizes() -> list[Tensor]:
    return [torch.zeros(1, 1, -(-224 // s), -(-320 // s)) for s in (4, 8, 16, 32, 64)]


def test_roi_candidates(step: Step, ledger: Ledger) -> None:
    golden = step.golden
    if step.name == "train_rpn":
        for i, ours in enumerate(step.proposals):
            theirs = torch.from_numpy(golden[f"proposals{i}"][:, :4])
            ledger.alike(f"{step.name}, proposals of image {i}, px", ours, theirs, **PIXELS)
            ledger.close(f"{step.name}, of them not among ours", step.missing[i].sum(), 0, atol=5, scale=1000)
    start = 0
    for i, (image, labels) in enumerate(zip(IMAGES, step.roi_candidates, strict=True)):
        positive = golden[f"roi_pos_inds{i}"]
        ledger.equal(f"{step.name}, positive RoIs of image {i}", torch.where(labels == 1)[0], positive)
        negative = labels[torch.from_numpy(golden[f"roi_neg_inds{i}"]).long()]
        ledger.equal(f"{step.name}, negative RoIs of image {i}", negative, np.zeros(len(negative)))
        rows = slice(start, start + len(positive))
        start += len(positive)
        objects = golden[f"roi_pos_gt{i}"]
        ledger.equal(
            f"{step.name}, labels of positive RoIs {i}", step.positives.labels[rows], golden[f"roi_pos_labels{i}"]
        )
        known = ~np.isin(image.labels, NOVEL)[objects]
        ledger.equal(f"{step.name}, RoIs with a mask {i}", step.positives.has_mask[rows], known)
        in_loss = known & golden[f"roi_pos_is_gt{i}"].astype(bool)
        ledger.equal(f"{step.name}, RoIs in the mask loss {i}", step.positives.in_mask_loss[i], np.flatnonzero(in_loss))
        boxes = torch.from_numpy(make_objects(image)[1])
        overlap = box_iou(step.positives.boxes[i], boxes)[torch.arange(len(objects)), torch.from_numpy(objects).long()]
        assert (overlap >= 0.5).all()
    assert start == int(golden["n_pos"])


def test_logits_and_cams_of_the_rois(step: Step, ledger: Ledger) -> None:
    golden = step.golden
    ledger.sampled(f"{step.name}, class logits", step.logits, golden, "cls_score", **FORWARD)
    ledger.sampled(f"{step.name}, deltas", step.deltas, golden, "bbox_pred", **FORWARD)
    ledger.sampled(f"{step.name}, mask logits of all positives", step.mask_logits, golden, "mask_pred", **FORWARD)
    ledger.alike(f"{step.name}, CAMs of the positives", step.cams, golden["cam_pos"], **FORWARD)


def test_mask_targets_and_pixel_sets(step: Step, ledger: Ledger) -> None:
    golden, sets = step.golden, step.sets
    known = step.positives.has_mask
    ledger.equal(f"{step.name}, RoIs without mask", ~known, golden["is_novel_pos"])
    targets = bits(golden["mask_targets"])
    ledger.equal(f"{step.name}, mask targets", step.positives.masks[known], targets[known])
    ledger.equal(f"{step.name}, RoIs kept", sets.keep, golden["keeps"])
    # the released distance transform marks two phantom pixels where a mask is constant; such RoIs are dropped
    area = targets.sum(axis=(1, 2))
    sound = ~known.numpy() | ((area > 0) & (area < 28 * 28))
    assert sound.sum() > 0.8 * len(sound)
    for name in KEYS:
        before = bits(golden[f"pre_{name}"])[sound]
        ledger.equal(f"{step.name}, {name} before the draw", getattr(sets, name)[sound], before, share=THRESHOLD)
        drawn = bits(golden[f"sampled_{name}"])
        counts = torch.ceil(getattr(sets, name)[sets.keep].sum((1, 2)).float() * 0.3)
        ledger.equal(f"{step.name}, {name} drawn, numbers", counts, drawn.sum(axis=(1, 2)), share=0.05)
    for name in ("query_pos", "query_neg"):
        ledger.equal(f"{step.name}, {name}", getattr(sets, name), bits(golden[f"{name}_sets"]), share=THRESHOLD)
