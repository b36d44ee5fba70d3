"""Masks for some of the detections: the same ones, and empty ones for the rest."""

from __future__ import annotations

import pytest
import torch

from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.model.detector import Detector
from tests.detectors import scene, tiny

SIZES = [(64, 96), (64, 96)]


@pytest.fixture
def detector() -> Detector:
    torch.manual_seed(0)
    return tiny().eval()


def images() -> list[torch.Tensor]:
    return [scene(seed=seed)[0] for seed in (0, 1)]


def test_nothing_is_left_out_unasked() -> None:
    roi = NetworkConfig().model.roi
    assert (roi.mask_limit, roi.mask_score) == (None, 0.0)


@pytest.mark.parametrize("by", ["limit", "score", "both"])
def test_the_best_have_the_masks_that_they_had(detector: Detector, by: str) -> None:
    whole = detector.predict(images(), SIZES)
    wanted = []
    # a score between the third and the fourth of the first image
    score = float(whole[0]["scores"][2:4].mean())
    if by != "limit":
        detector.mask_score = score
    if by != "score":
        detector.mask_limit = 2
    for found in whole:
        above = int((found["scores"] >= score).sum())
        wanted.append({"limit": min(2, len(found["scores"])), "score": above, "both": min(2, above)}[by])
    assert wanted[0] == {"limit": 2, "score": 3, "both": 2}[by]
    for found, some, count in zip(whole, detector.predict(images(), SIZES), wanted, strict=True):
        for name in ("boxes", "scores", "labels", "cams"):
            assert torch.equal(found[name], some[name])
        assert some["mask_probs"].shape == found["mask_probs"].shape
        torch.testing.assert_close(some["mask_probs"][:count], found["mask_probs"][:count])
        assert not some["mask_probs"][count:].any()


def test_no_detection_may_have_one(detector: Detector) -> None:
    detector.mask_score = 1.0
    (found, _) = detector.predict(images(), SIZES)
    assert len(found["scores"]) > 0
    assert found["mask_probs"].shape == (len(found["scores"]), 28, 28)
    assert not found["mask_probs"].any()
