"""Prediction from Python: arrays in, arrays out, the figures of the program, and no frameworks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask import Predictor
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import read_checkpoint
from contrastmask.checkpoints.write import write_checkpoint
from contrastmask.errors import CheckpointError
from tests.tiny_run import R18, run_train, tiny_data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a finished run, and of its data."""
    root = tmp_path_factory.mktemp("predictor")
    # the released mask head, which goes into MMDetection's layout too
    settings = (*R18, "mask_head=fcn", "schedule.epochs=1", "trainer.limit_val_batches=0")
    run_train(root / "out", *tiny_data(root / "data"), *settings)
    return root / "out", root / "data"


def images(data: Path) -> list[tuple[int, np.ndarray]]:
    content = json.loads((data / "annotations" / "val.json").read_text())["images"]
    return [(i["id"], np.array(Image.open(data / "val" / i["file_name"]))) for i in content]


def test_detections_are_those_of_the_program(run: tuple[Path, Path]) -> None:
    out, data = run
    predictor = Predictor(out / "checkpoints" / "last.ckpt", device="cpu")
    masks, boxes = (json.loads((out / name).read_text()) for name in ("detections.json", "detections_boxes.json"))
    theirs = [{**mask, **box} for mask, box in zip(masks, boxes, strict=True)]
    ids = {c["name"]: c["id"] for c in predictor.categories}
    ours = []
    for image_id, image in images(data):
        found = predictor.predict(image)
        assert found["masks"].shape == (len(found["boxes"]), *image.shape[:2])
        assert found["masks"].dtype == bool
        for i, name in enumerate(found["names"]):
            x0, y0, x1, y1 = found["boxes"][i].tolist()
            ours.append((image_id, ids[name], [x0, y0, x1 - x0, y1 - y0], found["scores"][i], found["rles"][i]))
            np.testing.assert_array_equal(coco_mask.decode(found["rles"][i]), found["masks"][i])
    assert len(ours) == len(theirs) > 0
    for (image_id, category, box, score, rle), their in zip(ours, theirs, strict=True):
        assert (image_id, category) == (their["image_id"], their["category_id"])
        np.testing.assert_allclose(box, their["bbox"], atol=1e-3)
        assert score == pytest.approx(their["score"], abs=1e-5)
        assert coco_mask.iou([rle], [their["segmentation"]], [0])[0, 0] > 0.99 or coco_mask.area(rle) < 20


def test_given_boxes_keep_their_order_and_labels_may_be_names(run: tuple[Path, Path]) -> None:
    out, data = run
    predictor = Predictor(out / "checkpoints" / "last.ckpt", device="cpu")
    image = images(data)[0][1]
    boxes = [[5, 5, 40, 50], [20.5, 10, 60, 60]]
    names = [predictor.class_names[1], predictor.class_names[0]]
    by_name = predictor.predict(image, boxes=boxes, labels=names)
    by_number = predictor.predict(image, boxes=np.array(boxes), labels=[1, 0], masks=False)
    np.testing.assert_allclose(by_name["boxes"], boxes, atol=1e-4)
    assert by_name["names"] == names
    assert by_name["labels"].tolist() == [1, 0]
    assert "masks" not in by_number
    for key in ("scores", "mask_probs", "cams"):
        np.testing.assert_array_equal(by_name[key], by_number[key])
    none = predictor.predict(image, boxes=np.zeros((0, 4)), labels=[])
    assert none["masks"].shape == (0, *image.shape[:2])
    assert none["mask_probs"].shape == (0, 28, 28)


def test_masks_of_the_best_alone(run: tuple[Path, Path]) -> None:
    out, data = run
    checkpoint, image = out / "checkpoints" / "last.ckpt", images(data)[0][1]
    whole = Predictor(checkpoint, "cpu").predict(image)
    some = Predictor(checkpoint, "cpu", mask_limit=1).predict(image)
    assert len(whole["scores"]) > 1
    np.testing.assert_array_equal(some["boxes"], whole["boxes"])
    np.testing.assert_allclose(some["mask_probs"][0], whole["mask_probs"][0], atol=1e-5)
    assert some["masks"].shape == whole["masks"].shape
    assert not some["masks"][1:].any()
    assert not Predictor(checkpoint, "cpu", mask_score=1.0).predict(image)["masks"].any()


