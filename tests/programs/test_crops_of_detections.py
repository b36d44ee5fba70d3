"""A detector and a crop branch together: its boxes, labels and scores, masks cut out of the image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.programs.train import train
from tests.composing import composed
from tests.programs.test_crops import CROP, TINY
from tests.tiny_run import run_test, run_train, tiny_data

SHORT = ("trainer.max_steps=2", "callbacks=none", "logger=none", "evaluate_after=false")
OWN = ("boxes", "scores", "labels")


class Two:
    """The checkpoints of both, trained on the same data."""

    def __init__(self, root: Path) -> None:
        self.data = tiny_data(root / "data")
        run_train(root / "detector", *self.data, *SHORT)
        train(composed(*CROP, *TINY, *self.data, *SHORT, folder=root / "crops"), root / "crops")
        self.detector, self.crops = (root / part / "checkpoints" / "last.ckpt" for part in ("detector", "crops"))
        self.images = root / "data" / "val"
        self.both = Predictor(self.detector, "cpu", crops=self.crops)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    return Two(tmp_path_factory.mktemp("two"))


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (90, 140, 3), dtype=np.uint8)


def test_boxes_labels_and_scores_are_the_detectors_bit_for_bit(two: Two) -> None:
    alone, both = Predictor(two.detector, "cpu"), two.both
    images = [picture(0), picture(1)[:70]]
    for one, other in zip(alone.predict_batch(images), both.predict_batch(images), strict=True):
        assert len(one["boxes"])
        for name in (*OWN, "names", "cams"):
            assert np.array_equal(one[name], other[name]), name
        assert other["mask_probs"].shape[1:] == (32, 32)
        assert other["windows"].shape == one["boxes"].shape
        assert ((other["confidence"] > 0) & (other["confidence"] < 1)).all()
        assert not np.array_equal(one["confidence"], other["confidence"])


def test_given_boxes_go_to_the_crop_branch_alone(two: Two) -> None:
    crops, both = Predictor(two.crops, "cpu"), two.both
    given = {"boxes": [[5, 5, 40, 30], [30, 10, 139.5, 49]], "labels": ["cat", "kite"]}
    one, other = crops.predict(picture(), **given), both.predict(picture(), **given)
    assert one.keys() == other.keys()
    for name in ("boxes", "scores", "confidence", "masks", "mask_probs", "names"):
        assert np.array_equal(one[name], other[name]), name


def test_masks_lie_in_the_detectors_boxes_and_follow_the_image(two: Two) -> None:
    found = two.both.predict(picture())
    for mask, (x1, y1, x2, y2) in zip(found["masks"].copy(), found["boxes"], strict=True):
        mask[max(int(y1) - 2, 0) : int(y2) + 3, max(int(x1) - 2, 0) : int(x2) + 3] = False
        assert not mask.any()


def test_an_image_without_detections(two: Two) -> None:
    both = Predictor(two.detector, "cpu", crops=two.crops, score=0.9999)
    found = both.predict(picture())
    assert found["masks"].shape == (0, 90, 140)
    assert found["confidence"].shape == (0,)


def test_evaluated_together_boxes_score_as_alone(two: Two, tmp_path: Path) -> None:
    settings = (*two.data, f"ckpt_path={two.detector}", "evaluate=given_boxes")
    alone = run_test(tmp_path / "alone", *settings)
    both = run_test(tmp_path / "both", *settings, f"crops={two.crops}")
    crops = run_test(tmp_path / "crops", *two.data, f"ckpt_path={two.crops}")
    flipped = run_test(tmp_path / "flip", *settings, f"crops={two.crops}", "tta=flip", "overlays=0")
    assert alone["box"] == both["box"] == flipped["box"]
    assert flipped["given_boxes"]["all"]["IoU"] != both["given_boxes"]["all"]["IoU"]
    kept, mine = (json.loads((tmp_path / run / "detections.json").read_text()) for run in ("alone", "both"))
    plain = [[{k: v for k, v in row.items() if k != "segmentation"} for row in rows] for rows in (kept, mine)]
    assert plain[0] == plain[1]
    assert [row["segmentation"] for row in kept] != [row["segmentation"] for row in mine]
    # masks in given boxes are those of the crop branch by itself
    for name in ("IoU", "boundary_IoU", "AP", "calibration_error"):
        assert both["given_boxes"]["all"][name] == crops["given_boxes"]["all"][name]
    assert list((tmp_path / "both" / "overlays").glob("*.png"))


def test_the_prediction_program(two: Two, tmp_path: Path) -> None:
    summary = detect(DetectionOptions(str(two.images), tmp_path), two.both, Console(quiet=True))
    rows = json.loads((tmp_path / "predictions.json").read_text())
    assert summary["objects"] == len(rows) > 0
    scores = [row["score"] for row in rows if row["image_id"] == rows[0]["image_id"]]
    assert scores == sorted(scores, reverse=True)


def test_what_does_not_go_together_is_told(two: Two, tmp_path: Path) -> None:
    for detector, crops, said in (
        (two.detector, two.detector, "takes a crop branch"),
        (two.crops, two.crops, "are both crop branches"),
        (two.crops, two.detector, "the other way round"),
    ):
        with pytest.raises(CheckpointError, match=said):
            Predictor(detector, "cpu", crops=crops)
    with pytest.raises(CheckpointError, match="the other way round"):
        run_test(tmp_path, *two.data, f"ckpt_path={two.crops}", f"crops={two.detector}")
    with pytest.raises(ConfigError, match="is trained alone"):
        run_train(tmp_path / "train", *two.data, f"crops={two.crops}")
    content = Path(two.data[0].removeprefix("data.root=")) / "annotations" / "val.json"
    options = CompletionOptions(content, content.parents[1] / "val", tmp_path / "out.json")
    with pytest.raises(ConfigError, match="without crops="):
        complete(options, two.both, Console(quiet=True))


def test_views_are_of_the_crop_branch(two: Two, tmp_path: Path) -> None:
    given = {"boxes": [[5, 5, 80, 60], [30, 10, 139.5, 89]], "labels": ["cat", "kite"]}
    plain = Predictor(two.crops, "cpu").predict(picture(), **given)
    seen = {tta: Predictor(two.crops, "cpu", tta=tta).predict(picture(), **given) for tta in ("flip", "scales", "all")}
    for tta, found in seen.items():
        assert found["windows"].tolist() == plain["windows"].tolist(), tta
        difference = np.abs(found["mask_probs"] - plain["mask_probs"])
        assert 0 < difference.max() < 0.5, tta
    assert Predictor(two.detector, "cpu", crops=two.crops, tta="flip").predict(picture())["boxes"].size
    with pytest.raises(ValueError, match="crops=FILE"):
        Predictor(two.detector, "cpu", tta="flip")
    with pytest.raises(ValueError, match="none, flip, scales, all"):
        Predictor(two.crops, "cpu", tta="twice")
    with pytest.raises(ConfigError, match="masks of its own"):
        run_test(tmp_path, *two.data, f"ckpt_path={two.detector}", "tta=flip")
    with pytest.raises(ConfigError, match="tta='twice' is not one of"):
        run_test(tmp_path, *two.data, f"ckpt_path={two.crops}", "tta=twice")


def test_checkpoints_that_still_name_the_flip_are_read(two: Two, tmp_path: Path) -> None:
    content = torch.load(two.crops, weights_only=True)
    content["contrastmask"]["config"]["mask_branch"]["flip_test"] = False
    torch.save(content, tmp_path / "older.ckpt")
    assert not Predictor(tmp_path / "older.ckpt", "cpu").finds_boxes
