"""The golden training step: its inputs, what was drawn in it fed in, and what the model computes kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from contrastmask.losses.pixel_sets import PixelSets
from contrastmask.model.detector import Detector
from contrastmask.model.sampling import Positives
from tests.parity.golden import bits, detector, load
from tests.recipe_train import IMAGES, NOVEL, make_objects, make_proposals
from tests.recipes import make_image

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
    missing: tuple[Tensor, ...] = ()  # golden proposals that are not among ours
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
    own = rpn.filter_proposals

    def proposals(*given: object) -> tuple[list[Tensor], None]:
        if fixed is not None:
            return fixed, None
        theirs = [torch.from_numpy(golden[f"proposals{i}"][:, :4]) for i in range(len(IMAGES))]
        ordered, step.missing = zip(*map(in_golden_order, own(*given)[0], theirs), strict=True)
        return list(ordered), None

    rpn.filter_proposals = proposals


def in_golden_order(ours: Tensor, golden: Tensor) -> tuple[Tensor, Tensor]:
    """Our proposals in the order of the golden ones, whose places the recorded draws name; and which were not found.

    Neighbours whose scores differ by less than rounding may swap. A box at the threshold of the NMS may fall on its
    other side, with the number of threads: where no box of ours is within 0.005 px, the golden one takes the place.
    """
    distance, places = (ours[None] - golden[:, None]).abs().amax(dim=2).min(dim=1)
    missing = distance > 5e-3
    return torch.where(missing[:, None], golden, ours[places]), missing


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
            step.mask_logits = heads.mask_logits(features, positives.boxes, cams, encoded)
        return mask_loss(features, cams, encoded, positives)

    rpn.assign_targets_to_anchors = assigned
    heads._mask_loss = mask_branch
    rpn.register_forward_hook(lambda m, given, out: setattr(step, "proposals", out[0]))
    heads.box_head.register_forward_hook(lambda m, given, out: step.__dict__.update(logits=out[0], deltas=out[1]))


def make_step(name: str) -> Step:
    """``train_rpn``: the RPN's own proposals; ``train_fixed``: drawn ones, many of them positive. With its backward."""
    step = Step(name, load(name), detector("r50").train())
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
    feed_draws(step, proposals if name == "train_fixed" else None)
    watch(step)
    step.losses = step.model(images, targets, contrastive_weight=0.1)
    sum(step.losses.values()).backward()
    return step
