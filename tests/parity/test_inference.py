"""Whole images through the whole detector against the released one: pyramid, proposals, detections, CAMs, masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.model.masks import encode_masks, paste_masks
from tests.parity.golden import detector, load
from tests.parity.ledger import FORWARD, PIXELS, PROBABILITIES, SCORES, Ledger
from tests.recipes import make_image

pytestmark = pytest.mark.parity
# seed and size of the network input, size of the original; nothing is resized, the second is shown as if it had been
IMAGES = {"0": (1001, (200, 304), (200, 304)), "1": (1003, (200, 267), (240, 320))}
SURE = 2e-3  # a mask's pixel so far from the threshold is on its side on any machine
IOU = 0.998  # on average
THIN = 0.01
MISSING = 0.02  # of detections, and 5 of 1000 proposals: an overlap may lie within rounding of the NMS's threshold


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


def compare_proposals(ledger: Ledger, what: str, ours: Tensor, golden: np.ndarray, missing: int) -> None:
    """Golden boxes among ours as a set, each of ours serving once; so many may be ``missing``."""
    distance = np.abs(ours.numpy()[:, None] - golden[None]).max(axis=2)
    nearest = distance.argmin(axis=0)
    distances = distance[nearest, np.arange(len(golden))]
    served = np.bincount(nearest, minlength=len(ours))[nearest] == 1  # else two golden boxes want one of ours
    found = served & (distances <= 10 * PIXELS["tolerance"])
    ledger.close(f"{what} not among ours", (~found).sum(), 0, atol=missing, scale=len(golden))
    # boxes clipped to a line overlap nothing, so no threshold may take one
    thin = (golden[:, 2:] - golden[:, :2]).min(axis=1) < THIN
    ledger.equal(f"{what}, of them thinner than {THIN} px and not among ours", ~found[thin], np.zeros(thin.sum()))
    ledger.alike(f"{what}, px", distances[found], np.zeros(found.sum()), **PIXELS)


def pairs(found: dict[str, Tensor], golden: dict[str, np.ndarray], count: int) -> tuple[list[int], list[int]]:
    """Which of our detections stand for which of the first ``count`` golden ones.

    Neighbours within the tolerance of scores may swap. A golden one that no detection of ours stands for is left out.
    """
    scores, labels, boxes = (found[name].numpy() for name in ("scores", "labels", "boxes"))
    taken: list[int] = []
    rows: list[int] = []
    for i, (*box, score) in enumerate(golden["det_bboxes"][:count]):
        same = (labels == golden["det_labels"][i]) & (np.abs(scores - score) <= 5 * SCORES["tolerance"])
        near = [j for j in np.flatnonzero(same) if j not in taken and np.abs(boxes[j] - box).max() <= 1]
        if near:
            taken.append(min(near, key=lambda j: np.abs(boxes[j] - box).max()))
            rows.append(i)
    return taken, rows


def compare_detections(
    ledger: Ledger, what: str, found: dict[str, Tensor], golden: dict[str, np.ndarray], count: int
) -> tuple[list[int], list[int]]:
    """Boxes and scores of the first ``count`` golden detections; returns which of ours stand for which of them."""
    places, rows = pairs(found, golden, count)
    ledger.close(
        f"{what}, of {count} detections not among ours", count - len(rows), 0, atol=MISSING * count, scale=count
    )
    boxes, scores = found["boxes"][places], found["scores"][places]
    ledger.alike(f"{what}, boxes of {len(rows)} detections, px", boxes, golden["det_bboxes"][rows, :4], **PIXELS)
    ledger.alike(f"{what}, scores", scores, golden["det_bboxes"][rows, 4], **SCORES)
    return places, rows


def compare_pyramid(ledger: Ledger, what: str, shown: Shown, golden: dict[str, np.ndarray]) -> None:
    for level, feature in enumerate(shown.features):
        ledger.sampled(f"{what}, P{level + 2}", feature, golden, f"fpn{level}", **FORWARD)


def compare_all(ledger: Ledger, backbone: str, image: str, count: int) -> None:
    # more than are compared: one of ours that the golden NMS dropped would push the last golden one out
    golden, shown = load(f"infer_{backbone}_{image}"), show(backbone, image, count + 2)
    what = f"{backbone} image {image}" + (f", best {count}" if count < 100 else "")
    inputs = shown.inputs.double()
    summary = torch.stack([inputs.mean(), inputs.std(correction=0), inputs.abs().sum(), inputs.min(), inputs.max()])
    ledger.close(f"{what}, normalised and padded input", summary, golden["x_summ"], rtol=1e-6, scale=golden["x_summ"])
    compare_proposals(ledger, f"{what}, 1000 proposals", shown.proposals, golden["proposals"][:, :4], 5)
    compare_proposals(ledger, f"{what}, first 20 proposals", shown.proposals[:22], golden["proposals"][:20, :4], 1)
    compare_pyramid(ledger, what, shown, golden)
    found = shown.found
    assert len(found["boxes"]) == count + 2
    places, rows = compare_detections(ledger, what, found, golden, count)
    ledger.alike(f"{what}, CAMs", found["cams"][places], golden["det_cams"][rows], **FORWARD)
    probs, boxes = found["mask_probs"][places], found["boxes"][places]
    theirs = {name: golden[name][rows] for name in ("mask_prob", "det_bboxes", "rle_counts")}
    ledger.alike(f"{what}, mask probabilities", probs, theirs["mask_prob"], **PROBABILITIES)
    compare_pasted(ledger, what, probs, boxes, shown.size, theirs)


def compare_pasted(
    ledger: Ledger, what: str, probs: Tensor, boxes: Tensor, size: tuple[int, int], golden: dict[str, np.ndarray]
) -> None:
    """Masks in the image. A pixel may differ only where its value is within rounding of the threshold."""
    runs = [{"size": list(size), "counts": str(counts)} for counts in golden["rle_counts"]]
    theirs = coco_mask.decode(runs).transpose(2, 0, 1).astype(bool)
    ours = paste_masks(probs, boxes, size).numpy()
    assert np.array_equal(coco_mask.decode(encode_masks(probs, boxes, size)).transpose(2, 0, 1), ours)
    union = (ours | theirs).sum(axis=(1, 2))
    iou = np.where(union > 0, (ours & theirs).sum(axis=(1, 2)) / np.maximum(union, 1), 1.0)
    sure = paste_masks(probs, boxes, size, 0.5 + SURE) == paste_masks(probs, boxes, size, 0.5 - SURE)
    ledger.equal(f"{what}, mask pixels off the threshold", (ours ^ theirs) & sure.numpy(), np.zeros_like(ours))
    apart = (ours ^ theirs).sum(axis=(1, 2))
    still = np.zeros(len(apart))
    ledger.close(f"{what}, pixels apart in {len(apart)} masks", apart, still, atol=3, rtol=0.01, scale=union)
    ledger.close(f"{what}, IoU of masks, mean", iou.mean(), 1.0, atol=1 - IOU)
    # the golden probabilities, pasted by us, are the golden masks, but for the 16 bits they are kept in
    pasted = paste_masks(torch.from_numpy(golden["mask_prob"]), torch.from_numpy(golden["det_bboxes"][:, :4]), size)
    wrong = (pasted.numpy() ^ theirs).sum()
    ledger.close(f"{what}, golden probabilities pasted, pixels", wrong, 0, rtol=1e-4, scale=theirs.sum())


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
    shown = show(backbone, "0", 102)
    what = f"{backbone} image 0"
    compare_proposals(ledger, f"{what}, first 20 proposals", shown.proposals[:22], golden["proposals_top20"][:, :4], 1)
    compare_pyramid(ledger, what, shown, golden)
    compare_detections(ledger, what, shown.found, golden, 100)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["r50", "x101"])
def test_scores_before_the_choice_of_detections(backbone: str, ledger: Ledger) -> None:
    """Only while the proposals keep their order row by row, which the golden ones do for a while only."""
    golden, shown = load(f"infer_{backbone}_0"), show(backbone, "0", limit=1)
    places = np.abs(shown.proposals.numpy()[:, None] - golden["proposals"][None, :, :4]).max(2).argmin(0)
    for name, ours in (("rois_cls_score", shown.logits), ("bbox_pred", shown.deltas)):
        ledger.sampled(f"{backbone} image 0, {name} of 1000 proposals", ours[places], golden, name, **FORWARD)
