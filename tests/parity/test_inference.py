"""Whole images through the whole detector against the released one: pyramid, proposals, detections, CAMs, masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.model.masks import encode_masks, paste_masks
from tests.parity.golden import Ledger, detector, load
from tests.recipes import make_image

pytestmark = pytest.mark.parity
# seed and size of the network input, size of the original; nothing is resized, the second is shown as if it had been
IMAGES = {"0": (1001, (200, 304), (200, 304)), "1": (1003, (200, 267), (240, 320))}
PIXELS = 5e-3  # allowed of a box
SCORE = 1e-4
PROBABILITY = 1e-3
IOU = 0.999  # on average
FEW_PIXELS = 3  # of a mask, which may be small


@dataclass
class Shown:
    """What the detector made of one image."""

    inputs: Tensor
    features: list[Tensor]
    proposals: Tensor
    logits: Tensor
    deltas: Tensor
    found: dict[str, Tensor]
    size: tuple[int, int]


def show(backbone: str, image: str, limit: int = 100) -> Shown:
    """Run a detector with golden weights on a golden image, keeping ``limit`` detections."""
    seed, size, original = IMAGES[image]
    model = detector(backbone, selection={"limit": limit}).eval()
    between: dict = {}
    model.backbone.register_forward_hook(lambda m, given, out: between.update(inputs=given[0]))
    model.rpn.register_forward_hook(lambda m, given, out: between.update(features=given[1], proposals=out[0][0]))
    head = model.roi_heads.box_head
    score = head.score

    def score_and_refine(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the detector asks for, and the deltas of all proposals, of which it needs a part."""
        logits, cls_map, shared = score(x)
        between.update(logits=logits, deltas=head.refine(shared))
        return logits, cls_map, shared

    head.score = score_and_refine
    pixels = make_image(seed, *size)[:, :, ::-1].transpose(2, 0, 1)  # RGB
    found = model.predict([torch.from_numpy(pixels.copy())], [original])[0]
    return Shown(**between, found=found, size=original)


def matched(ours: np.ndarray, golden: np.ndarray) -> np.ndarray:
    """For each golden box the distance in pixels to the nearest of ours, each of ours serving once."""
    distance = np.abs(ours[:, None] - golden[None]).max(axis=2)
    nearest = distance.argmin(axis=0)
    distances = distance[nearest, np.arange(len(golden))]
    distances[[list(nearest).count(i) > 1 for i in nearest]] = np.inf
    return distances


def order(found: dict[str, Tensor], golden: dict[str, np.ndarray]) -> list[int]:
    """Which of our detections stands for each golden one: neighbours within the tolerance of scores may swap."""
    scores, theirs = found["scores"].numpy(), golden["det_bboxes"][: len(found["scores"]), 4]
    labels, boxes = found["labels"].numpy(), found["boxes"].numpy()
    taken: list[int] = []
    for i, score in enumerate(theirs):
        near = [j for j in range(len(scores)) if abs(scores[j] - score) <= SCORE and j not in taken]
        same = [j for j in near if labels[j] == golden["det_labels"][i]]
        assert same, f"no detection of ours for golden detection {i}"
        taken.append(min(same, key=lambda j: np.abs(boxes[j] - golden["det_bboxes"][i, :4]).max()))
    return taken


def compare_boxes(ledger: Ledger, what: str, shown: Shown, golden: dict[str, np.ndarray]) -> list[int]:
    """Pyramid and detections; returns the order of ours that is the golden one."""
    for level, feature in enumerate(shown.features):
        ledger.sampled(f"{what}, P{level + 2}", feature, golden, f"fpn{level}", rtol=1e-4)
    places = order(shown.found, golden)
    count = len(places)
    assert len(set(places)) == count
    boxes, scores = shown.found["boxes"][places], shown.found["scores"][places]
    ledger.close(f"{what}, boxes of {count} detections, px", boxes, golden["det_bboxes"][:count, :4], atol=PIXELS)
    ledger.close(f"{what}, scores", scores, golden["det_bboxes"][:count, 4], atol=SCORE)
    ledger.equal(f"{what}, labels", shown.found["labels"][places], golden["det_labels"][:count])
    return places


