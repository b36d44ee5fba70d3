"""Checkpoints: recognised by what they hold, converted without loss, refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from contrastmask.assemble import build_detector
from contrastmask.checkpoints.convert import main
from contrastmask.checkpoints.mmdetection import network_of, to_mmdetection
from contrastmask.checkpoints.read import load_weights, read_checkpoint
from contrastmask.checkpoints.write import write_checkpoint
from contrastmask.data.records import Category
from contrastmask.errors import CheckpointError
from contrastmask.model.detector import Detector
from contrastmask.programs.build import with_network
from tests.composing import composed
from tests.detectors import tiny

NAMES = ("person", "kite", "dog", "cow", "bus")


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    return tiny(len(NAMES))


@pytest.fixture
def released(detector: Detector, tmp_path: Path) -> Path:
    """A file as MMDetection writes it."""
    meta = {"CLASSES": NAMES, "epoch": 12, "iter": 9, "config": "model = dict()", "hook_msgs": {}}
    content = {"meta": meta, "state_dict": to_mmdetection(detector.state_dict()), "optimizer": {"param_groups": []}}
    torch.save(content, tmp_path / "released.pth")
    return tmp_path / "released.pth"


def state_of(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)["state_dict"]


def assert_equal_bits(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert list(one) == list(two)
    assert len(one) > 100
    for name, value in one.items():
        assert value.dtype == two[name].dtype, name
        assert torch.equal(value, two[name]), name


def test_mmdetections_layout_is_recognised(released: Path, detector: Detector) -> None:
    checkpoint = read_checkpoint(released)
    assert checkpoint.layout == "mmdetection"
    assert checkpoint.classes == len(NAMES)
    assert checkpoint.categories == [{"id": None, "name": name} for name in NAMES]
    assert checkpoint.network["backbone"]["name"] == "r18"
    assert_equal_bits(checkpoint.state, detector.state_dict())


def test_a_state_without_metadata_is_recognised(detector: Detector, tmp_path: Path) -> None:
    torch.save(to_mmdetection(detector.state_dict()), tmp_path / "bare.pth")
    checkpoint = read_checkpoint(tmp_path / "bare.pth")
    assert (checkpoint.layout, checkpoint.categories, checkpoint.classes) == ("mmdetection", None, 5)
    with pytest.raises(CheckpointError, match=r"5 classes .* the data 2: person, kite"):
        checkpoint.check_classes([Category(1, "person"), Category(2, "kite")])


def test_the_configuration_follows_the_file(released: Path, detector: Detector) -> None:
    """Whatever network the command line names, the file's own is built, and its weights fit."""
    checkpoint = read_checkpoint(released)
    cfg = composed("backbone=x101", "model=mask_rcnn", "model.roi.score=0.3", program="test")
    config = with_network(cfg, checkpoint.network)
    built = build_detector(config, checkpoint.classes, pretrained=False)
    load_weights(built, checkpoint)
    assert (config.backbone.name, config.model.name, config.model.cam) == ("r18", "contrastmask", True)
    assert built.roi_heads.selection.score == 0.3
    assert_equal_bits(built.state_dict(), detector.state_dict())


@pytest.mark.parametrize("between", ["a.safetensors", "a.ckpt"])
def test_conversion_and_back_changes_no_bit(released: Path, tmp_path: Path, between: str) -> None:
    if between.endswith("safetensors"):
        pytest.importorskip("safetensors")
    assert main(["convert", str(released), str(tmp_path / between)]) == 0
    middle = read_checkpoint(tmp_path / between)
    assert middle.layout == "contrastmask"
    assert [c["name"] for c in middle.categories] == list(NAMES)
    assert main(["convert", str(tmp_path / between), str(tmp_path / "back.pth")]) == 0
    back, first = state_of(tmp_path / "back.pth"), state_of(released)
    assert_equal_bits({k: back[k] for k in first}, first)
    assert len(back) == len(first)
    assert torch.load(tmp_path / "back.pth", weights_only=True)["meta"]["CLASSES"] == NAMES


def test_our_own_settings_survive_mmdetections_layout(detector: Detector, tmp_path: Path) -> None:
    network = {"backbone": {"name": "r18"}, "model": {"cam": False}, "loss": {"formula": "paper"}}
    categories = [{"id": 10 * i, "name": name} for i, name in enumerate(NAMES)]
    split = {"name": "own", "base": [NAMES[0]], "novel": list(NAMES[1:])}
    about = {"format": 1, "config": {**network, "seed": 3}, "categories": categories, "split": split}
    state = {f"detector.{k}": v for k, v in detector.state_dict().items()} | {"epoch": torch.tensor(3)}
    torch.save({"state_dict": state, "contrastmask": about}, tmp_path / "last.ckpt")
    first = read_checkpoint(tmp_path / "last.ckpt")
    assert first.network == network
    assert write_checkpoint(first, tmp_path / "theirs.pth") == "mmdetection"
    second = read_checkpoint(tmp_path / "theirs.pth")
    assert (second.network, second.categories) == (network, categories)
    assert first.base == second.base == (NAMES[0],)
    assert second.trained.class_names == tuple(NAMES)
    assert_equal_bits(second.state, detector.state_dict())


