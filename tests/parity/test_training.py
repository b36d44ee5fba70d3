"""A whole training step against the released model's: losses, gradients of all parameters, statistics, candidates.

What the released step drew at random (anchors, RoIs, pixels) is fed in; what it drew *from* is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from contrastmask.losses.pixel_sets import PixelSets
from contrastmask.mmdetection import mmdetection_name
from contrastmask.model.detector import Detector
from contrastmask.model.roi_heads import Positives
from tests.parity.golden import Ledger, bits, detector, load
from tests.recipe_train import IMAGES, NOVEL, make_objects, make_proposals
from tests.recipes import make_image

pytestmark = [pytest.mark.parity, pytest.mark.slow]
KEYS = ("easy_pos", "easy_neg", "hard_pos", "hard_neg")
Masks = list[Tensor]


@dataclass
class Step:
    """One training step and what was seen on its way."""

    name: str
    golden: dict[str, np.ndarray]
    model: Detector
    losses: dict[str, Tensor] = field(default_factory=dict)
    proposals: list[Tensor] = field(default_factory=list)
    anchor_labels: Masks = field(default_factory=list)  # 1 positive, 0 negative, -1 ignored; before the draw
    anchor_objects: Masks = field(default_factory=list)  # matched boxes
    roi_candidates: Masks = field(default_factory=list)
    sets: PixelSets | None = None  # before the draw
    logits: Tensor | None = None
    deltas: Tensor | None = None
    positives: Positives | None = None
    cams: Tensor | None = None
    mask_logits: Tensor | None = None


def flags(count: int, rows: np.ndarray) -> Tensor:
    found = torch.zeros(count, dtype=torch.uint8)
    found[torch.from_numpy(rows).long()] = 1
    return found


def feed_draws(step: Step, fixed: list[Tensor] | None) -> None:
    """Replace the three random draws, and the proposals where ``fixed`` are given, by the recorded ones."""
    golden, rpn, heads = step.golden, step.model.rpn, step.model.roi_heads

    def anchors(labels: Masks) -> tuple[Masks, Masks]:
        step.anchor_labels = labels
        return tuple(
            [flags(len(x), golden[f"rpn_{kind}_flat{i}"]) for i, x in enumerate(labels)] for kind in ("pos", "neg")
        )

    def rois(labels: Masks) -> tuple[Masks, Masks]:
        i = len(step.roi_candidates)
        step.roi_candidates.append(labels[0])
        return tuple([flags(len(labels[0]), golden[f"roi_{kind}_inds{i}"])] for kind in ("pos", "neg"))

    def pixels(sets: PixelSets, ratio: float, generator: torch.Generator | None) -> PixelSets:
        step.sets = sets
        drawn = {}
        for name in KEYS:
            drawn[name] = torch.zeros_like(sets.easy_pos)
            drawn[name][torch.from_numpy(golden["keeps"].astype(bool))] = torch.from_numpy(
                bits(golden[f"sampled_{name}"])
            )
        return sets._replace(**drawn)

    rpn.fg_bg_sampler = anchors
    heads.sampler.draw = rois
    heads.sample_keys = pixels
    if fixed is not None:
        rpn.filter_proposals = lambda *given: (fixed, None)


def watch(step: Step) -> None:
    """Keep what the model computes between images and losses."""
    rpn, heads = step.model.rpn, step.model.roi_heads
    assign, mask_loss = rpn.assign_targets_to_anchors, heads._mask_loss

    def assigned(anchors: Masks, targets: list[dict[str, Tensor]]) -> tuple[Masks, Masks]:
        labels, boxes = assign(anchors, targets)
        step.anchor_objects += boxes
        return labels, boxes

    def mask_branch(features: Masks, cams: Tensor, encoded: Tensor, positives: Positives) -> Tensor:
        step.cams, step.positives = cams, positives
        with torch.no_grad():
            step.mask_logits = heads._mask_logits(features, positives.boxes, cams, encoded)
        return mask_loss(features, cams, encoded, positives)

    rpn.assign_targets_to_anchors = assigned
    heads._mask_loss = mask_branch
    rpn.register_forward_hook(lambda m, given, out: setattr(step, "proposals", out[0]))
    heads.box_head.register_forward_hook(lambda m, given, out: step.__dict__.update(logits=out[0], deltas=out[1]))


@pytest.fixture(scope="module", params=["train_rpn", "train_fixed"])
def step(request: pytest.FixtureRequest) -> Step:
    """The step with the RPN's own proposals, and the one with fixed ones, which has many positive RoIs."""
    made = Step(request.param, load(request.param), detector("r50").train())
    images, targets, proposals = [], [], []
    for image in IMAGES:
        masks, boxes = make_objects(image)
        has_mask = ~np.isin(image.labels, NOVEL)
        pixels = make_image(image.seed, image.height, image.width)[:, :, ::-1].transpose(2, 0, 1)
        images.append(torch.from_numpy(pixels.copy()))
        targets.append(
            {
                "boxes": torch.from_numpy(boxes),
                "labels": torch.tensor(image.labels),
                "has_mask": torch.from_numpy(has_mask),
                "masks": torch.from_numpy(masks[has_mask].astype(np.uint8)),
            }
        )
        proposals.append(torch.from_numpy(make_proposals(image, boxes)))
    feed_draws(made, proposals if request.param == "train_fixed" else None)
    watch(made)
    made.losses = made.model(images, targets, contrastive_weight=0.1)
    sum(made.losses.values()).backward()
    return made


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
    ledger.close(
        f"{what}, sum of absolutes", [g.abs().sum().item() for g in gradients], absolutes, rtol=1e-3, scale=absolutes
    )
    ledger.close(f"{what}, sum", [g.sum().item() for g in gradients], sums, rtol=1e-3, scale=absolutes)