def compare_all(ledger: Ledger, backbone: str, image: str, limit: int) -> None:
    golden, shown = load(f"infer_{backbone}_{image}"), show(backbone, image, limit)
    what = f"{backbone} image {image}" + (f", best {limit}" if limit < 100 else "")
    inputs = shown.inputs.double()
    summary = torch.stack([inputs.mean(), inputs.std(correction=0), inputs.abs().sum(), inputs.min(), inputs.max()])
    ledger.close(f"{what}, normalised and padded input", summary, golden["x_summ"], rtol=1e-6, scale=golden["x_summ"])
    distances = matched(shown.proposals.numpy(), golden["proposals"][:, :4])
    ledger.close(
        f"{what}, {len(distances)} proposals as a set, px",
        distances,
        np.zeros(1000),
        atol=PIXELS,
        scale=max(shown.size),
    )
    first = shown.proposals[:20]
    ledger.close(f"{what}, first 20 proposals, px", first, golden["proposals"][:20, :4], atol=PIXELS)
    places = compare_boxes(ledger, what, shown, golden)
    count, found = len(places), shown.found
    assert count == limit
    ledger.close(f"{what}, CAMs", found["cams"][places], golden["det_cams"][:count], rtol=1e-3)
    probs, boxes = found["mask_probs"][places], found["boxes"][places]
    ledger.close(f"{what}, mask probabilities", probs, golden["mask_prob"][:count], atol=PROBABILITY)
    compare_pasted(ledger, what, probs, boxes, shown.size, golden)


def compare_pasted(
    ledger: Ledger, what: str, probs: Tensor, boxes: Tensor, size: tuple[int, int], golden: dict[str, np.ndarray]
) -> None:
    """Masks in the image. A pixel may differ only where its value is within rounding of the threshold."""
    runs = [{"size": list(size), "counts": str(counts)} for counts in golden["rle_counts"][: len(boxes)]]
    theirs = coco_mask.decode(runs).transpose(2, 0, 1).astype(bool)
    ours = paste_masks(probs, boxes, size).numpy()
    assert np.array_equal(coco_mask.decode(encode_masks(probs, boxes, size)).transpose(2, 0, 1), ours)
    union = (ours | theirs).sum(axis=(1, 2))
    iou = np.where(union > 0, (ours & theirs).sum(axis=(1, 2)) / np.maximum(union, 1), 1.0)
    sure = paste_masks(probs, boxes, size, 0.5 + PROBABILITY) == paste_masks(probs, boxes, size, 0.5 - PROBABILITY)
    ledger.equal(f"{what}, mask pixels off the threshold", (ours ^ theirs) & sure.numpy(), np.zeros_like(ours))
    apart = (ours ^ theirs).sum(axis=(1, 2))
    ledger.close(
        f"{what}, pixels apart in {len(apart)} masks", apart, np.zeros(len(apart)), atol=FEW_PIXELS, scale=union
    )
    ledger.close(f"{what}, IoU of masks, mean", iou.mean(), 1.0, atol=1 - IOU)
    # the golden probabilities, pasted by us, are the golden masks, but for the 16 bits they are kept in
    pasted = paste_masks(
        torch.from_numpy(golden["mask_prob"][: len(boxes)]), boxes_of(golden, len(boxes)), size
    ).numpy()
    ledger.close(f"{what}, golden probabilities pasted, pixels", (pasted ^ theirs).sum(), 0, atol=1, scale=theirs.sum())


def boxes_of(golden: dict[str, np.ndarray], count: int) -> Tensor:
    return torch.from_numpy(golden["det_bboxes"][:count, :4])


def test_the_best_detections_of_r50(ledger: Ledger) -> None:
    """All but the masks of the other 92 detections, so that the quick tests prove the whole chain."""
    compare_all(ledger, "r50", "0", 8)


@pytest.mark.slow
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("backbone", ["r50", "x101"])
def test_every_detection(backbone: str, image: str, ledger: Ledger) -> None:
    compare_all(ledger, backbone, image, 100)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["r101", "x50"])
def test_boxes_of_the_other_backbones(backbone: str, ledger: Ledger) -> None:
    golden = load(f"backbone_{backbone}")
    shown = show(backbone, "0")
    what = f"{backbone} image 0"
    first = golden["proposals_top20"][:, :4]
    ledger.close(f"{what}, first 20 proposals, px", shown.proposals[:20], first, atol=PIXELS)
    compare_boxes(ledger, what, shown, golden)
    assert len(shown.found["boxes"]) == 100


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["r50", "x101"])
def test_scores_before_the_choice_of_detections(backbone: str, ledger: Ledger) -> None:
    """Only while the proposals keep their order row by row, which the golden ones do for a while only."""
    golden, shown = load(f"infer_{backbone}_0"), show(backbone, "0", limit=1)
    places = np.abs(shown.proposals.numpy()[:, None] - golden["proposals"][None, :, :4]).max(2).argmin(0)
    for name, ours in (("rois_cls_score", shown.logits), ("bbox_pred", shown.deltas)):
        ledger.sampled(f"{backbone} image 0, {name} of 1000 proposals", ours[places], golden, name, rtol=1e-4)