def test_a_batch_gives_what_single_images_give(run: tuple[Path, Path]) -> None:
    out, data = run
    predictor = Predictor(out / "checkpoints" / "last.ckpt", device="cpu")
    same = [images(data)[0][1], images(data)[0][1][:, ::-1].copy()]
    for single, together in zip([predictor.predict(i) for i in same], predictor.predict_batch(same), strict=True):
        np.testing.assert_allclose(single["boxes"], together["boxes"], atol=1e-3)
        np.testing.assert_allclose(single["scores"], together["scores"], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"boxes": [[0, 0, 5, 5]]}, "give both, or neither"),
        ({"boxes": [[0, 0, 5, 5]], "labels": []}, "1 boxes, 0 labels"),
        ({"boxes": [[0, 0, 5, 5], [9, 9, 9, 20]], "labels": [0, 0]}, r"boxes \[1\]"),
        ({"boxes": [[0, 0, float("nan"), 5]], "labels": [0]}, r"boxes \[0\]"),
        ({"boxes": [[500, 0, 600, 5]], "labels": [0]}, "area inside"),
        ({"boxes": [[0, 0, 5, 5]], "labels": ["unicorn"]}, "unicorn.*is no class"),
        ({"boxes": [[0, 0, 5, 5]], "labels": [99]}, "99 is no class"),
    ],
)
def test_bad_arguments_are_named(run: tuple[Path, Path], arguments: dict, said: str) -> None:
    predictor = Predictor(run[0] / "checkpoints" / "last.ckpt", device="cpu")
    with pytest.raises(ValueError, match=said):
        predictor.predict(images(run[1])[0][1], **arguments)


@pytest.mark.parametrize("image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)])
def test_only_rgb_bytes_are_images(run: tuple[Path, Path], image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 RGB image"):
        Predictor(run[0] / "checkpoints" / "last.ckpt", device="cpu").predict(image)


def test_a_converted_checkpoint_keeps_classes_and_image_size(run: tuple[Path, Path], tmp_path: Path) -> None:
    out, data = run
    first = Predictor(out / "checkpoints" / "last.ckpt", device="cpu")
    for name in ("small.safetensors", "theirs.pth"):
        write_checkpoint(read_checkpoint(out / "checkpoints" / "last.ckpt"), tmp_path / name)
        other = Predictor(tmp_path / name, device="cpu")
        assert other.class_names == first.class_names
        assert (other.transform.short_side, other.transform.long_side) == (64, 128)
        image = images(data)[0][1]
        np.testing.assert_array_equal(other.predict(image)["boxes"], first.predict(image)["boxes"])


def test_what_a_released_file_does_not_tell_is_the_released_model(run: tuple[Path, Path], tmp_path: Path) -> None:
    source = tmp_path / "theirs.pth"
    write_checkpoint(read_checkpoint(run[0] / "checkpoints" / "last.ckpt"), source)
    content = torch.load(source, weights_only=True)
    torch.save({"state_dict": content["state_dict"], "meta": {}}, source)
    config = network_config(read_checkpoint(source))
    assert (config.backbone.depth, config.model.fpn_channels) == (18, 16)  # read off the tensors
    assert (config.model.rpn.post_nms, config.model.roi.limit, config.model.roi.score) == (1000, 100, 0.05)
    assert Predictor(source, device="cpu").class_names[0] == "class 0"


def test_settings_of_another_version_are_named(run: tuple[Path, Path], tmp_path: Path) -> None:
    content = torch.load(run[0] / "checkpoints" / "last.ckpt", weights_only=True)
    content["contrastmask"]["config"]["model"]["roi"]["magic"] = 1
    torch.save(content, tmp_path / "new.ckpt")
    with pytest.raises(CheckpointError, match=r"model\.roi\.magic"):
        Predictor(tmp_path / "new.ckpt", device="cpu")
    del content["contrastmask"]["config"]["model"]["roi"]["magic"], content["contrastmask"]["config"]["model"]["cam"]
    torch.save(content, tmp_path / "old.ckpt")
    with pytest.raises(CheckpointError, match=r"does not tell model\.cam"):
        Predictor(tmp_path / "old.ckpt", device="cpu")


def test_no_framework_is_imported(run: tuple[Path, Path]) -> None:
    code = (
        "import sys, numpy as np\n"
        "from contrastmask import Predictor\n"
        f"Predictor({str(run[0] / 'checkpoints' / 'last.ckpt')!r}, device='cpu')"
        ".predict(np.zeros((40, 60, 3), np.uint8))\n"
        "bad = {'pytorch_lightning', 'hydra', 'omegaconf', 'wandb'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