def test_loading_is_strict_both_ways_and_names_everything(released: Path, tmp_path: Path) -> None:
    content = torch.load(released, weights_only=True)
    state = content["state_dict"]
    del state["roi_head.mask_head.fuseconv.bias"], state["neck.fpn_convs.3.conv.weight"]
    state["backbone.layer1.1.bn9.weight"] = torch.ones(2)
    state["rpn_head.rpn_cls.bias"] = torch.ones(5)
    torch.save(content, released)
    with pytest.raises(CheckpointError) as raised:
        load_weights(tiny(len(NAMES)), read_checkpoint(released))
    assert str(raised.value).split(": ", 1)[1].split("; ") == [
        "missing: neck.fpn_convs.3.conv.weight",
        "missing: roi_head.mask_head.fuseconv.bias",
        "left over: backbone.layer1.1.bn9.weight",
        "rpn_head.rpn_cls.bias is (5,), the model's (3,)",
    ]
    state["roi_head.mask_iou_head.fc.weight"] = torch.ones(2)
    torch.save(content, released)
    with pytest.raises(CheckpointError, match=r"released\.pth: .*roi_head\.mask_iou_head\.fc\.weight"):
        read_checkpoint(released)


def test_nothing_is_loaded_where_something_does_not_fit(released: Path) -> None:
    model = tiny(len(NAMES) + 1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(CheckpointError, match="fc_cls"):
        load_weights(model, read_checkpoint(released))
    assert_equal_bits(model.state_dict(), before)


def test_other_classes_are_named(released: Path) -> None:
    checkpoint = read_checkpoint(released)
    checkpoint.check_classes([Category(7 * i, name) for i, name in enumerate(NAMES)])
    with pytest.raises(CheckpointError, match=r"the data's cat unknown to it; its kite not in the data"):
        checkpoint.check_classes([Category(i, n) for i, n in enumerate(("person", "cat", "dog", "cow", "bus"))])
    with pytest.raises(CheckpointError, match="the same names in another order"):
        checkpoint.check_classes([Category(i, n) for i, n in enumerate(reversed(NAMES))])


def test_a_table_that_contradicts_the_classifier_is_an_error(released: Path) -> None:
    content = torch.load(released, weights_only=True)
    content["meta"]["CLASSES"] = ("person",)
    torch.save(content, released)
    with pytest.raises(CheckpointError, match="names 1 classes, its classifier has 5"):
        read_checkpoint(released)


def test_other_models_files_are_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.ones(2), "layer1.0.conv1.weight": torch.ones(2)}, tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError, match=r"begins with conv1\.weight.*init_path=.*resnet\.pth"):
        read_checkpoint(tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError, match="does not exist"):
        read_checkpoint(tmp_path / "none.pth")


def test_the_command_says_what_is_wrong(released: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["convert", str(tmp_path / "none.pth"), str(tmp_path / "a.ckpt")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert main(["convert", str(released), str(tmp_path / "a.safetensors"), "--layout", "mmdetection"]) == 1
    assert "*.pth" in capsys.readouterr().err
    assert main(["convert", str(released), str(tmp_path / "b.pth"), "--layout", "contrastmask"]) == 0
    assert "5 classes, layout contrastmask" in capsys.readouterr().out
    assert read_checkpoint(tmp_path / "b.pth").layout == "contrastmask"
    before = (tmp_path / "b.pth").read_bytes()
    assert main(["convert", str(released), str(tmp_path / "b.pth")]) == 1
    assert "b.pth exists; --overwrite replaces it" in capsys.readouterr().err
    assert (tmp_path / "b.pth").read_bytes() == before
    assert main(["convert", str(released), str(tmp_path / "b.pth"), "--overwrite"]) == 0
    assert read_checkpoint(tmp_path / "b.pth").layout == "mmdetection"


def test_the_network_of_a_converted_file_is_plain(released: Path, tmp_path: Path) -> None:
    """Nothing but words and figures goes into a file beside the tensors."""
    network = network_of(read_checkpoint(released).state)
    assert json.loads(json.dumps(network)) == network
