"""A crop branch that is told where a detector has seen its class: trained so, used beside a detector, never without."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from contrastmask import Predictor
from contrastmask.__main__ import main
from contrastmask.assemble import build_detector_cams
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.sampler import Key
from contrastmask.data.reading import Reading
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.programs.branches import branch_of
from contrastmask.programs.config import typed
from contrastmask.study.objects import open_run
from tests.composing import composed
from tests.programs.test_crops import CROP, TINY, train_crops
from tests.tiny_run import run_test, run_train, tiny_data

SHORT = ("callbacks=none", "logger=none", "evaluate_after=false")
GIVEN = {"boxes": [[5, 5, 40, 30], [30, 10, 139.5, 49]], "labels": ["cat", "kite"]}


class Two:
    """A detector, and a crop branch that was trained with its maps."""

    def __init__(self, root: Path) -> None:
        self.data = tiny_data(root / "data", n_images=12)
        run_train(root / "detector", *self.data, "trainer.max_steps=2", *SHORT)
        self.detector, self.crops = (root / part / "checkpoints" / "last.ckpt" for part in ("detector", "crops"))
        self.words = (*self.data, f"mask_branch.cam={self.detector}")
        self.results = train_crops(root / "crops", *self.words, "schedule.epochs=1")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    return Two(tmp_path_factory.mktemp("cams"))


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)


def test_training_learns_from_the_maps_and_keeps_the_detector_out(two: Two) -> None:
    content = torch.load(two.crops, weights_only=True)
    planes = content["state_dict"]["detector.network.planes.weight"]
    assert planes.shape == (64, 3, 7, 7)
    assert planes[:, 2].any()  # it was zero at first
    assert not any("backbone" in name or "rpn" in name for name in content["state_dict"])
    assert 0 < two.results["given_boxes"]["novel"]["IoU"] < 100


def test_beside_a_detector_it_says_what_training_said(two: Two, tmp_path: Path) -> None:
    both = run_test(
        tmp_path / "both", *two.data, f"ckpt_path={two.detector}", f"crops={two.crops}", "evaluate=given_boxes"
    )
    for name in ("IoU", "boundary_IoU", "AP"):
        expected = two.results["given_boxes"]["all"][name]
        assert both["given_boxes"]["all"][name] == pytest.approx(expected, abs=0.02), name


def test_predictor_and_program(two: Two, tmp_path: Path) -> None:
    both = Predictor(two.detector, "cpu", crops=two.crops)
    found = both.predict(picture())
    assert np.array_equal(found["boxes"], Predictor(two.detector, "cpu").predict(picture())["boxes"])
    given = both.predict(picture(), **GIVEN)
    # the maps are of the labels: other labels, other maps, other masks of the same boxes
    others = both.predict(picture(), **{**GIVEN, "labels": ["dog", "person"]})
    assert not np.array_equal(given["mask_probs"], others["mask_probs"])
    flipped = Predictor(two.detector, "cpu", crops=two.crops, tta="flip").predict(picture(), **GIVEN)
    assert 0 < np.abs(flipped["mask_probs"] - given["mask_probs"]).max() < 0.5
    images = Path(two.data[0].removeprefix("data.root=")) / "val"
    detect(DetectionOptions(str(images), tmp_path), both, Console(quiet=True))
    assert json.loads((tmp_path / "predictions.json").read_text())


def test_the_two_complete_a_file(two: Two, tmp_path: Path) -> None:
    root = Path(two.data[0].removeprefix("data.root="))
    content = json.loads((root / "annotations" / "val.json").read_text())
    content["annotations"] = [{**row, "segmentation": [], "iscrowd": 0} for row in content["annotations"]]
    (tmp_path / "in.json").write_text(json.dumps(content))
    both = Predictor(two.detector, "cpu", crops=two.crops)
    options = CompletionOptions(tmp_path / "in.json", root / "val", tmp_path / "out.json")
    summary = complete(options, both, Console(quiet=True))
    assert summary["completed"] == len(content["annotations"])
    image = content["images"][0]
    written = json.loads((tmp_path / "out.json").read_text())["annotations"][0]
    with Image.open(root / "val" / image["file_name"]) as file:
        names = {c["id"]: c["name"] for c in content["categories"]}
        rows = [r for r in content["annotations"] if r["image_id"] == image["id"]]
        (found,) = both.predict_batch(
            [np.array(file.convert("RGB"))],
            [
                (
                    [[x, y, x + w, y + h] for x, y, w, h in (r["bbox"] for r in rows)],
                    [names[r["category_id"]] for r in rows],
                )
            ],
        )
    assert written["segmentation_confidence"] == pytest.approx(float(found["confidence"][0]), abs=1e-3)


def test_without_a_detector_it_is_refused(two: Two, tmp_path: Path) -> None:
    said = r"was trained with a detector's class activation maps .*give the detector as ckpt_path and crops="
    with pytest.raises(CheckpointError, match=said):
        Predictor(two.crops, "cpu")
    with pytest.raises(CheckpointError, match=said):
        run_test(tmp_path, *two.data, f"ckpt_path={two.crops}")


@pytest.mark.parametrize("name", ["audit", "export", "whole_completion"])
def test_benchmarks_refuse_it_in_one_sentence(
    two: Two, name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = two.data[0].removeprefix("data.root=")
    more = {
        "audit": [f"root={root}"],
        "export": [],
        "whole_completion": [f"annotations={root}/annotations/val.json", f"images={root}/val", "earlier=none"],
    }
    with pytest.raises(SystemExit) as end:
        import_module(f"benchmarks.{name}").main([f"ckpt_path={two.crops}", f"out={tmp_path}", *more[name]])
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "class activation maps" in said
    assert said.count("\n") == 1


def test_an_audit_takes_both(two: Two, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = two.data[0].removeprefix("data.root=")
    words = (f"{root}/annotations/val.json", f"data.images={root}/val", f"output={tmp_path / 'out.json'}")
    more = ("device=cpu", "num_workers=0", "other_classes=false")
    assert not main(["audit", *words, f"ckpt_path={two.detector}", f"crops={two.crops}", *more])
    assert "masks judged" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["audit", *words, f"ckpt_path={two.crops}", *more, "overwrite=true"])
    assert "cannot do without: give the detector as ckpt_path" in capsys.readouterr().err


def test_the_study_does_not_look_into_a_crop_branch(two: Two) -> None:
    with pytest.raises(ConfigError, match="is a run of the crop branch: `measure` and `look` are of a detector's"):
        open_run(two.crops.parents[1])


def test_what_is_no_detector_of_these_data_is_told(two: Two, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a crop branch; class activation maps are a detector's"):
        train_crops(tmp_path, *two.data, f"mask_branch.cam={two.crops}")
    with pytest.raises(ConfigError, match=r"mask_branch\.cam is of mask_branch=crop"):
        typed(composed(f"mask_branch.cam={two.detector}"))
    root = Path(two.data[0].removeprefix("data.root="))
    for name in ("train", "val"):
        content = json.loads((root / "annotations" / f"{name}.json").read_text())
        content["categories"] = [{**c, "name": c["name"].upper()} for c in content["categories"]]
        (root / "annotations" / f"{name}_upper.json").write_text(json.dumps(content))
    upper = ("data.train_annotations=annotations/train_upper.json", "data.val_annotations=annotations/val_upper.json")
    with pytest.raises(CheckpointError, match=r"knows the classes person, .*the data have PERSON"):
        train_crops(tmp_path, *two.words, *upper, "split.base=[CAT,DOG]")


def test_maps_of_records_are_those_of_the_detector_and_follow_the_mirror(two: Two) -> None:
    root = Path(two.data[0].removeprefix("data.root="))
    records = load_annotations(root / "annotations" / "train.json", root / "train", Reading())
    cams, rows = build_detector_cams(two.detector), np.arange(3)
    kept = cams.of_records(records, rows, torch.device("cpu"))
    assert kept.shape == (len(records.labels), 7, 7)
    assert kept[:3].any(axis=(1, 2)).all()
    assert not kept[3:].any()
    config = typed(composed(*CROP, *TINY, *two.words, "data.flip=1", "mask_branch.jitter=0"))
    data = branch_of(config).datamodule(config, None)
    data.prepare_data()
    data.setup("fit")
    data._known_cams = kept
    sample = data._objects(rows)[Key(0, 0, 0)]
    assert torch.equal(sample["cam"], torch.from_numpy(kept[0]).flip(-1))


@pytest.mark.slow
def test_a_run_with_maps_goes_on(two: Two, tmp_path: Path) -> None:
    on = ("schedule.epochs=2", f"ckpt_path={two.crops}", *SHORT)
    train_crops(tmp_path / "on", *two.words, *on)
    with pytest.raises(CheckpointError, match=r"mask_branch\.cam is .* there and None here"):
        train_crops(tmp_path / "off", *two.data, *on)