def test_running_statistics_after_the_step(step: Step, ledger: Ledger) -> None:
    for i, norm in enumerate(step.model.roi_heads.contrastive_head.projector.norms):
        for kind in ("mean", "var"):
            golden = step.golden[f"bn{i}_running_{kind}_after"]
            ledger.close(f"{step.name}, BN {i} running {kind}", getattr(norm, f"running_{kind}"), golden, rtol=1e-4)
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
            ledger.close(f"{step.name}, proposals of image {i}, px", ours, theirs, atol=5e-3)
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
        ledger.equal(f"{step.name}, RoIs in the mask loss {i}", step.positives.in_mask_loss[rows], in_loss)
        boxes = torch.from_numpy(make_objects(image)[1])
        overlap = box_iou(step.positives.boxes[i], boxes)[torch.arange(len(objects)), torch.from_numpy(objects).long()]
        assert (overlap >= 0.5).all()
    assert start == int(golden["n_pos"])


def test_logits_and_cams_of_the_rois(step: Step, ledger: Ledger) -> None:
    golden = step.golden
    ledger.sampled(f"{step.name}, class logits", step.logits, golden, "cls_score", rtol=1e-4)
    ledger.sampled(f"{step.name}, deltas", step.deltas, golden, "bbox_pred", rtol=1e-4)
    ledger.sampled(f"{step.name}, mask logits of all positives", step.mask_logits, golden, "mask_pred", rtol=1e-4)
    ledger.close(f"{step.name}, CAMs of the positives", step.cams, golden["cam_pos"], rtol=1e-4)


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
        ledger.equal(
            f"{step.name}, {name} before the draw", getattr(sets, name)[sound], bits(golden[f"pre_{name}"])[sound]
        )
        drawn = bits(golden[f"sampled_{name}"])
        counts = torch.ceil(getattr(sets, name)[sets.keep].sum((1, 2)).float() * 0.3)
        ledger.equal(f"{step.name}, {name} drawn, numbers", counts, drawn.sum(axis=(1, 2)))
    for name in ("query_pos", "query_neg"):
        ledger.equal(f"{step.name}, {name}", getattr(sets, name), bits(golden[f"{name}_sets"]))
